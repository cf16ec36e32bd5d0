//! What a feed gives: products, one after another, and the rows that are none.

use serde::{Deserialize, Serialize};

use super::row::Row;

/// Which program wrote a feed, or at least in which form it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedFormat {
    /// A product export of Shopify, of either generation of headers.
    Shopify,
    /// A product export of WooCommerce.
    Woocommerce,
    /// A Google Merchant feed, as tab-separated values or XML.
    Google,
    /// Values separated by commas, tabs, semicolons or bars; the first row names the columns.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// A folder of pictures: a subject is a folder, or files whose names begin alike.
    Folder,
}

/// What becomes a subject, where a feed knows products and their variants.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Each {
    /// A product with all its variants.
    #[default]
    Product,
    /// A single variant, with what it has of its product.
    Variant,
}

/// Bytes of a feed, counted in its text as UTF-8, without a byte order mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spot {
    /// First byte.
    pub start: u64,
    /// How many.
    pub length: u32,
}

/// A picture that a feed names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedImage {
    /// A URL or a path, as written.
    pub address: Box<str>,
    /// What it shows, in the shop's words.
    pub alt: Option<Box<str>>,
}

/// A product or a variant.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its cells, one for each column of the feed.
    pub row: Row,
    /// Its tags.
    pub tags: Box<[Box<str>]>,
    /// Its pictures, in the shop's order.
    pub images: Box<[FeedImage]>,
    /// Number of its first row as people count them, from 1 (the header, where there is one).
    pub first_row: u64,
    /// Where its id stands, or what stands for it.
    pub at: Spot,
    /// Which record of its batch it comes from.
    pub(crate) from: RecordId,
}

/// A record of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecordId {
    /// Which of the batch's blocks.
    pub block: u32,
    /// Which record in it.
    pub record: u32,
}

/// A row that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its number as people count them, from 1.
    pub row: u64,
    /// The line on which it starts, from 1.
    pub line: u64,
    /// The column's header as written; absent where it is about the whole row.
    pub column: Option<String>,
    /// Stable, for programs: `feed::ragged`.
    pub code: &'static str,
    /// What is wrong and in which row, one sentence without a full stop.
    pub reason: String,
    /// What the label under its place says.
    pub label: String,
    /// What to do about it.
    pub help: String,
    /// Where.
    pub at: Spot,
    /// Another place that explains it, with its label.
    pub also: Option<(Spot, String)>,
    /// The row as it stands in the file.
    pub raw: Box<str>,
}
