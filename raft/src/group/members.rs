//! Changes of a group's members and of its leader, one step at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use model::ids::NodeId;
use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, RaftError};
use proto::peer;

use super::{Group, Role, status};
use crate::error::GroupError;
use crate::types::{Config, Member};

/// A voter that is up to date takes leadership over within this time, or is not there.
const HAND_OVER: Duration = Duration::from_millis(1_000);
/// A new member must have caught up within this time.
const CATCH_UP: Duration = Duration::from_secs(50);
/// A new member that is so many entries behind the log's end has caught up: the rest is on its way.
const CATCH_UP_ENTRIES: u64 = 256;
/// A voter that was heard within this time is there to take leadership over.
const HEARD_LATELY: Duration = Duration::from_secs(1);

/// A step of membership, one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    AddLearner(NodeId, String),
    Promote(NodeId),
    Remove(NodeId),
    Transfer(NodeId),
}

impl Group {
    /// Changes the group's members by one step, through whichever node leads.
    pub async fn change(&self, step: &Step, deadline: Duration) -> Result<(), GroupError> {
        self.at_leader(deadline, CATCH_UP, true, async |leader, left| match leader {
            None => self.change_here(step).await,
            Some((node, address)) => {
                use peer::change_request::Step as Wire;
                let (wire, subject, subject_address) = match step {
                    Step::AddLearner(node, address) => (Wire::AddLearner, node, address.clone()),
                    Step::Promote(node) => (Wire::Promote, node, String::new()),
                    Step::Remove(node) => (Wire::Remove, node, String::new()),
                    Step::Transfer(node) => (Wire::Transfer, node, String::new()),
                };
                let request = peer::ChangeRequest {
                    route: Some(self.0.router.route(self.0.id, node)),
                    step: wire.into(),
                    node: subject.0,
                    address: subject_address,
                };
                let reply = self
                    .0
                    .router
                    .call("change", (&address, Some(node)), left, async |mut peer| peer.change(request).await)
                    .await;
                self.fault(reply.map_err(|status| self.lost(status))?.fault)
            }
        })
        .await
    }

    /// Changes the group's members by one step, as its leader. A step that is done already is done.
    pub async fn change_here(&self, step: &Step) -> Result<(), GroupError> {
        let mut status = self.status();
        if status.role != Role::Leader {
            return Err(GroupError::NotLeader { group: self.0.id, leader: status.leader });
        }
        let _one = self.0.changes.try_lock().map_err(|_| self.unavailable("another change of members is under way"))?;
        let raft = &self.0.raft;
        if status.joint {
            self.settle().await?;
            status = self.status();
        }
        let written = match step {
            Step::AddLearner(node, address) => match status.addresses.get(node) {
                Some(known) if known != address => {
                    return Err(self.refused(format!("node {node} is a member of it at {known}")));
                }
                Some(_) => return self.caught_up(*node).await,
                None => {
                    let member = Member { address: address.clone() };
                    match raft.add_learner(node.0, member, false).await {
                        Ok(_) => return self.caught_up(*node).await,
                        Err(error) => Err(error),
                    }
                }
            },
            Step::Promote(node) if status.voters.contains(node) => return Ok(()),
            Step::Promote(node) => {
                // A voter that is far behind would be missed by every quorum that it is counted in.
                self.caught_up(*node).await?;
                self.change_voters(ChangeMembers::AddVoterIds(BTreeSet::from([node.0])), true).await
            }
            Step::Remove(node) if !status.addresses.contains_key(node) => return Ok(()),
            Step::Remove(node) if *node == self.0.router.me() => {
                self.step_down().await;
                return Err(self.unavailable("the leader was to be removed and hands over first"));
            }
            Step::Remove(node) if status.voters.contains(node) => {
                if status.voters.len() == 1 {
                    return Err(self.refused("the last voter of a group cannot be removed"));
                }
                self.change_voters(ChangeMembers::RemoveVoters(BTreeSet::from([node.0])), false).await
            }
            Step::Remove(node) => self.change_voters(ChangeMembers::RemoveNodes(BTreeSet::from([node.0])), false).await,
            Step::Transfer(node) if *node == self.0.router.me() => return Ok(()),
            Step::Transfer(node) if !status.voters.contains(node) => {
                return Err(self.refused(format!("node {node} is no voter of it")));
            }
            Step::Transfer(node) => return self.hand_over(*node).await,
        };
        self.changed(written)
    }

