//! Plan files along the whole road, driving the real program: what is planned is what runs, and
//! what was changed, by whomever, is refused with every reason and spends nothing.

mod file;
mod flow;
mod stale;
mod tampering;
#[path = "../road/workspace.rs"]
mod workspace;
