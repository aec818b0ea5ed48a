//! The faults of a run as they begin and end, on the nodes and on what lies between them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Driver, Meant, Sim, name};
use crate::disk::Left;
use crate::event;
use crate::fault::Kind;
use crate::process::Standstill;
use crate::wire::Fate;
use crate::workload::operator::Order;

/// What a fault leaves to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heal {
    Reconnect(Vec<(String, String)>),
    Latency(u64, u64),
    Release(u64, u64),
    Sync(u64),
    Room(u64),
    Clock(u64, i64),
    /// A machine that stood still asks for the time.
    Woken(u64),
    /// No snapshot came that could be cut off.
    Uncut(u64),
}

/// A snapshot that a node receives is cut off if it comes within this time.
const CUT_WITHIN_MS: u64 = 12_000;

impl Driver {
    /// Ends what is over, and begins what is due.
    pub(super) fn heal_and_harm(&mut self, sim: &mut Sim<'_>, now: u64) {
        let due: Vec<u64> = self.heals.range(..=now).map(|(at, _)| *at).collect();
        for heal in due.iter().filter_map(|at| self.heals.remove(at)).flatten().collect::<Vec<_>>() {
            // Another fault of the same sort goes on longer.
            let additive = matches!(heal, Heal::Reconnect(_) | Heal::Clock(..));
            if !additive && self.heals.values().flatten().any(|later| *later == heal) {
                continue;
            }
            event!(self.trace, "heal {heal:?}");
            self.heal(sim, heal);
        }
        while self.faults.front().is_some_and(|fault| fault.at_ms <= now) {
            if let Some(fault) = self.faults.pop_front() {
                self.fault(sim, fault.kind, now);
            }
        }
    }

    /// Something is wrong with these nodes until then; with all of them if none is named.
    pub(super) fn disturb(&mut self, nodes: &[u64], until: u64) {
        if nodes.is_empty() {
            self.disturbed_ms = self.disturbed_ms.max(until);
        }
        for node in nodes {
            if let Some(node) = self.nodes.get_mut(node) {
                node.disturbed_ms = node.disturbed_ms.max(until);
            }
        }
    }

    pub(super) fn cut(&mut self, sim: &mut Sim<'_>, pairs: &[(String, String)]) {
        for (from, to) in pairs {
            let count = self.cuts.entry((from.clone(), to.clone())).or_default();
            *count += 1;
            if *count == 1 {
                sim.partition_oneway(from.as_str(), to.as_str());
            }
        }
    }

    pub(super) fn reconnect(&mut self, sim: &mut Sim<'_>, pairs: &[(String, String)]) {
        for (from, to) in pairs {
            let Some(count) = self.cuts.get_mut(&(from.clone(), to.clone())) else { continue };
            *count -= 1;
            if *count == 0 {
                self.cuts.remove(&(from.clone(), to.clone()));
                sim.repair_oneway(from.as_str(), to.as_str());
            }
        }
    }

    fn heal_at(&mut self, at: u64, heal: Heal) {
        let nodes = match &heal {
            // Whoever is cut off is looked at as it is.
            Heal::Reconnect(_) | Heal::Uncut(_) => Vec::new(),
            Heal::Latency(a, b) | Heal::Release(a, b) => vec![*a, *b],
            Heal::Sync(node) | Heal::Room(node) | Heal::Clock(node, _) | Heal::Woken(node) => vec![*node],
        };
        if !nodes.is_empty() {
            self.disturb(&nodes, at);
        }
        self.heals.entry(at).or_default().push(heal);
    }

