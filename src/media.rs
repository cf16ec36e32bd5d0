//! Pictures and clips as files: probe, decode, encode, check.
//!
//! What lives here: facts about pictures, their table, the MP4 writer and reader. What never
//! does: what a picture is for, animation (that is the animatic provider), the ledger.

pub mod c2pa;
pub mod clip;
pub mod decode;
pub mod encode;
mod file;
pub mod frame;
mod header;
pub mod lettering;
mod mp4;
mod pictures;
pub mod prepare;
mod probe;
mod profile;

pub use file::{read_whole, recognise};
pub use pictures::{
    Facts, Format, Orientation, Picture, PictureId, PictureProblem, PictureTable, Stamp, Traits,
};
pub use probe::{PictureCache, Probed, probe, probe_all};
