//! Running: approved jobs become clips.
//!
//! What lives here: the job state machine, the scheduler, limits, budget, publishing clips.
//! What never does: YAML, prices, planning.

mod admit;
mod budget;
mod causes;
mod clips;
mod collect;
mod desk;
mod dispatch;
mod doors;
mod drive;
mod event;
pub mod evidence;
mod files;
mod guard;
pub mod job;
mod left;
mod line;
mod looking;
mod opening;
pub mod pools;
mod publish;
pub mod resolve;
mod settle;
mod setup;
mod sidecar;
mod waiting;
mod watch;

pub use budget::{
    Budget, Grant, LimitName, MoneyLimits, NoGrant, OverLimit, Purpose, ShareLimits, Span,
};
pub use clips::MediaClips;
pub use dispatch::{collect, execute};
pub use doors::{Books, ClipFacts, ClipLook, Files, Written};
pub use event::{BrokenRule, CheckCounts, RunEvent, RunSummary, Skip};
pub use files::DiskFiles;
pub use guard::{Broken, Guard};
pub use setup::{Pace, RunError, Setup, Stop, Work};
pub use sidecar::{Provenance, SIDECAR_FORMAT, Sidecar};
