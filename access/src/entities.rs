//! Callers, records and circumstances as the policies see them. Built for each decision without the schema, which is checked in
//! tests: what is built here has every attribute that it names.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Value, Schema,
};
use model::access::function::Function;
use model::access::labels::Visibility;
use model::access::principal::{ClassId, Principal};
use model::ids::UserId;
use model::known_bugs::{KnownBug, planted};
use model::time::UnixMillis;

use crate::error::BundleError;
use crate::request::{Act, Object, Recipient, Request};

/// A function with the window of the transaction that carries it.
pub type Transaction = (Function, UnixMillis, UnixMillis);

/// The names of the schema, read once.
#[derive(Debug)]
pub struct Vocabulary {
    user: EntityTypeName,
    record: EntityUid,
    service: EntityUid,
    /// Each with the groups that it is in.
    actions: BTreeMap<&'static str, Entity>,
    known: Entities,
}

fn name(text: &str) -> Result<EntityTypeName, BundleError> {
    text.parse().map_err(|error| BundleError::Schema(format!("{error}")))
}

impl Vocabulary {
    /// The names of a schema; each act must be an action of it.
    pub fn of(schema: &Schema) -> Result<Self, BundleError> {
        let known = schema.action_entities().map_err(|error| BundleError::Schema(error.to_string()))?;
        let action = name("Action")?;
        let mut actions = BTreeMap::new();
        for act in Act::ALL {
            let uid = EntityUid::from_type_name_and_id(action.clone(), EntityId::new(act.name()));
            let missing = || BundleError::Schema(format!("action `{}` is missing", act.name()));
            actions.insert(act.name(), known.get(&uid).ok_or_else(missing)?.clone());
        }
        Ok(Self {
            user: name("User")?,
            record: EntityUid::from_type_name_and_id(name("Record")?, EntityId::new("asked")),
            service: EntityUid::from_type_name_and_id(name("Service")?, EntityId::new("portcullis")),
            actions,
            known,
        })
    }

    /// The name of a user.
    pub fn user(&self, user: &UserId) -> EntityUid {
        EntityUid::from_type_name_and_id(self.user.clone(), EntityId::new(user.as_str()))
    }

    /// Whether an act is this action.
    pub fn is(&self, act: Act, action: &EntityUid) -> bool {
        self.action(act).is_some_and(|own| own.uid() == *action)
    }

    /// Whether an act is this action, or in this group of actions.
    pub fn is_in(&self, act: Act, action: &EntityUid) -> bool {
        let own = self.action(act).map(Entity::uid);
        own.is_some_and(|own| own == *action || self.known.is_ancestor_of(action, &own))
    }

    /// Whether callers are of this kind.
    pub fn is_caller(&self, kind: &EntityTypeName) -> bool {
        self.user == *kind
    }

    /// Whether what an act is done to is of this kind.
    pub fn is_of(&self, act: Act, kind: &EntityTypeName) -> bool {
        if act.is_to_record() { self.record.type_name() == kind } else { self.service.type_name() == kind }
    }

    /// An action with the groups that it is in.
    pub fn action(&self, act: Act) -> Option<&Entity> {
        self.actions.get(act.name())
    }

    /// The name of the record that is asked for, or of what is asked for without one.
    pub fn resource(&self, request: &Request) -> &EntityUid {
        if request.object.is_some() { &self.record } else { &self.service }
    }

