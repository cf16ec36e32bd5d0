//! Feeds: what a shop exports, read as a stream of products.
//!
//! What lives here: files and folders as other programs write them (Shopify, WooCommerce and
//! Google Merchant exports, CSV, JSON lines, folders of pictures), their encodings, their columns,
//! which of their rows belong together, and what is wrong with which row. What never does: the
//! manifest, its templates, what a reference is for, the network.

mod entry;
mod open;
mod pieces;
mod problem;
mod record;
mod row;
mod source;

pub use entry::{BadRow, Each, Entry, FeedFormat, FeedImage, Spot};
pub use open::{Batch, Feed, FeedColumn, FeedOptions, open};
pub(crate) use pieces::{Piece, PieceProblem, Pieces};
pub use problem::{FeedNote, FeedProblem};
pub(crate) use record::{Record, cell_range, records};
pub use row::{AttributeType, Columns, Row};
