//! A node's /metrics, read over HTTP and taken apart.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::BenchError;

/// A node answers within this time, or the measurement is worth nothing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The values of one moment.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    /// Name, labels as they stand, value.
    values: Vec<(String, String, f64)>,
}

impl Scrape {
    /// Reads the metrics of the node at `host:port`.
    pub async fn of(address: &str) -> Result<Self, BenchError> {
        let place = format!("http://{address}/metrics");
        let (status, body) = get(address, "/metrics").await?;
        if status != 200 {
            return Err(BenchError::read(place, format!("answered {status}")));
        }
        Ok(Self::parse(&body))
    }

    fn parse(text: &str) -> Self {
        let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.trim_end_matches('}')),
                None => (series, ""),
            };
            Some((name.to_string(), labels.to_string(), value.parse().ok()?))
        });
        Self { values: values.collect() }
    }

    /// The sum of a metric over its labels; 0 where it was never counted.
    pub fn sum(&self, name: &str) -> f64 {
        self.values.iter().filter(|(known, ..)| known == name).map(|(_, _, value)| value).sum()
    }

    /// The values of a metric by group.
    pub fn by_group<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.by_label(name, "group")
    }

    /// The values of a metric by one of its labels.
    pub fn by_label<'a>(&'a self, name: &'a str, label: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.values.iter().filter(move |(known, ..)| known == name).filter_map(move |(_, labels, value)| {
            let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
            let found = pairs.filter(|(known, _)| *known == label).map(|(_, value)| value.trim_matches('"')).next();
            Some((found?, *value))
        })
    }

    /// The value of a metric for a group; 0 where it was never counted.
    pub fn of_group(&self, name: &str, group: &str) -> f64 {
        self.by_group(name).filter(|(known, _)| *known == group).map(|(_, value)| value).sum()
    }
}

/// Status and body of an answer.
pub async fn get(address: &str, path: &str) -> Result<(u16, String), BenchError> {
    let place = || format!("http://{address}{path}");
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = tokio::time::timeout(TIMEOUT, asked).await;
    let answer = answer.map_err(|_| BenchError::read(place(), "no answer in time"))?;
    let answer = answer.map_err(|source| BenchError::Io { place: place(), source })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_ascii_whitespace().nth(1).and_then(|status| status.parse().ok());
    status.map(|status| (status, body.to_string())).ok_or_else(|| BenchError::read(place(), "is no HTTP answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_and_told_apart_by_group() {
        let text = "# HELP a b\na_total 3\nb{group=\"records-0\"} 1\nb{call=\"x\",group=\"records-1\"} 2.5\nbroken\n";
        let scrape = Scrape::parse(text);
        assert_eq!((scrape.sum("a_total"), scrape.sum("b"), scrape.sum("c")), (3.0, 3.5, 0.0));
        assert_eq!(scrape.of_group("b", "records-1"), 2.5);
        assert_eq!(scrape.by_group("b").count(), 2);
    }
}
