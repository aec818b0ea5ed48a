//! `timing`: whether the time of an answer tells of what is hidden (threat T03). At the desk somebody asks in pairs for a name that
//! stands in level 4 records of others alone and for one that stands nowhere, in an order by chance. Names come in fixed pairs, and what
//! is judged is the mean difference of each pair: questions for the same names again and again say nothing new of other names.

use std::path::Path;
use std::time::{Duration, Instant};

use client::{Client, v1};
use generator::Rng;
use serde::Serialize;

use crate::clients::client_within;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::output::{figure, note, table};
use crate::phases::import;
use crate::settle::settle;
use crate::work::Supply;

/// Names of each kind.
const NAMES: usize = 200;
const RESAMPLES: usize = 2_000;
const DEADLINE: Duration = Duration::from_secs(5);
/// Of the numbers drawn here.
const DOMAIN: u64 = 0x7469_6d65;

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Timing {
    pub questions: usize,
    pub pairs_of_names: usize,
    pub median_hidden_ms: f64,
    pub median_absent_ms: f64,
    /// Median over the pairs of names of hidden less absent, and between what it lies by 95 of 100 resamples.
    pub difference_us: f64,
    pub difference_us_between: (f64, f64),
    /// Wilcoxon's signed-rank statistic in standard deviations: beyond 1.96 either way the two are told apart at 5 %.
    pub signed_rank_z: f64,
}

/// Measures on a cluster of its own. At the lane nothing is hidden of who is looked for, so it is measured at the desk alone.
pub async fn measure(
    cluster: &Cluster,
    list: &Path,
    (supply, seed): (&Supply, u64),
    (warm_up, time): (Duration, Duration),
) -> Result<Timing, BenchError> {
    import::times(cluster, "list", "csv", list, &["first time"]).await?;
    note(format!("making {NAMES} lookouts of level 4"));
    let supervisor = client_within(cluster, 0, ("supervisor", "primary"), DEADLINE)?;
    let (mut hidden, mut absent) = (Vec::new(), Vec::new());
    while hidden.len() < NAMES {
        let (other, secret) = (supply.lookout(), v1::CreateLookoutRequest { level: "4".into(), ..supply.lookout() });
        // Vehicles have none.
        let (Some(other), Some(own)) = (name_of(&other), name_of(&secret)) else { continue };
        absent.push(other);
        hidden.push(own);
        supervisor.create_lookout(secret).await?;
    }
    settle(cluster).await?;
    let mut rng = Rng::new(seed, DOMAIN, 0);
    let officer = client_within(cluster, 0, ("officer", "desk"), DEADLINE)?;
    asked(&officer, (&hidden, &absent), &mut rng, warm_up).await?;
    let asked = asked(&officer, (&hidden, &absent), &mut rng, time).await?;
    Ok(judged(&asked, &mut rng))
}

fn name_of(request: &v1::CreateLookoutRequest) -> Option<String> {
    let name = request.lookout.as_ref()?.names.first()?;
    let parts = [&name.given, &name.family].map(String::as_str).join(" ");
    let full = if name.full.is_empty() { parts } else { name.full.clone() };
    (!full.trim().is_empty()).then_some(full)
}

/// Times in microseconds of each pair of names: hidden, absent.
async fn asked(
    officer: &Client,
    (hidden, absent): (&[String], &[String]),
    rng: &mut Rng,
    time: Duration,
) -> Result<Vec<Vec<(f64, f64)>>, BenchError> {
    let begun = Instant::now();
    let mut asked = vec![Vec::new(); NAMES];
    while begun.elapsed() < time {
        let pair = rng.below(NAMES);
        let names = [&hidden[pair], &absent[pair]];
        let mut took = [0.0; 2];
        let first = rng.below(2);
        for at in [first, 1 - first] {
            let question = v1::ScreenRequest { name: names[at].clone(), ..v1::ScreenRequest::default() };
            let asked = Instant::now();
            officer.screen(question).await?;
            took[at] = asked.elapsed().as_secs_f64() * 1e6;
        }
        asked[pair].push((took[0], took[1]));
    }
    Ok(asked)
}

fn judged(asked: &[Vec<(f64, f64)>], rng: &mut Rng) -> Timing {
    let mean = |times: &Vec<(f64, f64)>| {
        times.iter().map(|(hidden, absent)| hidden - absent).sum::<f64>() / times.len() as f64
    };
    let differences: Vec<f64> = asked.iter().filter(|times| !times.is_empty()).map(mean).collect();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| median((0..differences.len()).map(|_| differences[rng.below(differences.len())]).collect()))
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |share: f64| medians[((medians.len() - 1) as f64 * share) as usize];
    let all = || asked.iter().flatten();
    Timing {
        questions: 2 * all().count(),
        pairs_of_names: differences.len(),
        median_hidden_ms: median(all().map(|(hidden, _)| *hidden).collect()) / 1e3,
        median_absent_ms: median(all().map(|(_, absent)| *absent).collect()) / 1e3,
        difference_us: median(differences.clone()),
        difference_us_between: (at(0.025), at(0.975)),
        signed_rank_z: signed_rank_z(&differences),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Wilcoxon's signed-rank statistic, by its normal approximation.
fn signed_rank_z(differences: &[f64]) -> f64 {
    let mut ranked: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    ranked.sort_by(|one, other| one.abs().total_cmp(&other.abs()));
    let positive: f64 = ranked.iter().zip(1_u32..).filter(|(it, _)| **it > 0.0).map(|(_, rank)| f64::from(rank)).sum();
    let n = ranked.len() as f64;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    if deviation == 0.0 { 0.0 } else { (positive - n * (n + 1.0) / 4.0) / deviation }
}

/// The table.
pub fn to_text(it: &Timing) -> String {
    let (low, high) = it.difference_us_between;
    let row = [
        it.questions.to_string(),
        it.pairs_of_names.to_string(),
        figure(it.median_hidden_ms),
        figure(it.median_absent_ms),
        format!("{:.1}", it.difference_us),
        format!("{low:.1} to {high:.1}"),
        format!("{:.2}", it.signed_rank_z),
    ];
    let head = [
        "questions",
        "pairs of names",
        "hidden p50 ms",
        "absent p50 ms",
        "difference µs",
        "95 of 100 resamples",
        "signed rank z",
    ];
    table("Time of an answer, by whether the name stands in level 4 records of others", head, &[row])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_apart_and_what_does_not_is_not() {
        // Names of which each has a difference of its own, by chance, and noise about it.
        let drawn = |set: u64, slower: f64| -> Vec<Vec<(f64, f64)>> {
            let mut rng = Rng::new(1, DOMAIN, set);
            let one = |rng: &mut Rng| {
                let own = rng.below(200) as f64 - 99.5;
                (0..20).map(|_| (rng.below(1_000) as f64 + own + slower, rng.below(1_000) as f64)).collect()
            };
            (0..NAMES).map(|_| one(&mut rng)).collect()
        };
        // What does not differ is taken for different once in twenty times.
        let beyond = |set: &u64| judged(&drawn(*set, 0.0), &mut Rng::new(2, DOMAIN, 0)).signed_rank_z.abs() > 1.96;
        let told_apart = (0..60).filter(beyond).count();
        assert!(told_apart <= 8, "{told_apart} of 60");
        let slower = judged(&drawn(0, 100.0), &mut Rng::new(2, DOMAIN, 0));
        assert!(slower.signed_rank_z > 1.96 && slower.difference_us_between.0 > 0.0, "{slower:?}");
        assert!((50.0..150.0).contains(&slower.difference_us), "{slower:?}");
    }
}
