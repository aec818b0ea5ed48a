//! The move of a slot from one records group to another: what either group may do at each step, and who answers
//! meanwhile.
//!
//! ```text
//! owner:  begin ──> freeze ──> hand over ──> drop      (call off: any time before it handed over)
//! taker:          stage ... ──> seal ──> adopt         (clear: after the owner called off)
//! ```
//!
//! The owner's log alone decides: until it hands over it can call off, afterwards it cannot, and there is no two-phase
//! commit (DESIGN.md, Groups). Whoever carries the steps between the groups may die, repeat and delay any of them: each
//! names its move and rests on a fact that stays true, such as *this move was sealed with this digest* or *this move
//! was called off*. What it may not do is invent one.
//!
//! What moves with a slot is all that its rules read: every version of its records with their tokens, their overrides, its request ids,
//! the cursors of the lanes that lead to it, the last sequences of the lanes that come from it, and the owner's log
//! time (decision 16). Messages that are still in the owner's outbox stay there and are delivered from there. Nothing
//! calls this yet; it is checked by `chaos/models/slot_move.rs`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::audit::merkle::Hash;
use crate::ids::GroupId;

/// One attempt to move a slot. The moves of a slot are ordered, so that what is left of an older one is known as such.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MoveId {
    /// The ownership that the move would end; it counts 1, 2, 3 ... with each group that owns the slot.
    pub epoch: u64,
    /// Which attempt of that ownership it is.
    pub attempt: u64,
    /// The group that is given the slot; no other one takes anything of the move.
    pub to: GroupId,
}

impl fmt::Debug for MoveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} to {}", self.epoch, self.attempt, self.to)
    }
}

/// What a group has to do with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// The newest ownership that was this group's; 0 if none was.
    pub epoch: u64,
    /// The newest move to this group that is over: what is late of it or of an older one is refused.
    pub over: Option<MoveId>,
    pub role: Role,
}

/// What a group is to a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// It has nothing of it; if it had it once, it knows to whom it went.
    Without { to: Option<GroupId> },
    /// It owns the slot; while a move is under way it leaves.
    Owner { attempts: u64, leaving: Option<Leaving> },
    /// It has handed the slot over and keeps what it had, so that questions go on finding it until the taker has shown
    /// that it owns the slot.
    Keeper { to: GroupId },
    /// It is being given the slot. Sealed: everything is here, and no part is taken any more.
    Taker { id: MoveId, sealed: Option<Hash> },
}

/// The owner's side of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leaving {
    pub to: GroupId,
    /// Nothing of the slot changes any more, so that its digest is final.
    pub frozen: bool,
}

/// Why a step is not taken. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("the move is over here, or was never begun")]
    Over,
    #[error("the step does not fit what the group is to the slot")]
    Unfit,
    #[error("what was copied is not what the owner has")]
    Differs,
}

/// What a group says to a write, or to a message that is addressed to the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Take,
    /// The slot is leaving: the same group or the next owner takes it soon.
    Wait,
    Elsewhere(GroupId),
    /// It never had the slot, or does not have it yet: the directory's map says who does.
    NotMine,
}

/// What a group can say about a slot to a question that asks several groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    Never,
    /// It had the slot up to this ownership and has nothing of it any more.
    Dropped(u64),
    Keeps(u64),
    Owns(u64),
}

impl Claim {
    fn epoch(self) -> u64 {
        match self {
            Self::Never => 0,
            Self::Dropped(epoch) | Self::Keeps(epoch) | Self::Owns(epoch) => epoch,
        }
    }
}

/// Whose records of a slot answer a question, by what the groups claimed at the moment each was read: those of the
/// newest ownership that any of them had. None: nobody of them has these any more, so the answer lacks the slot and is
/// partial.
pub fn answers(claims: &[(GroupId, Claim)]) -> Option<GroupId> {
    let newest = claims.iter().max_by_key(|(_, claim)| claim.epoch())?;
    matches!(newest.1, Claim::Keeps(_) | Claim::Owns(_)).then_some(newest.0)
}

impl Holding {
    /// A group that never had the slot.
    pub fn never() -> Self {
        Self { epoch: 0, over: None, role: Role::Without { to: None } }
    }

    /// The group to which the first slot map of a cluster gave the slot.
    pub fn first() -> Self {
        Self { epoch: 1, over: None, role: Role::Owner { attempts: 0, leaving: None } }
    }

    /// What it says to a write or a message.
    pub fn answer(&self) -> Answer {
        match self.role {
            Role::Owner { leaving: Some(Leaving { frozen: true, .. }), .. } => Answer::Wait,
            Role::Owner { .. } => Answer::Take,
            Role::Keeper { to } | Role::Without { to: Some(to) } => Answer::Elsewhere(to),
            Role::Without { to: None } | Role::Taker { .. } => Answer::NotMine,
        }
    }

