//! Planning, theme by theme, on small catalogues built in code.

mod access;
mod auto;
pub(super) mod builder;
mod cost;
mod diff;
mod errors;
mod guard;
mod matching;
mod narrowing;
mod options;
mod pictures;
mod prompts;
mod stable;
mod sums;
