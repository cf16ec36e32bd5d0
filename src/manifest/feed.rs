//! Feeds: CSV files with one subject a row, read as a stream.
//!
//! What lives here: cutting a file into pieces at the ends of records, its header, its cells
//! and their places. What never does: what a row means; see the sets.

mod header;
mod pieces;
mod record;

pub(super) use header::Header;
pub(super) use pieces::{FeedProblem, Piece, Pieces};
pub(super) use record::{Record, cell_range, records};
