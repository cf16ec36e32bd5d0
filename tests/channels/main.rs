//! Channels, driving the real program: what they set, what they forbid, what crops would save,
//! and clips that are not what a channel asks.

mod clips;
mod command;
mod crops;
mod settings;
mod shop;
#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod workspace;
