//! Many questions from a CSV file, their answers as lines of a file, in order, to be gone on with after any break.

pub mod bounded;
pub mod rows;
pub mod sink;