    /// A caller.
    pub fn caller(&self, principal: &Principal) -> Result<Entity, String> {
        // Without `..`: a new fact must be decided on here.
        let Principal {
            user,
            agency,
            category,
            profile_version: _,
            agreement_version: _,
            epoch: _,
            active,
            background,
            course_until,
            national,
            foreign_service_national,
            certified_until,
            ncic_until,
            agreement,
            functions,
            transactions,
            stations,
            datasets,
            classes,
            level_one,
        } = principal;
        let agreed = agreement.clone().unwrap_or_default();
        let flag = Value::new_bool;
        let attributes = [
            ("agency", text(agency.as_str())),
            ("category", text(category.code())),
            ("active", flag(*active)),
            ("hasBackground", flag(background.is_some())),
            ("backgroundUntil", until(background.map(|(_, until)| until))),
            ("courseUntil", until(*course_until)),
            ("national", flag(*national)),
            ("foreignServiceNational", flag(*foreign_service_national)),
            ("certifiedUntil", until(*certified_until)),
            ("ncicHolder", flag(principal.is_ncic_holder())),
            ("ncicUntil", until(*ncic_until)),
            ("external", flag(agreement.is_some())),
            ("agreementUntil", until(agreed.until)),
            ("agreementFunctions", texts(agreed.functions.iter().map(|function| function.code()))),
            ("agreementDatasets", texts(agreed.datasets.iter().map(|dataset| dataset.code()))),
            ("redissemination", flag(agreed.redissemination)),
            ("functions", texts(functions.iter().map(|function| function.code()))),
            ("transactions", texts(transactions.iter().map(|(function, ..)| function.code()))),
            ("stations", texts(stations.iter().map(|station| station.as_str()))),
            ("datasets", texts(datasets.iter().map(|dataset| dataset.code()))),
            ("classes", texts(classes.iter().map(|class| class.0.as_str()))),
            ("levelOne", flag(*level_one)),
        ];
        entity(self.user(user), attributes)
    }

    /// A record.
    pub fn record(&self, object: &Object) -> Result<Entity, String> {
        let Object { labels, level, creator, enhanced_document, owner_approves } = object;
        let (classes, users) = match &labels.visibility {
            Visibility::LevelOne => (texts([]), Value::new_set([])),
            Visibility::Classes(classes) => (texts(classes.iter().map(|class| class.0.as_str())), Value::new_set([])),
            Visibility::Users(users) => {
                (texts([]), Value::new_set(users.iter().map(|user| Value::new_entity_uid(self.user(user)))))
            }
        };
        let attributes = [
            ("level", Value::new_long(i64::from(level.number()))),
            ("owner", text(labels.owner.as_str())),
            ("dataset", text(labels.dataset.code())),
            ("classes", classes),
            ("users", users),
            ("creator", Value::new_entity_uid(self.user(creator))),
            ("ownersMembers", text(&ClassId::members(&labels.owner).0)),
            ("ownersLevelFour", text(&ClassId::level_four(&labels.owner).0)),
            ("enhancedDocument", Value::new_bool(*enhanced_document)),
            ("ownerApproves", Value::new_bool(*owner_approves)),
        ];
        entity(self.record.clone(), attributes)
    }
}

/// The circumstances of a request.
pub fn circumstances(transactions: &[Transaction], request: &Request) -> Result<Context, String> {
    let Request { act: _, function, station, purpose, now, object: _, recipient, system, consent } = request;
    let open = transactions
        .iter()
        .any(|(own, from, to)| own == function && from <= now && (now < to || planted(KnownBug::WindowNeverCloses)));
    let pairs = [
        ("now", until(Some(*now))),
        ("function", text(function.code())),
        ("transactionOpen", Value::new_bool(open)),
        ("station", text(station.as_str())),
        ("purpose", text(purpose.as_str())),
        ("system", Value::new_bool(*system)),
        ("consent", Value::new_bool(*consent)),
        ("recipientNamed", Value::new_bool(recipient.is_some())),
        ("recipientMember", Value::new_bool(*recipient == Some(Recipient::Member))),
    ];
    let pairs = pairs.into_iter().map(|(name, value)| (name.to_string(), value));
    Context::from_pairs(pairs).map_err(|_| "the circumstances".to_string())
}

fn entity<const N: usize>(uid: EntityUid, attributes: [(&str, Value); N]) -> Result<Entity, String> {
    let attributes: HashMap<_, _> = attributes.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
    Entity::new(uid, attributes, HashSet::new()).map_err(|_| "the caller or the record".to_string())
}

fn text(text: &str) -> Value {
    Value::new_string(text.to_string())
}

fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    Value::new_set(texts.into_iter().map(text))
}

/// A time as a whole number; one beyond the numbers of Cedar is its last, and none is 0, which is always over.
fn until(time: Option<UnixMillis>) -> Value {
    Value::new_long(time.map_or(0, |time| i64::try_from(time.0).unwrap_or(i64::MAX)))
}
