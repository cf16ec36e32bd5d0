//! Feeds: what a shop exports, read as a stream of products.
//!
//! What lives here: files and folders as other programs write them (Shopify, WooCommerce and
//! Google Merchant exports, CSV, JSON lines, folders of pictures), their encodings, their columns,
//! which of their rows belong together, and what is wrong with which row. What never does: the
//! manifest, its templates, what a reference is for, the network.

mod entry;
pub mod html;
mod items;
mod pieces;
mod record;
mod row;
mod xml;

pub use entry::{BadRow, Each, Entry, FeedFormat, FeedImage, Spot};
pub(crate) use pieces::{FeedProblem, Piece, Pieces};
pub(crate) use record::{Record, cell_range, records};
pub use row::{AttributeType, Columns, Row};
