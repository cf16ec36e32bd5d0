//! Pictures from URLs: a shop's server on the loopback, and the real program beside it.

mod ci;
mod downloads;
mod hosts;
mod many;
mod plans;
mod refusals;
mod revalidating;
mod runs;
mod server;
mod shop;
#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "another theme drives the program by it too, and uses more of it")]
mod workspace;
