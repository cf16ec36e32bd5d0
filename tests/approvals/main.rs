//! Approvals, driving the real program: how they are given, signed, moved, revoked and carried over,
//! and everything that is done to one on its way and must not work.

mod carried;
mod giving;
mod revoking;
mod shop;
mod tampering;
#[path = "../road/workspace.rs"]
#[allow(dead_code, reason = "the road's own tests use all of it")]
mod workspace;
