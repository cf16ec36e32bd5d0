//! Feeds: what a shop exports, read as a stream of products.
//!
//! What lives here: files and folders as other programs write them (Shopify, WooCommerce and
//! Google Merchant exports, CSV, JSON lines, folders of pictures), their encodings, their columns,
//! which of their rows belong together, and what is wrong with which row. What never does: the
//! manifest, its templates, what a reference is for, the network.

mod batch;
mod cells;
mod columns;
mod cutter;
mod delimited;
mod entry;
mod folder;
mod google;
mod grouping;
pub mod html;
mod items;
mod jsonl;
mod learned;
mod naming;
mod open;
mod plain;
mod problem;
mod product;
mod reading;
mod row;
mod shopify;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod translated;
mod woocommerce;
mod words;
mod xml;

pub use batch::Batch;
pub use entry::{BadRow, Each, Entry, FeedFormat, FeedImage, Spot};
pub(crate) use naming::{Called, NameFrom, called};
pub use open::{Feed, FeedColumn, FeedOptions, open};
pub use problem::{FeedNote, FeedProblem};
pub use row::{AttributeType, Columns, Row};
pub(crate) use words::{amount, in_stock};
