//! One group's side of a move: what it has of the slot, what of that is copied, and what was staged of another group's.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use model::audit::merkle;
use model::command::Remembered;
use model::ids::{RecordId, RequestId, SlotId, Token};
use model::outbox::{Destination, Lane};
use model::record::StoredRecord;
use model::slot_move::{Begins, Holding, Role};
use model::time::UnixMillis;

use crate::slot_move::{Mistake, SLOT};
use crate::support::{Group, Held};

/// Part of a slot's contents, as it is copied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    Records {
        records: BTreeMap<RecordId, Vec<Held<StoredRecord>>>,
        tokens: BTreeSet<(Token, RecordId)>,
        requests: BTreeMap<(SlotId, RequestId), Held<Remembered>>,
    },
    Lanes {
        posted: BTreeMap<Lane, u64>,
        cursors: BTreeMap<Lane, u64>,
    },
}

/// Which of the two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    Records,
    Lanes,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Side {
    pub group: Group,
    pub holding: Holding,
    pub staged: BTreeMap<Which, Part>,
}

/// A digest that tells values of a model apart.
pub fn digest<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn of_slot(lane: &Lane) -> bool {
    lane.from == SLOT
}

fn to_slot(lane: &Lane) -> bool {
    lane.to == Destination::Slot(SLOT)
}

impl Side {
    /// One part of what it has.
    pub fn part(&self, which: Which, mistake: Option<Mistake>) -> Part {
        let stock = &self.group;
        match which {
            Which::Records => Part::Records {
                records: stock.records.clone(),
                tokens: stock.tokens.clone(),
                requests: match mistake {
                    Some(Mistake::RequestsStay) => BTreeMap::new(),
                    _ => stock.requests.clone(),
                },
            },
            Which::Lanes => {
                let of = |lanes: &BTreeMap<Lane, u64>, moves: fn(&Lane) -> bool, stays: bool| {
                    let all = lanes.iter().filter(|(lane, _)| moves(lane) && !stays);
                    all.map(|(lane, sequence)| (*lane, *sequence)).collect()
                };
                Part::Lanes {
                    posted: of(&stock.posted, of_slot, mistake == Some(Mistake::SequencesStay)),
                    cursors: of(&stock.cursors, to_slot, mistake == Some(Mistake::CursorsStay)),
                }
            }
        }
    }

    /// All that moves with the slot.
    pub fn parts(&self, mistake: Option<Mistake>) -> BTreeMap<Which, Part> {
        [Which::Records, Which::Lanes].map(|which| (which, self.part(which, mistake))).into()
    }

    /// The digest of what it has of the slot, or of what is staged.
    pub fn digest_of(parts: &BTreeMap<Which, Part>) -> merkle::Hash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&digest(parts).to_be_bytes());
        hash
    }

    /// Keeps a part until the slot is adopted.
    pub fn stage(&mut self, begins: Begins, which: Which, part: Part) {
        if begins == Begins::Anew {
            self.staged.clear();
        }
        self.staged.insert(which, part);
    }

    /// What is staged becomes the slot.
    pub fn adopt(&mut self, log_time: UnixMillis) {
        let staged = std::mem::take(&mut self.staged);
        self.group = self.group.changed(|stock| {
            stock.time = stock.time.max(log_time);
            for part in staged.into_values() {
                match part {
                    Part::Records { records, tokens, requests } => {
                        (stock.records, stock.tokens, stock.requests) = (records, tokens, requests);
                    }
                    Part::Lanes { posted, cursors } => {
                        stock.posted.extend(posted);
                        stock.cursors.extend(cursors);
                    }
                }
            }
        });
    }

    /// Has nothing of the slot any more but what is in the outbox.
    pub fn forget(&mut self, mistake: Option<Mistake>) {
        self.group = self.group.changed(|stock| {
            stock.records.clear();
            stock.tokens.clear();
            stock.requests.clear();
            stock.posted.retain(|lane, _| !of_slot(lane));
            stock.cursors.retain(|lane, _| !to_slot(lane));
            if mistake == Some(Mistake::DropsUndelivered) {
                stock.outbox.clear();
            }
        });
    }

    /// Whether it owns the slot.
    pub fn owns(&self) -> bool {
        matches!(self.holding.role, Role::Owner { .. })
    }
}
