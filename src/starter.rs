//! The manifest that a new workspace begins with.
//!
//! What lives here: looking through a feed once, and writing a manifest that fits it, with comments
//! that teach. What never does: reading manifests, writing files, the network.

mod look;
mod text;

pub use look::{Look, look};
pub use text::{Start, manifest};

/// The picture of a starter manifest without a feed.
pub const PICTURE: &[u8] = include_bytes!("../examples/minimal/mug.jpg");

/// Where that stands in the workspace.
pub const PICTURE_PATH: &str = "pictures/mug.jpg";

/// How many products a first manifest takes, where a feed has more.
pub const PILOT: u64 = 20;
