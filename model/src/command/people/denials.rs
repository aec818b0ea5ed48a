//! Record denials (R23): nodes report what they refused; who goes on trying is suspended in the same entry, and so at
//! the same index on every node.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft, Verdict};
use crate::command::Outcome;
use crate::command::people::ground::{at_home, content, floor_posts};
use crate::command::remember::{AUDIT, Decided, once_here, told};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::{RecordId, UserId};
use crate::limits::DENIALS_MAX;
use crate::outbox::Message;
use crate::people::floor::{Floor, Party};
use crate::people::profile::{AccountState, Cause, Profile, Suspension};
use crate::people::scores::{DenialKind, Scores};
use crate::view::{Effects, Read, View, Write};

/// One denial. It counts at the time of the entry, so that no node's clock can move it out of a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    pub user: UserId,
    pub kind: DenialKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordDenials {
    pub denials: Vec<Denied>,
    pub event: EventDraft,
}

/// Of the cluster itself: nobody reports another.
pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &RecordDenials) -> Read<Effects> {
    let cluster = match at_home(view, context)? {
        Ok(cluster) => cluster,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    let id = RecordId::of_request(envelope.request);
    let digest = Some(content(&command.denials)?);
    once_here(view, context, envelope, (id, digest), &command.event, || {
        let refused = |code, text: String| {
            let event = told(&command.event, Verdict::Refused, Some(code), Vec::new());
            Ok(Decided::refused(event, Refusal::new(code, text)))
        };
        if envelope.caller.is_some() {
            return refused(RefusalCode::NotEntitled, "denials are recorded by the cluster alone".to_string());
        }
        if command.denials.len() > DENIALS_MAX {
            let text = format!("denials: {} entries, at most {DENIALS_MAX} are allowed", command.denials.len());
            return refused(RefusalCode::Invalid, text);
        }
        let (writes, suspended) = count(view, context, &command.denials)?;
        let changes: Vec<ChangedRecord> = suspended.iter().map(changed).collect();
        let events = told(&command.event, Verdict::Changed, None, Vec::new()).split(&changes);
        let mut posts: Vec<_> = events.into_iter().map(|event| (AUDIT, Message::Audit(event))).collect();
        let floor = |profile: &Profile| Floor { party: Party::User(profile.user.clone()), epoch: profile.epoch };
        let floors: Vec<Floor> = suspended.iter().map(floor).collect();
        posts.extend(floor_posts(&cluster, &floors));
        let floors = floors.into_iter().map(|floor| Write::PutFloor(floor.party, floor.epoch));
        let put = suspended.into_iter().map(|profile| Write::PutProfile(Box::new(profile)));
        Ok(Decided { writes: writes.into_iter().chain(put).chain(floors).collect(), outcome: Outcome::Done(()), posts })
    })
}

/// The scores after the denials, and the accounts that they suspend. Who is not active is not counted.
fn count(view: &dyn View, context: Context, denials: &[Denied]) -> Read<(Vec<Write>, Vec<Profile>)> {
    let mut scores: BTreeMap<UserId, Option<Scores>> = BTreeMap::new();
    let mut suspended = Vec::new();
    for denied in denials {
        if !scores.contains_key(&denied.user) {
            let active = view.profile(&denied.user)?.is_some_and(|profile| profile.is_active());
            let known = if active { Some(view.scores(&denied.user)?) } else { None };
            scores.insert(denied.user.clone(), known);
        }
        let Some(counted) = scores.get_mut(&denied.user) else { continue };
        let over = counted.as_mut().is_some_and(|scores| scores.add(denied.kind, context.time));
        if over && let Some(mut profile) = view.profile(&denied.user)? {
            let suspension = Suspension { cause: Cause::Auto, at: context.time, by: None, agreed: None };
            profile.state = AccountState::Suspended(suspension);
            profile.version += 1;
            profile.epoch += 1;
            suspended.push(profile);
            // It begins anew after the reinstatement.
            *counted = None;
        }
    }
    let mut writes: Vec<Write> = scores.into_values().flatten().map(Write::PutScores).collect();
    writes.extend(suspended.iter().map(|profile| Write::PutScores(Scores::none(profile.user.clone()))));
    Ok((writes, suspended))
}

fn changed(profile: &Profile) -> ChangedRecord {
    ChangedRecord::new(Party::User(profile.user.clone()).object(), profile.version, ChangeKind::Updated)
}
