//! The one binary of the black-box tests; each file is a promise of the product.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::print_stdout, reason = "measurements and seeds, shown with --nocapture and where a test fails")]

mod access;
mod admission;
mod audit_log;
mod audit_questions;
mod bad_input;
mod bad_node;
mod batch;
mod bounds;
mod channel;
mod damage;
mod documents;
mod evidence;
mod explain;
mod forgetful;
mod import;
mod inspector;
mod keys;
mod kill;
mod lookouts;
mod lost_data;
mod matcher;
mod membership;
mod metrics;
mod overrides;
mod playground;
mod power_cut;
mod privacy;
mod restart;
mod same_answer;
mod sign_on;
mod snapshot;
mod tidy;
mod un_list;