    fn changed(&self, written: Result<(), RaftError<Config, ClientWriteError<Config>>>) -> Result<(), GroupError> {
        match written {
            Ok(()) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(GroupError::NotLeader { group: self.0.id, leader: forward.leader_id.map(NodeId) })
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                Err(self.unavailable(error.to_string()))
            }
            Err(error) => Err(GroupError::Unknown { group: self.0.id, reason: error.to_string() }),
        }
    }

    /// Changes members in a task of its own: openraft takes two entries for it, and whoever asked may give up in between.
    async fn change_voters(
        &self,
        changes: ChangeMembers<u64, Member>,
        retain: bool,
    ) -> Result<(), RaftError<Config, ClientWriteError<Config>>> {
        let raft = self.0.raft.clone();
        let changed = tokio::spawn(async move { raft.change_membership(changes, retain).await.map(drop) });
        match changed.await {
            Ok(changed) => changed,
            Err(_) => Err(RaftError::Fatal(openraft::errors::Fatal::Stopped)),
        }
    }

    /// Ends a change of voters whose second entry was never written: its leader died, or gave up.
    async fn settle(&self) -> Result<(), GroupError> {
        let written = self.change_voters(ChangeMembers::AddVoterIds(BTreeSet::new()), true).await;
        self.changed(written)
    }

    /// The same, if this replica leads, one is left over and nobody works at it.
    pub(crate) async fn settle_if_left_over(&self) {
        let status = self.status();
        if status.role == Role::Leader
            && status.joint
            && let Ok(_one) = self.0.changes.try_lock()
            && let Err(error) = self.settle().await
        {
            tracing::warn!(group = %self.0.id, %error, "a change of members is still half done");
        }
    }

    /// Waits until a member has what is in the log now, but for a tail.
    async fn caught_up(&self, node: NodeId) -> Result<(), GroupError> {
        let goal = self.status().last_log.saturating_sub(CATCH_UP_ENTRIES);
        let mut metrics = self.0.raft.metrics();
        let waited = tokio::time::timeout(CATCH_UP, async {
            loop {
                {
                    let now = status::status(&metrics.borrow_watched());
                    if now.role != Role::Leader {
                        return Err(GroupError::NotLeader { group: self.0.id, leader: now.leader });
                    }
                    if now.matched.get(&node).is_some_and(|matched| *matched > 0 && *matched >= goal) {
                        return Ok(());
                    }
                }
                if metrics.changed().await.is_err() {
                    return Err(self.unavailable("the replica has stopped"));
                }
            }
        });
        let late = |_| self.unavailable(format!("node {node} has not caught up within {CATCH_UP:?}"));
        waited.await.map_err(late)?
    }

    /// Hands leadership to another voter that is up to date, if this replica leads. True when it led no more.
    pub async fn step_down(&self) -> bool {
        let status = self.status();
        if status.role != Role::Leader {
            return true;
        }
        let me = self.0.router.me();
        let others = status.voters.iter().filter(|voter| **voter != me);
        let Some(to) = others.max_by_key(|voter| {
            let there = self.0.router.heard_within(**voter, HEARD_LATELY);
            (there, status.matched.get(voter).copied(), std::cmp::Reverse(**voter))
        }) else {
            return false;
        };
        self.hand_over(*to).await.is_ok()
    }

    async fn hand_over(&self, to: NodeId) -> Result<(), GroupError> {
        self.0.raft.trigger().transfer_leader(to.0).await.map_err(|error| self.unavailable(error.to_string()))?;
        let mut metrics = self.0.raft.metrics();
        let changed = async {
            loop {
                if metrics.borrow_watched().current_leader == Some(to.0) {
                    return true;
                }
                if metrics.changed().await.is_err() {
                    return false;
                }
            }
        };
        match tokio::time::timeout(HAND_OVER, changed).await {
            Ok(true) => Ok(()),
            _ => Err(self.unavailable(format!("node {to} has not taken over"))),
        }
    }
}