    /// What it says to a question.
    pub fn claim(&self) -> Claim {
        match self.role {
            Role::Owner { .. } => Claim::Owns(self.epoch),
            Role::Keeper { .. } => Claim::Keeps(self.epoch),
            Role::Without { .. } | Role::Taker { .. } if self.epoch == 0 => Claim::Never,
            Role::Without { .. } | Role::Taker { .. } => Claim::Dropped(self.epoch),
        }
    }

    /// The move that is under way from here.
    pub fn leaving(&self) -> Option<(MoveId, Leaving)> {
        match self.role {
            Role::Owner { attempts, leaving: Some(leaving) } => {
                Some((MoveId { epoch: self.epoch, attempt: attempts, to: leaving.to }, leaving))
            }
            _ => None,
        }
    }

    fn with(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Whether this is the move that is under way from here.
    fn leaves_by(&self, id: MoveId) -> Result<(u64, Leaving), NotTaken> {
        match self.leaving() {
            Some((current, leaving)) if current == id => Ok((id.attempt, leaving)),
            _ => Err(NotTaken::Over),
        }
    }

    /// Owner: begins a move, or goes on with the one to the same group.
    pub fn begin(self, to: GroupId) -> Result<Self, NotTaken> {
        match self.role {
            Role::Owner { attempts, leaving: None } => {
                let leaving = Some(Leaving { to, frozen: false });
                Ok(self.with(Role::Owner { attempts: attempts + 1, leaving }))
            }
            Role::Owner { leaving: Some(leaving), .. } if leaving.to == to => Ok(self),
            _ => Err(NotTaken::Unfit),
        }
    }

    /// Owner: takes no write and no message any more, so that what is copied from now on is final.
    pub fn freeze(self, id: MoveId) -> Result<Self, NotTaken> {
        let (attempts, leaving) = self.leaves_by(id)?;
        Ok(self.with(Role::Owner { attempts, leaving: Some(Leaving { frozen: true, ..leaving }) }))
    }

    /// Owner: gives the move up and is what it was. From then on the taker may be told to clear.
    pub fn call_off(self, id: MoveId) -> Result<Self, NotTaken> {
        let (attempts, _) = self.leaves_by(id)?;
        Ok(self.with(Role::Owner { attempts, leaving: None }))
    }

    /// Owner: the step that cannot be taken back. `own` is the digest of what it has, `sealed` the one that the taker
    /// sealed.
    pub fn hand_over(self, id: MoveId, own: Hash, sealed: Hash) -> Result<Self, NotTaken> {
        let (_, leaving) = self.leaves_by(id)?;
        if !leaving.frozen {
            return Err(NotTaken::Unfit);
        }
        if own != sealed {
            return Err(NotTaken::Differs);
        }
        Ok(self.with(Role::Keeper { to: leaving.to }))
    }

    /// Keeper: forgets the slot once the taker is seen to own it, and once nothing of it is left in the outbox.
    pub fn drop_kept(self, owned: MoveId, outbox_is_empty: bool) -> Result<Self, NotTaken> {
        match self.role {
            Role::Keeper { to } if owned.epoch == self.epoch && outbox_is_empty => {
                Ok(self.with(Role::Without { to: Some(to) }))
            }
            _ => Err(NotTaken::Unfit),
        }
    }

    /// Taker: takes a part of a move, if it is this group that is given the slot. A part of a newer move says that an
    /// older one was called off; whatever is here of that is to be thrown away (`Begins::Anew`).
    pub fn stage(self, me: GroupId, id: MoveId) -> Result<(Self, Begins), NotTaken> {
        let fresh = (self.with(Role::Taker { id, sealed: None }), Begins::Anew);
        match self.role {
            _ if id.to != me => Err(NotTaken::Unfit),
            _ if Some(id) <= self.over => Err(NotTaken::Over),
            Role::Without { .. } => Ok(fresh),
            Role::Taker { id: current, .. } if current < id => Ok(fresh),
            Role::Taker { id: current, sealed: None } if current == id => Ok((self, Begins::GoesOn)),
            Role::Taker { id: current, .. } if current > id => Err(NotTaken::Over),
            Role::Taker { .. } | Role::Owner { .. } | Role::Keeper { .. } => Err(NotTaken::Unfit),
        }
    }

    /// Taker: closes what was copied, if it is what the frozen owner announced.
    pub fn seal(self, id: MoveId, staged: Hash, announced: Hash) -> Result<Self, NotTaken> {
        match self.role {
            Role::Taker { id: current, sealed: None } if current == id => {
                let sealed = (staged == announced).then_some(announced).ok_or(NotTaken::Differs)?;
                Ok(self.with(Role::Taker { id, sealed: Some(sealed) }))
            }
            _ => Err(NotTaken::Over),
        }
    }

    /// Taker: owns the slot. Only for a move that its owner has handed over; the group's log time must become at least
    /// what the owner's was, or a request id that the owner had forgotten as too old would be taken anew.
    pub fn adopt(self, id: MoveId) -> Result<Self, NotTaken> {
        match self.role {
            Role::Taker { id: current, sealed: Some(_) } if current == id => {
                Ok(Self { epoch: id.epoch + 1, over: Some(id), role: Role::Owner { attempts: 0, leaving: None } })
            }
            _ => Err(NotTaken::Over),
        }
    }

    /// Taker: throws away what it has of a move that its owner called off.
    pub fn clear(self, id: MoveId) -> Result<Self, NotTaken> {
        let over = self.over.max(Some(id));
        match self.role {
            Role::Taker { id: current, .. } if current <= id => {
                Ok(Self { over, role: Role::Without { to: None }, ..self })
            }
            Role::Taker { .. } | Role::Without { .. } if Some(id) > self.over => Ok(Self { over, ..self }),
            _ => Err(NotTaken::Over),
        }
    }
}

/// Whether a part is the first of its move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// Whatever was staged before belongs to a move that is over.
    Anew,
    GoesOn,
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: GroupId = GroupId::Records(0);
    const Y: GroupId = GroupId::Records(1);
    const FIRST: MoveId = MoveId { epoch: 1, attempt: 1, to: Y };
    const SECOND: MoveId = MoveId { epoch: 1, attempt: 2, to: Y };

