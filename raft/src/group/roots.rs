//! The roots of the audit log on the group's replicas: what its leader compares before it signs one.

use std::time::Duration;

use futures_util::future::join_all;
use model::audit::merkle::Hash;
use model::ids::NodeId;
use proto::peer;

use super::Group;
use crate::error::GroupError;

/// A replica that has not so many leaves yet is waited for.
const BEHIND_MAX: Duration = Duration::from_millis(300);
/// A voter answers within this time or is counted as silent.
const ANSWER_MAX: Duration = Duration::from_millis(800);

impl Group {
    /// The root that this replica has at a size; None where it has not so many leaves in time.
    pub async fn root_here(&self, size: u64) -> Result<Option<Hash>, GroupError> {
        let mut progress = self.machine().progress();
        let reached = async {
            loop {
                progress.borrow_and_update();
                if let Some(root) = self.read(|state| state.root_at(size))? {
                    return Ok(Some(root));
                }
                if progress.changed().await.is_err() {
                    return Ok(None);
                }
            }
        };
        tokio::time::timeout(BEHIND_MAX, reached).await.unwrap_or(Ok(None))
    }

    /// The roots that the voters have at a size, of those that answer, and how many voters there are.
    pub async fn roots(&self, size: u64) -> Result<(Vec<(NodeId, Hash)>, usize), GroupError> {
        let status = self.status();
        let me = self.0.router.me();
        let others = status.voters.iter().filter(|voter| **voter != me);
        let asked = others.filter_map(|voter| Some((*voter, status.addresses.get(voter)?)));
        let asked = join_all(asked.map(async |(voter, address)| {
            let request = peer::RootRequest { route: Some(self.0.router.route(self.0.id, voter)), size };
            let call = self
                .0
                .router
                .call("root", (address, Some(voter)), ANSWER_MAX, async |mut peer| peer.root(request).await);
            let root = Hash::try_from(call.await.ok()?.root.as_ref()).ok()?;
            Some((voter, root))
        }));
        let (own, others) = tokio::join!(self.root_here(size), asked);
        let own = own?.filter(|_| status.voters.contains(&me)).map(|root| (me, root));
        Ok((own.into_iter().chain(others.into_iter().flatten()).collect(), status.voters.len()))
    }
}
