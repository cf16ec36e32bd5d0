//! Kinora turns a catalogue of still pictures into video clips, in bulk, and never spends a
//! credit that nobody approved.
//!
//! The rooms, lowest first; a lower room never imports a higher one:
//! money, digest, address, clock, environment, limits, diagnostic, yaml, template, wire → media, models, protocol → manifest →
//! ledger → plan → providers, notify → rehearsal, run → export → report → (the binary's) cli.

pub mod address;
pub mod approval;
pub mod cells;
pub mod clock;
pub mod diagnostic;
pub mod digest;
pub mod environment;
pub mod exit;
pub mod export;

pub mod feed;
pub mod ledger;
pub mod limits;
pub mod manifest;
pub mod media;
pub mod models;
pub mod money;
pub mod notify;
pub mod plan;
pub mod protocol;
pub mod providers;
pub mod rehearsal;
pub mod report;
pub mod run;
pub mod signing;
pub mod template;
pub mod wire;
pub mod yaml;
