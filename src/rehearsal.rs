//! Rehearsal: providers simulated on this machine, for nothing.
//!
//! A provider's own card, turned around, says what its requests look like and what to answer.
//! What lives here: reading submissions, jobs that take their time, play credits and their
//! bill, faults by a seed, clips from the animatic's renderer, the loopback server. What never
//! does: anything that only one provider needs; a connection to anywhere else.

mod bill;
mod body;
mod clips;
mod desk;
mod faults;
mod job;
mod peer;
mod pictures;
mod prices;
mod replies;
mod routes;
mod server;
mod settings;
mod simulator;
mod submission;
mod uploads;
mod verdict;

pub use bill::{Bill, BillLine, Charge, ServedClip};
pub use faults::{FaultKind, Faults, Profile};
pub use simulator::{Simulator, SimulatorError, SimulatorSetup};
pub use verdict::{Difference, LostReply, Verdict};
