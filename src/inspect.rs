//! Looking at pictures before money is spent on them: what each one is, measured from its pixels,
//! and what of that is worth a word.
//!
//! What lives here: measures of one picture, likeness between pictures, what a plan's models make
//! of them, thresholds, findings, the contact sheet. What never does: refusing anything (a plan's
//! own findings do), the command line, how a report is written.
//!
//! Measuring knows no thresholds, and judging sees no pixels: measures are kept by a picture's
//! digest, so that other thresholds or another plan need no second look.

pub(crate) mod background;
mod exposure;
mod finding;
mod gate;
mod judge;
mod kept;
mod lettering;
mod likeness;
mod look;
mod marks;
mod measure;
pub(crate) mod raster;
pub(crate) mod segment;
mod sharpness;
mod sheet;
mod thresholds;
mod thumbnail;
mod uses;

pub use background::{Background, Bars, Subject};
pub use exposure::Exposure;
pub use finding::{Code, ReferenceFinding};
pub use judge::{Judged, Judging, Owner, Owners, judge};
pub use kept::{Kept, KeptProblem};
pub use likeness::{Likeness, Pair, near};
pub use look::{Looked, Looking, look};
pub use marks::Marks;
pub use measure::{MEASURES_VERSION, Measures, measure};
pub use sharpness::Sharpness;
pub use sheet::{SheetPicture, contact_sheet};
pub use thresholds::{THRESHOLDS, Threshold, threshold};
pub use thumbnail::Thumbnails;
pub use uses::{Change, Frames, Handling, Use, Uses, Views};
