//! A text of policies that was checked and parsed, once, before any decision is made by it.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Authorizer, Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use model::access::denial::Denial;
use model::access::policy_bundle::{PolicyBundle, PolicyDraft};
use model::error::Invalid;
use model::ids::UserId;
use model::limits::{ACCESS_POLICIES_BYTES_MAX, ACCESS_POLICIES_MAX};
use sha2::{Digest, Sha256};

use crate::compile;
use crate::corpus::Corpus;
use crate::entities::Vocabulary;
use crate::error::BundleError;
use crate::request::Act;

/// What the policies may ask about.
const SCHEMA: &str = include_str!("../policies/portcullis.cedarschema");

/// The policies that hold as long as nobody has put any.
const POLICIES: [&str; 3] = [
    include_str!("../policies/standing.cedar"),
    include_str!("../policies/functions.cedar"),
    include_str!("../policies/records.cedar"),
];

/// How far a policy may follow attributes: to those of caller and record, and no further, since nothing else is handed in.
const LEVEL: u32 = 1;

/// The stages of a decision (1.3); each policy says which it is of.
const STAGES: [&str; 3] = ["standing", "function", RECORD_STAGE];

/// The stage that the label algebra says again.
const RECORD_STAGE: &str = "record";

/// Policies that decisions are made by.
#[derive(Debug)]
pub struct Bundle {
    /// All as they are written.
    pub(crate) policies: PolicySet,
    /// Those that can say anything of each act.
    by_act: BTreeMap<Act, PolicySet>,
    /// Those of the record's stage alone.
    pub(crate) record_policies: PolicySet,
    /// The code of each gate.
    pub(crate) codes: BTreeMap<PolicyId, Denial>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) authorizer: Authorizer,
    sha256: [u8; 32],
    text: String,
}

impl Bundle {
    /// The policies that hold as long as nobody has put any.
    pub fn built_in() -> Result<Self, BundleError> {
        Self::load(&POLICIES.join("\n"))
    }

    /// Checks and takes a text of policies.
    pub fn load(text: &str) -> Result<Self, BundleError> {
        let bundle = Self::unvalidated(text)?;
        let validator = Validator::new(schema()?);
        let result = validator.validate_with_level(&bundle.policies, ValidationMode::Strict, LEVEL);
        // A warning is a policy that never holds, or a text that does not read as it looks.
        let errors = result.validation_errors().map(ToString::to_string);
        let found: Vec<String> = errors.chain(result.validation_warnings().map(ToString::to_string)).collect();
        if found.is_empty() { Ok(bundle) } else { Err(BundleError::Rejected(found.join("; "))) }
    }

