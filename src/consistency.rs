//! Whether a clip still shows what its references show.
//!
//! What lives here: pictures and a clip's sampled frames in; scores, their parts and evidence out.
//! What never does: files, decoding, the ledger, and what becomes of a clip that differs.
//!
//! A reference is learned once: its subject is cut out, its points are described. In each frame it
//! is looked for by points and laid on until the pixels agree (`align`); then it is held against the
//! frame square by square in the reference's own coordinates, in the frame's light and as sharp as
//! the frame (`squares`, `light`). What stays bad over the clip counts; what passes by, and what
//! stands before the subject, does not (`time`, `cover`). Measures become scores in one place
//! (`calibrate`). Everything is the same each time: no clock, no threads, chance from fixed seeds.

/// Of which making scores and measures are: raised whenever the same clip comes to another score, so
/// that results kept from before are known to be of another measure.
pub const VERSION: u32 = 1;

mod again;
mod align;
mod calibrate;
mod compare;
mod cover;
mod geometry;
mod keypoints;
mod learn;
mod light;
mod look;
mod seen;
mod sighting;
mod squares;
mod time;
mod types;

pub use compare::compare;
pub use learn::Reference;
pub use types::{
    Compared, Consistency, Found, Frame, Mark, OverTime, Part, PartName, Role, WORKING,
};
