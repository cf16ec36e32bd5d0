//! Kinora turns a catalogue of still pictures into video clips, in bulk, and never spends a
//! credit that nobody approved.
//!
//! The rooms, lowest first; a lower room never imports a higher one:
//! money, digest, address, clock, encoding, environment, limits, diagnostic, cells, yaml, template, wire →
//! feed, media, channel, models, protocol → manifest → ledger → plan → inspect → consistency →
//! verification, providers, fetch, notify → rehearsal, run, export → report → (the binary's) cli.

pub mod address;
pub mod approval;
pub mod cells;
pub mod channel;
pub mod clock;
pub mod consistency;
pub mod diagnostic;
pub mod digest;
pub mod encoding;
pub mod environment;
pub mod exit;
pub mod export;
pub mod feed;
pub mod fetch;
pub mod inspect;
pub mod ledger;
pub mod limits;
pub mod manifest;
pub mod media;
pub mod models;
pub mod money;
pub mod net;
pub mod notify;
pub mod plan;
pub mod protocol;
pub mod providers;
pub mod rehearsal;
pub mod report;
pub mod run;
pub mod signing;
pub mod starter;
pub mod template;
pub mod verification;
pub mod wire;
pub mod yaml;