    /// All that `load` checks but for the validation against the schema.
    pub(crate) fn unvalidated(text: &str) -> Result<Self, BundleError> {
        if text.len() > ACCESS_POLICIES_BYTES_MAX {
            let reason = format!("has {} bytes, at most {ACCESS_POLICIES_BYTES_MAX} are allowed", text.len());
            return Err(Invalid::new("text", reason).into());
        }
        let parsed: PolicySet = text.parse().map_err(|error| BundleError::Parse(format!("{error}")))?;
        if parsed.num_of_templates() > 0 {
            return Err(BundleError::Template);
        }
        let found = parsed.num_of_policies();
        if found > ACCESS_POLICIES_MAX {
            return Err(BundleError::TooMany { found, most: ACCESS_POLICIES_MAX });
        }
        let (mut policies, mut record_policies) = (PolicySet::new(), PolicySet::new());
        let (mut codes, mut names) = (BTreeMap::new(), BTreeSet::new());
        for policy in parsed.policies() {
            let name = policy.annotation("id").filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| BundleError::Unnamed(policy.to_string()))?;
            let wrong = |reason: String| BundleError::Policy { policy: name.to_string(), reason };
            if !names.insert(name.to_string()) {
                return Err(wrong("stands there twice".into()));
            }
            // A policy for one person would be a superuser, or somebody whom nothing tells why (R30).
            if let Some(named) = policy.entity_literals().iter().find(|named| named.type_name().to_string() != "Action")
            {
                return Err(wrong(format!(
                    "names {named}; policies are for what callers and records are, not for one"
                )));
            }
            let renamed = policy.new_id(PolicyId::new(name));
            if let Some(code) = code_of(policy, name).map_err(wrong)? {
                codes.insert(renamed.id().clone(), code);
            }
            let failed = |error: cedar_policy::PolicySetError| BundleError::Parse(error.to_string());
            if stage_of(policy).map_err(wrong)? == RECORD_STAGE {
                record_policies.add(renamed.clone()).map_err(failed)?;
            }
            policies.add(renamed).map_err(failed)?;
        }
        let vocabulary = Vocabulary::of(&schema()?)?;
        let by_act = compile::by_act(&policies, &vocabulary)?;
        Ok(Self {
            policies,
            by_act,
            record_policies,
            codes,
            vocabulary,
            authorizer: Authorizer::new(),
            sha256: digest(&[SCHEMA, &language(), text]),
            text: text.to_string(),
        })
    }

    /// Takes policies of the directory that were in force already.
    pub fn of(stored: &PolicyBundle) -> Result<Self, BundleError> {
        stored.validate()?;
        if stored.cedar_language != language() {
            return Err(BundleError::OtherLanguage { found: stored.cedar_language.clone(), known: language() });
        }
        if stored.schema_sha256 != digest(&[SCHEMA]) {
            return Err(BundleError::OtherSchema);
        }
        Self::load(&stored.text)
    }

    /// Takes policies that are to come into force: they must decide every case of this program's corpus as it says.
    pub fn for_activation(stored: &PolicyBundle) -> Result<Self, BundleError> {
        let bundle = Self::of(stored)?;
        let corpus = Corpus::built_in()?;
        if stored.decisions_sha256 != corpus.sha256() {
            return Err(BundleError::OtherDecisions);
        }
        bundle.check_corpus(&corpus)?;
        Ok(bundle)
    }

    /// These policies as a version for the directory that somebody else is to approve: they must decide every case of this
    /// program's corpus as it says.
    pub fn draft(&self, version: u64) -> Result<PolicyDraft, BundleError> {
        let corpus = Corpus::built_in()?;
        self.check_corpus(&corpus)?;
        let draft = self.as_draft(version, &corpus);
        draft.validate()?;
        Ok(draft)
    }

    /// These policies as a version for the directory.
    pub fn stored(&self, version: u64, author: UserId, approver: UserId) -> Result<PolicyBundle, BundleError> {
        let stored = self.as_draft(version, &Corpus::built_in()?).approved(author, approver);
        stored.validate()?;
        Ok(stored)
    }

    fn as_draft(&self, version: u64, corpus: &Corpus) -> PolicyDraft {
        PolicyDraft {
            version,
            cedar_language: language(),
            schema_sha256: digest(&[SCHEMA]),
            decisions_sha256: corpus.sha256(),
            text: self.text.clone(),
        }
    }

    /// The policies that can say anything of an act; all of them, should it have none of its own.
    pub(crate) fn policies_for(&self, act: Act) -> &PolicySet {
        self.by_act.get(&act).unwrap_or(&self.policies)
    }

    /// SHA-256 of schema, language version and text, by which the audit names what decided.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many policies there are.
    pub fn len(&self) -> usize {
        self.policies.num_of_policies()
    }

    /// Whether there are none, so that nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the policies may ask about.
pub(crate) fn schema() -> Result<Schema, BundleError> {
    SCHEMA.parse().map_err(|error| BundleError::Schema(format!("{error}")))
}

/// The version of Cedar's language that this program speaks.
fn language() -> String {
    cedar_policy::get_lang_version().to_string()
}

/// SHA-256 of texts with their lengths.
pub(crate) fn digest(texts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// The code of a gate: that of its rule, by whose number its name begins.
fn code_of(policy: &Policy, name: &str) -> Result<Option<Denial>, String> {
    let code = policy.annotation("code");
    match (policy.effect(), code) {
        (Effect::Permit, None) => Ok(None),
        (Effect::Permit, Some(_)) => Err("is a permit and has a `@code`; only what refuses has one".into()),
        (Effect::Forbid, None) => Err("refuses and has no `@code`; every refusal must say why".into()),
        (Effect::Forbid, Some(code)) => {
            let denial = Denial::from_code(code).ok_or_else(|| format!("has the unknown `@code` {code:?}"))?;
            let rule = name.split('-').next().unwrap_or_default();
            if rule == denial.rule() {
                Ok(Some(denial))
            } else {
                Err(format!("is named after {rule}, its `@code` {code} is of {}", denial.rule()))
            }
        }
    }
}

fn stage_of(policy: &Policy) -> Result<&str, String> {
    let stage = policy.annotation("stage").unwrap_or_default();
    if STAGES.contains(&stage) { Ok(stage) } else { Err(format!("has `@stage` {stage:?}, must be one of {STAGES:?}")) }
}
