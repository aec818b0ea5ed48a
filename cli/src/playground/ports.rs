//! Free ports below the range from which the system takes ports for outgoing connections: a port from inside it could be
//! taken while a node is down, and the node's address is part of the cluster's membership.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use model::time::Entropy;

const RANGE: std::ops::Range<u16> = 15_000..32_000;

fn range() -> std::ops::Range<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|first| first.parse::<u16>().ok());
    match first {
        Some(first) if first > RANGE.start + 1_000 => RANGE.start..RANGE.end.min(first),
        _ => RANGE,
    }
}

/// Ports that nobody listens on now. Where the search begins is drawn, so that clusters started at once do not meet.
pub fn choose(count: usize, entropy: &dyn Entropy) -> io::Result<Vec<u16>> {
    let range = range();
    let drawn = entropy.sixteen();
    let start = u16::from_le_bytes([drawn[0], drawn[1]]) % (range.end - range.start);
    // Held until all are found, so that none is found twice.
    let mut held = Vec::with_capacity(count);
    for offset in 0..range.end - range.start {
        if held.len() == count {
            break;
        }
        let port = range.start + (start + offset) % (range.end - range.start);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no {count} free ports in {range:?}")));
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    #[test]
    fn ports_are_free_different_and_below_the_range_of_outgoing_connections() {
        let entropy = SystemEntropy::open().expect("entropy");
        let mut ports = choose(20, &entropy).expect("ports");
        assert!(ports.iter().all(|port| RANGE.contains(port)));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }
}
