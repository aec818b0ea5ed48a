//! Runs seeds in processes of their own, one a processor: nothing of a run can reach into another, and a run that crashes is
//! one that failed.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::outcome::{Broken, Outcome};

/// Real time after which a run counts as hanging.
const RUN_MAX: Duration = Duration::from_secs(600);

/// What a process is to run.
#[derive(Debug, Clone)]
pub struct Job {
    pub seed: u64,
    /// A known bug to plant.
    pub bug: Option<String>,
    /// A world as JSON instead of the seed's own.
    pub world: Option<String>,
}

impl Job {
    /// The world of a seed.
    pub fn seed(seed: u64) -> Self {
        Self { seed, bug: None, world: None }
    }
}

struct Running {
    job: Job,
    child: Child,
    output: std::thread::JoinHandle<(String, String)>,
    begun: Instant,
}

fn start(job: Job) -> std::io::Result<Running> {
    use std::io::Read;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("one").arg(job.seed.to_string());
    if let Some(bug) = &job.bug {
        command.args(["--bug", bug]);
    }
    if job.world.is_some() {
        command.arg("--world-on-stdin");
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let (Some(mut stdin), Some(world)) = (child.stdin.take(), &job.world) {
        stdin.write_all(world.as_bytes())?;
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = std::thread::spawn(move || {
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.map(|mut stderr| stderr.read_to_string(&mut text));
            text
        });
        let mut text = String::new();
        stdout.map(|mut stdout| stdout.read_to_string(&mut text));
        (text, errors.join().unwrap_or_default())
    });
    Ok(Running { job, child, output, begun: Instant::now() })
}

fn finish(running: Running, hung: bool) -> (Job, Outcome) {
    let Running { job, mut child, output, begun } = running;
    let status = child.wait();
    let (stdout, stderr) = output.join().unwrap_or_default();
    if let Some(outcome) = stdout.lines().last().and_then(|line| serde_json::from_str::<Outcome>(line).ok()) {
        return (job, outcome);
    }
    let last: Vec<&str> = stderr.lines().filter(|line| !line.trim().is_empty()).take(12).collect();
    let what = if hung {
        format!("the run did not end within {RUN_MAX:?}")
    } else {
        format!("the run ended with {status:?}: {}", last.join(" | "))
    };
    let broken = vec![Broken { promise: "NoPanic".into(), at_ms: 0, what }];
    let outcome = Outcome {
        seed: job.seed,
        trace_hash: String::new(),
        simulated_ms: 0,
        real_ms: begun.elapsed().as_millis() as u64,
        operations: 0,
        faults: 0,
        elections: 0,
        broken,
        marks: Default::default(),
    };
    (job, outcome)
}

/// Runs jobs, as many at a time as there are processors, until they are through or `take` says that it is enough: then those
/// of smaller seeds still come to their end, so that which one is the first does not depend on which was the fastest.
pub fn run(mut jobs: impl Iterator<Item = Job>, mut take: impl FnMut(Job, Outcome) -> bool) -> std::io::Result<()> {
    let places = std::thread::available_parallelism().map_or(1, usize::from);
    let mut running: Vec<Running> = Vec::new();
    let mut enough: Option<u64> = None;
    loop {
        while enough.is_none() && running.len() < places {
            let Some(job) = jobs.next() else { break };
            running.push(start(job)?);
        }
        if running.is_empty() {
            return Ok(());
        }
        let mut ended = None;
        for (at, one) in running.iter_mut().enumerate() {
            let hung = one.begun.elapsed() > RUN_MAX;
            if hung {
                drop(one.child.kill());
            }
            if hung || one.child.try_wait()?.is_some() {
                ended = Some((at, hung));
                break;
            }
        }
        let Some((at, hung)) = ended else {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let (job, outcome) = finish(running.swap_remove(at), hung);
        let seed = job.seed;
        if enough.is_none_or(|first| seed < first) && !take(job, outcome) {
            enough = Some(seed);
            // What else is under way is of no use any more.
            running.iter_mut().filter(|one| one.job.seed >= seed).for_each(|one| drop(one.child.kill()));
        }
    }
}
