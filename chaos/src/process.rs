//! A simulated process: a runtime of its own that advances a millisecond at a time, when it is told to.
//!
//! Turmoil carries the bytes between the hosts; what runs on a host runs here. So a process can stand still while the world
//! goes on, run faster or slower than others, or be gone between two instructions.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, RngSeed, Runtime, UnhandledPanic};

use crate::clock::WallClock;
use crate::rng::mix;

/// What became of a process's own sense of time while it stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Standstill {
    /// The machine stood still: no time has passed for it (a virtual machine that was moved).
    Machine,
    /// The process stood still: all its timers are late (a stopped process).
    Process,
}

/// A process that runs, or may run again.
pub struct Process {
    pub name: String,
    pub clock: Arc<WallClock>,
    runtime: Option<Runtime>,
    /// Stands still until then, and how.
    stands: Option<(u64, u64, Standstill)>,
    drift_ppm: i64,
    /// Nanoseconds that the process's time is owed, or has too many of.
    owed_ns: i64,
    /// How far its wall clock is behind since the machine stood still.
    behind_ms: i64,
}

const TICK_NS: i64 = 1_000_000;

impl Process {
    /// A process that does not run yet.
    pub fn new(name: String, clock: Arc<WallClock>) -> Self {
        Self { name, clock, runtime: None, stands: None, drift_ppm: 0, owed_ns: 0, behind_ms: 0 }
    }

    /// Whether it runs or stands still, and is not gone.
    pub fn lives(&self) -> bool {
        self.runtime.is_some()
    }

    /// Whether it stands still.
    pub fn stands(&self) -> bool {
        self.stands.is_some()
    }

    /// Starts it.
    pub fn start(&mut self, seed: u64, incarnation: u64, main: impl Future<Output = ()> + Send + 'static) {
        let mut builder = Builder::new_current_thread();
        builder
            .enable_time()
            .start_paused(true)
            .rng_seed(RngSeed::from_bytes(&mix(seed, incarnation).to_le_bytes()))
            .unhandled_panic(UnhandledPanic::ShutdownRuntime);
        #[allow(clippy::expect_used, reason = "a runtime without threads and sockets has nothing that fails")]
        let runtime = builder.build().expect("a runtime");
        // Timers count whole milliseconds: begin at one.
        runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
        drop(runtime.spawn(main));
        self.stands = None;
        self.clock.stand(None);
        self.runtime = Some(runtime);
    }

    /// Ends it between two instructions.
    pub fn end(&mut self) {
        self.stands = None;
        self.clock.stand(None);
        if let Some(runtime) = self.runtime.take() {
            drop(runtime);
        }
    }

    /// Stands still until then.
    pub fn stand_until(&mut self, now_ms: u64, until_ms: u64, how: Standstill) {
        if self.lives() {
            self.stands = Some((now_ms, until_ms, how));
            self.clock.stand(Some(now_ms));
        }
    }

    /// Runs its own time faster by so many millionths.
    pub fn set_drift_ppm(&mut self, ppm: i64) {
        self.drift_ppm = ppm;
        self.clock.set_drift_ppm(ppm);
    }

    /// The machine learns what time it is.
    pub fn set_clock_right(&mut self) {
        self.clock.jump_ms(std::mem::take(&mut self.behind_ms));
    }

    /// Runs something beside its main task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            drop(runtime.spawn(task));
        }
    }

    /// Lets a millisecond pass.
    pub fn tick(&mut self, now_ms: u64) {
        let Some(runtime) = &self.runtime else { return };
        if let Some((since, until, how)) = self.stands {
            if now_ms < until {
                return;
            }
            self.stands = None;
            match how {
                // Its wall clock is behind until something sets it.
                Standstill::Machine => {
                    self.behind_ms += (now_ms - since) as i64;
                    self.clock.jump_ms(-((now_ms - since) as i64));
                }
                Standstill::Process => {
                    runtime.block_on(async { tokio::time::advance(Duration::from_millis(now_ms - since)).await })
                }
            }
            self.clock.stand(None);
        }
        self.owed_ns += TICK_NS * self.drift_ppm / 1_000_000;
        let mut ticks = 1;
        if self.owed_ns >= TICK_NS {
            self.owed_ns -= TICK_NS;
            ticks = 2;
        } else if self.owed_ns <= -TICK_NS {
            self.owed_ns += TICK_NS;
            ticks = 0;
        }
        if ticks > 0 {
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(ticks)).await });
        }
    }
}
