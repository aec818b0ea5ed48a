//! Synthetic watchlists, travellers and their truth, from a seed: no person here exists.
//!
//! The same seed gives the same bytes, on any machine and for ever: there is no clock, no map of varying order and no
//! randomness but the seed's. Each subject and each traveller is made from the seed and its own number alone, so lists of
//! a million are streamed and any one of them can be made again. Names are put together from components and syllables;
//! family names are invented, and a likeness to a real person is chance.

mod demo;
mod entry;
mod name;
mod rng;
mod tables;
mod travellers;
mod vary;
mod write;

pub use demo::demo_travellers;
pub use entry::Subject;
pub use rng::Rng;
pub use travellers::{Traveller, Truth};
pub use vary::Variation;
pub use write::{GenerateError, Summary, write_lists};

/// What to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Everything follows from it.
    pub seed: u64,
    /// Entries of the list; most are people, a few businesses, vessels and vehicles.
    pub people: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { seed: 1, people: 10_000 }
    }
}

impl Config {
    /// How many travellers are made: a tenth of the list, at least 200 and at most 10,000; half of them are listed.
    pub fn travellers(&self) -> usize {
        if self.people == 0 { 0 } else { (self.people / 10).clamp(200, 10_000) }
    }
}

/// A list and its travellers; holds no more than its configuration.
#[derive(Debug, Clone, Copy)]
pub struct World {
    config: Config,
}

/// The world of a configuration.
pub fn lists(config: &Config) -> World {
    World { config: *config }
}

/// The entries of the list, one at a time.
pub fn people(config: &Config) -> impl Iterator<Item = Subject> + use<> {
    let world = lists(config);
    (0..config.people).map(move |index| world.subject(index))
}

impl World {
    /// The configuration.
    pub fn config(&self) -> Config {
        self.config
    }

    /// The entry of a number, from 0.
    pub fn subject(&self, index: usize) -> Subject {
        entry::subject(self.config.seed, index as u64)
    }

    /// The entries of the list, one at a time.
    pub fn people(&self) -> impl Iterator<Item = Subject> + use<> {
        people(&self.config)
    }

    /// The travellers with their truth, one at a time. Holds eight bytes an entry, to keep the innocent from bearing a
    /// listed name.
    pub fn travellers(&self) -> impl Iterator<Item = Traveller> + use<> {
        travellers::travellers(*self)
    }
}
