//! A second look: of one record in so many that the labels were asked about, the policies in force are asked as well. Lists and
//! searches are cut by labels alone, since policies would take too long; that both say the same is proven by tests of the policies
//! that the program ships, and watched here for those that somebody put in their place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use access::{Bundle, Object, Request};
use model::access::labels::Labels;
use model::access::principal::Principal;
use prometheus::{IntCounter, Registry};

use super::known::Known;

/// One look in so many is taken twice.
const EVERY: u64 = 256;

/// What is counted of it; clones share it.
#[derive(Debug, Clone)]
pub struct SecondLooks {
    /// Looks at records by labels, whether or not a second one followed.
    looks: Arc<AtomicU64>,
    taken: IntCounter,
    differ: IntCounter,
}

impl SecondLooks {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let taken = "Records about which labels and access policies were both asked.";
        let differ = "Records about which labels and access policies said different things; must stay 0.";
        let metrics = Self {
            looks: Arc::default(),
            taken: IntCounter::new("portcullis_second_looks_total", taken)?,
            differ: IntCounter::new("portcullis_second_looks_differ_total", differ)?,
        };
        registry.register(Box::new(metrics.taken.clone()))?;
        registry.register(Box::new(metrics.differ.clone()))?;
        Ok(metrics)
    }

    fn is_due(&self) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(EVERY)
    }

    fn compare(&self, bundle: &Bundle, principal: &Principal, asked: &Request, visible: bool) {
        let verdict = bundle.decide_record(principal, asked);
        self.taken.inc();
        if verdict.allowed != visible || !verdict.errors.is_empty() {
            self.differ.inc();
            let (policies, errors) = (verdict.policies.join(", "), verdict.errors.join(", "));
            tracing::error!(
                visible,
                policies,
                errors,
                "labels and access policies differ about a record; labels decide"
            );
        }
    }
}

/// By whom and by what a caller's records are looked at again.
#[derive(Debug, Clone)]
pub struct Second {
    pub(super) bundle: Arc<Bundle>,
    pub(super) known: Arc<Known>,
    /// To read a record, but for which.
    pub(super) asked: Request,
    pub(super) looks: SecondLooks,
}

impl Second {
    /// A record is looked at. Where it is its turn, labels and policies are both asked, and a difference is an alarm; the answer is the
    /// labels' in any case, or the same question would have another answer now and then.
    pub fn look(&self, labels: impl FnOnce() -> Labels, visible: impl FnOnce(&Labels) -> bool) {
        if !self.looks.is_due() {
            return;
        }
        let labels = labels();
        let visible = visible(&labels);
        let principal = self.known.by(self.asked.function, self.asked.now);
        let object = Some(Object::labelled(labels, &self.known.principal.user));
        let asked = Request { object, ..self.asked.clone() };
        self.looks.compare(&self.bundle, &principal, &asked, visible);
    }
}

#[cfg(test)]
mod tests {
    use access::Act;
    use model::access::function::Function;
    use model::access::principal::ClassId;
    use model::ids::{AgencyId, PortId, Purpose, UserId};
    use model::record::{AccessLevel, Dataset};
    use model::time::UnixMillis;

    use super::*;

    fn officer() -> Principal {
        let agency = AgencyId::new("CBP").expect("a code");
        Principal {
            datasets: [Dataset::Tecs].into(),
            classes: [ClassId::members(&agency)].into(),
            level_one: true,
            ..Principal::of_nothing(UserId::new("smith").expect("a code"), agency)
        }
    }

    fn reads(owner: &str) -> Request {
        let (owner, creator) = (AgencyId::new(owner).expect("a code"), UserId::new("jones").expect("a code"));
        let labels = Labels::new(Dataset::Tecs, &owner, AccessLevel::Three, &[], &creator);
        Request {
            act: Act::Read,
            function: Function::SubjectQuery,
            station: PortId::new("2404").expect("a code"),
            purpose: Purpose::new("desk").expect("a code"),
            now: UnixMillis(1),
            object: Some(Object::labelled(labels, &creator)),
            recipient: None,
            system: false,
            consent: true,
        }
    }

    #[test]
    fn one_look_in_so_many_is_taken_twice_and_a_difference_is_counted() {
        let bundle = Bundle::built_in().expect("right");
        let looks = SecondLooks::new(&Registry::new()).expect("registers");
        let due = (0..3 * EVERY).filter(|_| looks.is_due()).count();
        assert_eq!(due, 3);
        for (visible, owner, differ) in [(true, "CBP", 0), (false, "ICE", 0), (true, "ICE", 1), (false, "CBP", 2)] {
            looks.compare(&bundle, &officer(), &reads(owner), visible);
            assert_eq!(looks.differ.get(), differ, "{owner} {visible}");
        }
        assert_eq!(looks.taken.get(), 4);
    }
}
