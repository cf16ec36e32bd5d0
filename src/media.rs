//! Pictures and clips as files: probe, decode, encode, check.
//!
//! What lives here: facts about pictures, their table, the MP4 writer and reader, sampled frames. What never
//! does: what a picture is for, animation (that is the animatic provider), the ledger.

mod avif;
pub mod c2pa;
pub mod clip;
pub mod decode;
pub mod encode;
mod file;
pub mod frame;
pub mod frames;
mod header;
pub mod lettering;
mod lock;
mod mp4;
mod pictures;
pub mod prepare;
mod probe;
mod profile;
mod still;
mod tiff;
mod upright;

pub use file::{read_whole, recognise};
pub use lock::{LOCK_FILE, LockProblem, Locked, PICTURES, PictureLock, kept_path};
pub use pictures::{
    Facts, Format, Orientation, Picture, PictureId, PictureProblem, PictureTable, PictureUrl,
    Stamp, Traits,
};
pub use probe::{PictureCache, Probed, probe, probe_all};
