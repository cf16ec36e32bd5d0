//! Runs that cron starts: nobody is asked, the standing policy decides, and every ending is told.

mod endings;
mod listener;
mod log;
mod narrowing;
mod notifying;
mod policy;
mod shop;
mod stopping;
#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "another theme drives the program by it too, and uses more of it")]
mod workspace;
