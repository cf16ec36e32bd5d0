//! The driver: speaks to hosted and self-hosted providers as their cards say.
//!
//! What lives here: a job and a card become requests, and replies become outcomes; sockets,
//! keys, uploads, downloads. What never does: anything that only one provider needs; retries of
//! submissions.

mod batch;
mod client;
pub mod compose;
mod control;
mod cost;
mod driver;
mod errors;
mod fetch;
mod guard;
mod known;
mod lookup;
mod memory;
mod outcome;
mod pictures;
mod provider;
mod quotes;
mod reply;
mod secrets;
mod sniff;
mod submit;
mod times;
mod transport;
mod upload;
mod watch;

pub use client::NetLimits;
pub use control::Cancelled;
pub use driver::{HttpSetup, SetupProblem};
pub use guard::Reach;
pub use pictures::{PictureSource, ReadyPicture, WorkspacePictures};
pub use provider::HttpProvider;
pub use quotes::PriceAnswer;