    fn staged(holding: Holding, id: MoveId) -> Holding {
        holding.stage(Y, id).expect("takes the part").0
    }

    #[test]
    fn a_move_changes_the_owner_and_each_step_may_come_twice() {
        let (mut x, mut y) = (Holding::first(), Holding::never());
        assert_eq!((x.answer(), y.answer()), (Answer::Take, Answer::NotMine));
        x = x.begin(Y).expect("begins");
        assert_eq!(x.begin(Y), Ok(x));
        assert_eq!(x.answer(), Answer::Take, "what is copied early is compared at the end");
        y = staged(y, FIRST);
        x = x.freeze(FIRST).expect("freezes");
        assert_eq!((x.freeze(FIRST), x.answer()), (Ok(x), Answer::Wait));
        y = y.seal(FIRST, [1; 32], [1; 32]).expect("seals");
        assert_eq!(y.stage(Y, FIRST), Err(NotTaken::Unfit), "a late part changes nothing that is sealed");
        assert_eq!(x.hand_over(FIRST, [2; 32], [1; 32]), Err(NotTaken::Differs));
        x = x.hand_over(FIRST, [1; 32], [1; 32]).expect("hands over");
        assert_eq!((x.answer(), y.answer()), (Answer::Elsewhere(Y), Answer::NotMine));
        assert_eq!(answers(&[(X, x.claim()), (Y, y.claim())]), Some(X), "the keeper is found until the taker owns");
        assert_eq!(x.call_off(FIRST), Err(NotTaken::Over), "too late");
        y = y.adopt(FIRST).expect("adopts");
        assert_eq!((y.epoch, y.answer()), (2, Answer::Take));
        assert_eq!(
            (y.adopt(FIRST), y.stage(Y, FIRST), y.clear(FIRST)),
            (Err(NotTaken::Over), Err(NotTaken::Over), Err(NotTaken::Over))
        );
        assert_eq!(answers(&[(X, x.claim()), (Y, y.claim())]), Some(Y));
        assert_eq!(x.drop_kept(FIRST, false), Err(NotTaken::Unfit), "its messages are not delivered");
        x = x.drop_kept(FIRST, true).expect("drops");
        assert_eq!((x.answer(), x.claim()), (Answer::Elsewhere(Y), Claim::Dropped(1)));
        assert_eq!(
            answers(&[(X, x.claim()), (Y, Claim::Never)]),
            None,
            "a copy of the taker that is behind has nothing"
        );
    }

    #[test]
    fn a_move_that_was_called_off_leaves_the_owner_as_it_was_and_nothing_late_of_it_is_taken() {
        let mut x = Holding::first().begin(Y).expect("begins").freeze(FIRST).expect("freezes");
        let mut y = staged(Holding::never(), FIRST).seal(FIRST, [1; 32], [1; 32]).expect("seals");
        x = x.call_off(FIRST).expect("calls off");
        assert_eq!(x.answer(), Answer::Take);
        assert_eq!(x.hand_over(FIRST, [1; 32], [1; 32]), Err(NotTaken::Over));
        x = x.begin(Y).expect("begins again");
        assert_eq!(x.leaving().map(|(id, _)| id), Some(SECOND));
        assert_eq!(x.hand_over(FIRST, [1; 32], [1; 32]), Err(NotTaken::Over), "sealed was another move");
        y = y.clear(FIRST).expect("clears");
        assert_eq!((y.stage(Y, FIRST), y.clear(FIRST)), (Err(NotTaken::Over), Err(NotTaken::Over)));
        assert_eq!(Holding::never().stage(X, SECOND), Err(NotTaken::Unfit), "of a move to another group");
        let (y, begins) = y.stage(Y, SECOND).expect("takes the part");
        assert_eq!(begins, Begins::Anew);
        assert_eq!(y.clear(FIRST), Err(NotTaken::Over), "of an older move");
        assert_eq!(y.adopt(SECOND), Err(NotTaken::Over), "not sealed");
    }
}
