//! Operators: they hand over leads, take snapshots, add, remove and replace nodes, while everything else goes on.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{Client, ClientError, v1};
use model::ids::GroupId;

use super::{Means, Office, client_of};
use crate::event;
use crate::history::{Answer, Call};
use crate::{host, people};

/// What an operator is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Transfer { group: u32, to: u64 },
    Snapshot { node: u64 },
    RotateKeys,
    Add { node: u64, learner: bool },
    Remove { node: u64 },
}

impl Order {
    /// Whether it changes who votes or leads.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::Snapshot { .. } | Self::RotateKeys)
    }
}

/// The operators' desk; clones share it.
#[derive(Clone, Default)]
pub struct Orders(Arc<Mutex<Desk>>);

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Order>,
    done: Vec<(Order, bool)>,
    busy: bool,
    /// What is under way changes who votes or leads.
    changing: bool,
}

impl Orders {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for something.
    pub fn give(&self, order: Order) {
        self.desk().waiting.push_back(order);
    }

    /// What was carried out since this was last asked, and whether it succeeded.
    pub fn take_done(&self) -> Vec<(Order, bool)> {
        std::mem::take(&mut self.desk().done)
    }

    /// Whether something that changes who votes or leads is under way or waits.
    pub fn changes_pending(&self) -> bool {
        let desk = self.desk();
        desk.changing || desk.waiting.iter().any(Order::changes)
    }

    /// Whether something is under way or waits.
    pub fn busy(&self) -> bool {
        let desk = self.desk();
        desk.busy || !desk.waiting.is_empty()
    }
}

/// Holds the founding ceremony where there is a gate, until there are accounts.
async fn found(office: &Office, client: &Client) {
    while !office.founded.load(Ordering::Relaxed) {
        // A request that is sent again may meet what it did before.
        let told = client.found(people::founding(&office.world)).await;
        let done = told.is_ok() || told.is_err_and(|error| error.code == "already-initialised");
        office.founded.store(done, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    office.trace.mark("accounts founded");
}

/// Carries out one order after the other.
pub async fn work(office: Office, orders: Orders, means: Means) {
    let deadline = Duration::from_secs(20);
    let Some(client) = client_of(&office.world, people::MAINTENANCE, &means, deadline) else { return };
    if office.world.gated {
        found(&office, &client).await;
    }
    loop {
        let order = {
            let mut desk = orders.desk();
            let order = desk.waiting.pop_front();
            desk.busy = order.is_some();
            desk.changing = order.as_ref().is_some_and(Order::changes);
            order
        };
        let Some(order) = order else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let done = carry_out(&office, &client, &order).await;
        event!(office.trace, "order {order:?} {done}");
        office.trace.mark(if done { "order carried out" } else { "order given up" });
        let mut desk = orders.desk();
        desk.done.push((order, done));
        (desk.busy, desk.changing) = (false, false);
    }
}

/// Attempts at an order that changes who is in the cluster.
const ATTEMPTS: u64 = 40;

async fn carry_out(office: &Office, client: &Client, order: &Order) -> bool {
    let attempts = if matches!(order, Order::Add { .. } | Order::Remove { .. }) { ATTEMPTS } else { 1 };
    for _ in 0..attempts {
        let number = office.history.begin(people::MAINTENANCE, 60_000, Call::Operate { what: format!("{order:?}") });
        let patience = if attempts > 1 { 15 } else { 3 };
        let told = tokio::time::timeout(Duration::from_secs(patience), attempt(client, order)).await;
        let done = matches!(told, Ok(Ok(())));
        if let Ok(told) = told {
            office.history.end(number, told.map(|()| Answer::Done));
        }
        if done {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    false
}

async fn attempt(client: &Client, order: &Order) -> Result<(), ClientError> {
    match order {
        Order::Transfer { group, to } => {
            let group = GroupId::from_number(*group).map(|group| group.to_string()).unwrap_or_default();
            client.transfer_leader(v1::TransferLeaderRequest { group, to: *to }).await.map(drop)
        }
        Order::Snapshot { node } => {
            let clients = client.per_endpoint(Duration::from_secs(10));
            match clients.get(*node as usize - 1) {
                Some(one) => one.snapshot(v1::SnapshotRequest { group: String::new() }).await.map(drop),
                None => Ok(()),
            }
        }
        Order::RotateKeys => client.rotate_keys(v1::RotateKeysRequest::default()).await.map(drop),
        Order::Add { node, learner } => {
            let message = v1::AddNodeRequest { node: *node, address: host::address(*node), learner: *learner };
            client.add_node(message).await.map(drop)
        }
        Order::Remove { node } => client.remove_node(v1::RemoveNodeRequest { node: *node }).await.map(drop),
    }
}
