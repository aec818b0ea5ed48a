//! Names that our certificates carry, as URIs among the subject's alternative names (SECURITY.md 2.1): which node of which
//! cluster, which user, which system of which agency.

use std::fmt;
use std::str::FromStr;

use crate::error::Invalid;
use crate::ids::{AgencyId, ClusterId, NodeId, PortId, UserId};

const SCHEME: &str = "portcullis://cluster/";

/// Whom a certificate names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateName {
    pub cluster: ClusterId,
    pub bearer: Bearer,
}

/// What bears a name within a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bearer {
    Node(NodeId),
    User(UserId),
    /// A system of an agency, under an agreement of its own (R29).
    Service(AgencyId, UserId),
    /// A machine at a station of an agency: whoever works at it proves himself by a password and a code.
    Terminal(AgencyId, PortId),
}

impl CertificateName {
    /// The name of a node.
    pub fn node(cluster: ClusterId, node: NodeId) -> Self {
        Self { cluster, bearer: Bearer::Node(node) }
    }

    /// The name of a user.
    pub fn user(cluster: ClusterId, user: UserId) -> Self {
        Self { cluster, bearer: Bearer::User(user) }
    }
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/", self.cluster)?;
        match &self.bearer {
            Bearer::Node(node) => write!(f, "node/{node}"),
            Bearer::User(user) => write!(f, "user/{user}"),
            Bearer::Service(agency, system) => write!(f, "service/{agency}/{system}"),
            Bearer::Terminal(agency, station) => write!(f, "terminal/{agency}/{station}"),
        }
    }
}

impl FromStr for CertificateName {
    type Err = Invalid;

    /// One text for each name: what would print otherwise is refused.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("certificate", format!("`{text}` is no name of a node, user or service"));
        let (cluster, rest) = text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')).ok_or_else(bad)?;
        let (kind, rest) = rest.split_once('/').ok_or_else(bad)?;
        let plain = |code: &str| if code.contains('/') { Err(bad()) } else { Ok(()) };
        let bearer = match kind {
            "node" => Bearer::Node(NodeId(rest.parse().map_err(|_| bad())?)),
            "user" => {
                plain(rest)?;
                Bearer::User(UserId::new(rest)?)
            }
            "service" => {
                let (agency, system) = rest.split_once('/').ok_or_else(bad)?;
                plain(system)?;
                Bearer::Service(AgencyId::new(agency)?, UserId::new(system)?)
            }
            "terminal" => {
                let (agency, station) = rest.split_once('/').ok_or_else(bad)?;
                plain(station)?;
                Bearer::Terminal(AgencyId::new(agency)?, PortId::new(station)?)
            }
            _ => return Err(bad()),
        };
        let name = Self { cluster: cluster.parse()?, bearer };
        if name.to_string() == text { Ok(name) } else { Err(bad()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLUSTER: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn names_read_as_they_print_and_nothing_else_is_one() {
        for rest in
            ["node/1", "node/18446744073709551615", "user/officer-1", "service/OFAC/vetting", "terminal/CBP/2404"]
        {
            let text = format!("portcullis://cluster/{CLUSTER}/{rest}");
            assert_eq!(text.parse::<CertificateName>().expect("reads").to_string(), text);
        }
        for rest in [
            "node/01",
            "node/+1",
            "node/",
            "node/x",
            "user/",
            "user/a/b",
            "service/OFAC",
            "service/a/b/c",
            "terminal/CBP",
            "x/1",
        ] {
            let text = format!("portcullis://cluster/{CLUSTER}/{rest}");
            assert!(text.parse::<CertificateName>().is_err(), "{text}");
        }
        for text in ["", "https://cluster/x/node/1", "portcullis://cluster/00/node/1"] {
            assert!(text.parse::<CertificateName>().is_err(), "{text}");
        }
        let upper = format!("portcullis://cluster/{}/node/1", CLUSTER.to_uppercase());
        assert!(upper.parse::<CertificateName>().is_err(), "one text for each name");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), user in "[!-~]{1,64}") {
            if let Ok(name) = text.parse::<CertificateName>() {
                prop_assert_eq!(name.to_string(), text);
            }
            let text = format!("portcullis://cluster/{CLUSTER}/user/{user}");
            prop_assert_eq!(text.parse::<CertificateName>().is_ok(), !user.contains('/'));
        }
    }
}