    fn heal(&mut self, sim: &mut Sim<'_>, heal: Heal) {
        match heal {
            Heal::Reconnect(pairs) => self.reconnect(sim, &pairs),
            Heal::Latency(a, b) => self.set_latency(sim, a, b),
            Heal::Release(a, b) => {
                sim.release(name(a), name(b));
                // What keeps them apart for another reason goes on doing so.
                for (from, to) in [(name(a), name(b)), (name(b), name(a))] {
                    if self.cuts.contains_key(&(from.clone(), to.clone())) {
                        sim.partition_oneway(from, to);
                    }
                }
            }
            Heal::Sync(node) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.disk.set_sync_us(self.world.sync_us);
                }
            }
            Heal::Room(node) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.disk.set_full(false);
                }
            }
            Heal::Uncut(node) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.disk.cut_after_pieces(None);
                }
            }
            Heal::Woken(node) => {
                if let Some(node) = self.nodes.get_mut(&node) {
                    node.process.set_clock_right();
                }
            }
            Heal::Clock(node, by_ms) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.process.clock.jump_ms(by_ms);
                }
            }
        }
    }

    /// A host that comes later stands outside of what is walled in.
    pub(super) fn wall_out(&mut self, sim: &mut Sim<'_>, newcomer: u64, now: u64) {
        self.walls.retain(|(until, _)| *until > now);
        for (until, inside) in self.walls.clone() {
            let both = |inner: &u64| [(name(*inner), name(newcomer)), (name(newcomer), name(*inner))];
            let pairs: Vec<_> = inside.iter().filter(|inner| self.nodes.contains_key(inner)).flat_map(both).collect();
            self.cut(sim, &pairs);
            self.heal_at(until, Heal::Reconnect(pairs));
        }
    }

    /// Pairs in both directions between some nodes and other hosts.
    fn around(&self, nodes: &[u64], clients_too: bool) -> Vec<(String, String)> {
        let inside: BTreeSet<String> = nodes.iter().map(|node| name(*node)).collect();
        let clients: BTreeSet<String> = self.clients.iter().map(|client| client.name.clone()).collect();
        let outside = self.all_hosts();
        let outside: Vec<_> = outside
            .into_iter()
            .filter(|host| !inside.contains(host) && (clients_too || !clients.contains(host)))
            .collect();
        let known: Vec<_> = inside.into_iter().filter(|host| self.all_hosts().contains(host)).collect();
        let mut pairs = Vec::new();
        for a in &known {
            for b in &outside {
                pairs.push((a.clone(), b.clone()));
                pairs.push((b.clone(), a.clone()));
            }
        }
        pairs
    }

    fn fault(&mut self, sim: &mut Sim<'_>, kind: Kind, now: u64) {
        event!(self.trace, "fault {kind:?}");
        let hit = match &kind {
            Kind::Crash { node, .. }
            | Kind::Bounce { node }
            | Kind::Rot { node, .. }
            | Kind::CutTransfer { node, .. }
            | Kind::Redeliver { node } => self.lives(*node),
            Kind::Pause { node, .. } => {
                self.nodes.get(node).is_some_and(|it| it.process.lives() && !it.process.stands())
            }
            Kind::RemoveNode { node } => self.nodes.get(node).is_some_and(|it| it.meant != Meant::Removed),
            _ => true,
        };
        let name = kind.name();
        if hit && self.harm(sim, kind, now) {
            self.trace.mark(&format!("fault: {name}"));
        }
    }

    /// Does what the fault says; false if it met nothing.
    fn harm(&mut self, sim: &mut Sim<'_>, kind: Kind, now: u64) -> bool {
        match kind {
            Kind::Crash { node, left, down_ms, silent } => self.crash(sim, node, left, silent, now + down_ms),
            Kind::CrashAll { left, down_ms } => {
                for node in self.living() {
                    let spread = self.rng.below(500);
                    self.crash(sim, node, left, true, now + down_ms + spread);
                }
            }
            Kind::Bounce { node } => {
                if let Some(node) = self.nodes.get_mut(&node) {
                    // It may be stopping already.
                    node.stopping = true;
                    node.slot.stop();
                }
            }
            Kind::Pause { node, for_ms, how } => {
                if let Some(host) = self.nodes.get_mut(&node) {
                    host.process.stand_until(now, now + for_ms, how);
                    if how == Standstill::Machine {
                        host.stood.push((now, now + for_ms));
                    }
                }
                if how == Standstill::Machine {
                    self.heal_at(now + for_ms + 2_000, Heal::Woken(node));
                }
            }
            Kind::Partition { a, b, for_ms } => {
                let pairs = vec![(name(a), name(b)), (name(b), name(a))];
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
            }
            Kind::OneWay { from, to, for_ms } => {
                let pairs = vec![(name(from), name(to))];
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
            }
            Kind::Isolate { nodes, for_ms } => {
                let pairs = self.around(&nodes, true);
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
                self.walls.push((now + for_ms, nodes));
            }
            Kind::Split { nodes, for_ms } => {
                let pairs = self.around(&nodes, false);
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
                self.walls.push((now + for_ms, nodes));
            }
            Kind::Delay { a, b, max_ms, for_ms } => {
                sim.set_link_max_message_latency(name(a), name(b), Duration::from_millis(max_ms));
                self.heal_at(now + for_ms, Heal::Latency(a, b));
            }
            Kind::Hold { a, b, for_ms } => {
                sim.hold(name(a), name(b));
                self.heal_at(now + for_ms, Heal::Release(a, b));
            }
            Kind::Drop { from, to } => {
                self.disturb(&[from, to], now);
                return self.connections.decide(&name(from), &name(to), Fate::Dropped);
            }
            Kind::HalfOpen { from, to } => {
                self.disturb(&[from, to], now);
                return self.connections.decide(&name(from), &name(to), Fate::HalfOpen);
            }
            Kind::HalfOpenClients { to } => {
                let nodes: Vec<u64> = self.nodes.keys().copied().filter(|node| to == 0 || *node == to).collect();
                self.disturb(&nodes, now);
                let mut any = false;
                for client in &self.clients {
                    for node in &nodes {
                        any |= self.connections.decide(&client.name, &name(*node), Fate::HalfOpen);
                    }
                }
                return any;
            }
            Kind::SlowDisk { node, sync_ms, for_ms } => {
                if let Some(host) = self.nodes.get(&node) {
                    host.disk.set_sync_us((sync_ms * 500, sync_ms * 1_000));
                    self.heal_at(now + for_ms, Heal::Sync(node));
                }
            }
            Kind::FullDisk { node, for_ms } => {
                if let Some(host) = self.nodes.get_mut(&node) {
                    host.disk.set_full(true);
                    host.was_full = true;
                    self.heal_at(now + for_ms, Heal::Room(node));
                }
            }
            Kind::Rot { node, group, number } => {
                let rotted = self.nodes.get(&node).and_then(|node| node.disk.rot(Kind::which(group), number));
                if rotted.is_none() {
                    return false;
                }
                self.crash(sim, node, Left::All, false, now + 200);
            }
            Kind::ClockJump { node, by_ms, for_ms } => {
                if let Some(host) = self.nodes.get(&node) {
                    host.process.clock.jump_ms(by_ms);
                    self.heal_at(now + for_ms, Heal::Clock(node, -by_ms));
                }
            }
            Kind::CutTransfer { node, pieces, crash } => {
                if let Some(host) = self.nodes.get_mut(&node) {
                    host.disk.cut_after_pieces(Some(pieces));
                    host.cut_by_crash = crash;
                }
                self.heal_at(now + CUT_WITHIN_MS, Heal::Uncut(node));
                // It must miss enough to need a snapshot.
                let away = self.rng.between(2_000, 5_000);
                self.crash(sim, node, Left::Part, true, now + away);
            }
            Kind::Redeliver { node } => return self.redeliver(node),
            Kind::Transfer { group, to } => {
                self.disturb(&[], now);
                self.orders.give(Order::Transfer { group, to });
            }
            Kind::Snapshot { node } => self.orders.give(Order::Snapshot { node }),
            Kind::RotateKeys => self.orders.give(Order::RotateKeys),
            Kind::AddNode { node, learner } => {
                self.disturb(&[], now);
                self.join(sim, node, learner, now);
            }
            Kind::RemoveNode { node } => {
                self.disturb(&[], now);
                self.orders.give(Order::Remove { node });
            }
        }
        true
    }

    fn lives(&self, node: u64) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.process.lives())
    }

    fn crash(&mut self, sim: &mut Sim<'_>, node: u64, left: Left, silent: bool, up_at: u64) {
        if !self.lives(node) {
            return;
        }
        self.trace.mark("crash");
        self.end_process(sim, node, left, silent);
        if let Some(node) = self.nodes.get_mut(&node)
            && !matches!(node.meant, Meant::Removed | Meant::Damaged)
        {
            node.meant = Meant::DownUntil(up_at);
        }
    }

    /// Cuts off the snapshots of which enough has come.
    pub(super) fn cut_transfers(&mut self, sim: &mut Sim<'_>, now: u64) {
        let due = self.nodes.values().filter(|node| node.disk.cut_is_due()).map(|node| node.id);
        for id in due.collect::<Vec<_>>() {
            self.cut_transfer(sim, id, now);
        }
    }

    /// A snapshot that the node receives is cut off now.
    fn cut_transfer(&mut self, sim: &mut Sim<'_>, id: u64, now: u64) {
        let by_crash = self.nodes.get(&id).is_some_and(|node| node.cut_by_crash);
        self.trace.mark(if by_crash { "transfer cut by a crash" } else { "transfer cut by its connection" });
        if by_crash {
            self.crash(sim, id, Left::Torn, true, now + 500);
        } else {
            self.connections.decide(&name(id), "", Fate::Dropped);
            self.disturb(&[id], now);
        }
    }

    /// Delivers again what was in a node's outboxes, now and when this was done before; false if there was nothing.
    fn redeliver(&mut self, node: u64) -> bool {
        let Some(groups) = self.nodes.get(&node).and_then(|node| node.slot.inside().groups.clone()) else {
            return false;
        };
        for group in groups.iter() {
            let posted = group.read(|state| state.outbox(50)).unwrap_or_default();
            self.posted.extend(posted);
        }
        let last = self.posted.len().saturating_sub(100);
        let messages = self.posted[last..].to_vec();
        let Some(host) = self.nodes.get(&node).filter(|node| node.process.lives()) else { return false };
        let any = !messages.is_empty();
        host.process.spawn(async move {
            for posted in messages {
                let to = match posted.lane.to {
                    model::outbox::Destination::Group(group) => group,
                    model::outbox::Destination::Slot(_) => continue,
                };
                let deliver = model::command::deliver::Deliver { messages: vec![posted] };
                let envelope = raft::outbox::of_the_cluster(model::command::Command::Deliver(deliver));
                if let Ok(group) = groups.get(to) {
                    drop(group.propose(&envelope, Duration::from_secs(2)).await);
                }
            }
        });
        any
    }
}
