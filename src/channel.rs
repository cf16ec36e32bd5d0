//! Channels: where clips are shown, and what is asked of them there.
//!
//! What lives here: channel profiles as dated data with their sources, shipped ones and the
//! workspace's own, and what a finished clip lacks for one. What never does: models' settings,
//! jobs, and what a plan makes of a profile.

mod ask;
mod check;
mod frame;
mod profile;
mod shelf;

pub use ask::{ASPECT_TOLERANCE_PERCENT, Ask, Made};
pub use frame::{Frame, Pixels, SafeZone};
pub use profile::{Advised, Channel, ChannelSource, Figure, FrameRates, Lengths};
pub use shelf::{Channels, NO_CHANNEL, SHIPPED, channel_schema};
