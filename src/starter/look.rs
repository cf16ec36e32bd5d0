//! One look through a whole feed: what is in it, and which of its columns mean what.

use std::collections::HashSet;
use std::path::Path;

use crate::digest::Digest;
use crate::feed::{self, BadRow, Batch, Each, Entry, Feed, FeedFormat, FeedOptions, FeedProblem};
use crate::limits::Limits;

/// Columns that name a product, the likeliest first.
const IDS: [&str; 21] = [
    "id",
    "sku",
    "handle",
    "product_id",
    "item_id",
    "item_sku",
    "product_sku",
    "article_number",
    "article_no",
    "article",
    "item_number",
    "part_number",
    "number",
    "code",
    "product_code",
    "ref",
    "slug",
    "mpn",
    "gtin",
    "ean",
    "barcode",
];

/// Columns that say what a product is called.
const TITLES: [&str; 10] = [
    "title",
    "name",
    "product_name",
    "product_title",
    "item_name",
    "display_name",
    "label",
    "product",
    "bezeichnung",
    "titel",
];

/// How a file name may part what it shows from which view of it.
const PATTERNS: [&str; 4] = ["{id}-{view}", "{id}_{view}", "{id} {view}", "{category}/{id}/{view}"];

/// Bad rows that are kept to be shown.
const SHOWN: usize = 3;

/// What was found.
#[derive(Debug, Clone)]
pub struct Look {
    /// Which program wrote it.
    pub format: FeedFormat,
    /// What became an entry.
    pub each: Each,
    /// How its text is written.
    pub encoding: &'static str,
    /// How a folder's files are named, where their names tell what belongs together.
    pub pattern: Option<String>,
    /// Products, or variants.
    pub entries: u64,
    /// Pictures that they name.
    pub pictures: u64,
    /// Of those, how many stand behind URLs.
    pub urls: u64,
    /// Entries without a picture.
    pub without: u64,
    /// Entries with more than one picture.
    pub several: u64,
    /// Rows that can't be used.
    pub bad: u64,
    /// The first of them.
    pub first_bad: Vec<BadRow>,
    /// Attribute that is different in every entry; `None` where there is none.
    pub id: Option<String>,
    /// Attribute with what a product is called, where every entry has one.
    pub title: Option<String>,
    /// Attribute that is empty in just those entries that have no picture.
    pub picture: Option<String>,
    /// Names of all attributes.
    pub attributes: Vec<String>,
    /// What was decided by looking, and may be wrong.
    pub notes: Vec<String>,
}

/// What is known of one column so far.
struct Column {
    name: String,
    filled: u64,
    /// Whether it was filled exactly where there were pictures.
    like_pictures: bool,
    /// What was seen, while it can still be an id.
    seen: Option<HashSet<[u8; 16]>>,
}

/// Looks through a feed.
///
/// # Errors
/// When the feed as a whole can't be read.
pub fn look(path: &Path, options: &FeedOptions, limits: &Limits) -> Result<Look, FeedProblem> {
    let found = through(path, options, limits)?;
    if found.format != FeedFormat::Folder || options.pattern.is_some() {
        return Ok(found);
    }
    for pattern in PATTERNS {
        let named = FeedOptions { pattern: Some(pattern.to_owned()), ..options.clone() };
        let by_name = through(path, &named, limits)?;
        if by_name.groups_better(&found) {
            return Ok(Look { pattern: Some(pattern.to_owned()), ..by_name });
        }
    }
    Ok(found)
}

fn through(path: &Path, options: &FeedOptions, limits: &Limits) -> Result<Look, FeedProblem> {
    let mut feed = feed::open(path, options, limits)?;
    let mut columns = columns_of(&feed);
    let mut found = Look::new(&feed, options);
    while let Some(batch) = feed.next_batch()? {
        found.batch(&batch, &mut columns);
    }
    found.encoding = feed.encoding().name();
    found.notes = feed.notes().into_iter().map(|note| note.message).collect();
    found.decide(&columns);
    Ok(found)
}

fn columns_of(feed: &Feed) -> Vec<Column> {
    let column = |column: &feed::FeedColumn| {
        let name = column.attribute.clone().unwrap_or_default();
        let may_be_id = IDS.contains(&name.to_ascii_lowercase().as_str());
        let seen = may_be_id.then(HashSet::new);
        Column { name, filled: 0, like_pictures: true, seen }
    };
    let mut columns: Vec<Column> = feed.columns().iter().map(column).collect();
    // A feed of one's own often begins with what names a row, whatever it is called.
    if let Some(first) = columns.first_mut().filter(|first| !first.name.is_empty()) {
        first.seen.get_or_insert_default();
    }
    columns
}

impl Column {
    fn see(&mut self, cell: Option<&str>, has_pictures: bool) {
        let cell = cell.map(str::trim).unwrap_or_default();
        self.filled += u64::from(!cell.is_empty());
        self.like_pictures &= cell.is_empty() != has_pictures;
        if let Some(seen) = &mut self.seen {
            let whole = Digest::of(cell.as_bytes());
            let mut short = [0; 16];
            short.copy_from_slice(&whole.as_bytes()[..16]);
            let usable = !cell.is_empty() && cell.len() <= 200 && !cell.contains(char::is_control);
            if !usable || !seen.insert(short) {
                self.seen = None;
            }
        }
    }
}

impl Look {
    fn new(feed: &Feed, options: &FeedOptions) -> Self {
        let attributes = feed.columns().iter().filter_map(|column| column.attribute.clone());
        Look {
            format: feed.format(),
            each: options.each,
            encoding: "",
            pattern: None,
            entries: 0,
            pictures: 0,
            urls: 0,
            without: 0,
            several: 0,
            bad: 0,
            first_bad: Vec::new(),
            id: None,
            title: None,
            picture: None,
            attributes: attributes.collect(),
            notes: Vec::new(),
        }
    }

    fn batch(&mut self, batch: &Batch, columns: &mut [Column]) {
        for entry in &batch.entries {
            self.entry(entry);
            for (position, column) in columns.iter_mut().enumerate() {
                column.see(entry.row.get(position), !entry.images.is_empty());
            }
        }
        self.bad += batch.bad.len() as u64;
        let room = SHOWN.saturating_sub(self.first_bad.len());
        self.first_bad.extend(batch.bad.iter().take(room).cloned());
    }

    fn entry(&mut self, entry: &Entry) {
        let url = |address: &str| address.starts_with("http://") || address.starts_with("https://");
        self.entries += 1;
        self.pictures += entry.images.len() as u64;
        self.urls += entry.images.iter().filter(|image| url(&image.address)).count() as u64;
        self.without += u64::from(entry.images.is_empty());
        self.several += u64::from(entry.images.len() > 1);
    }

    fn decide(&mut self, columns: &[Column]) {
        let named = |wanted: &[&str], fits: &dyn Fn(&Column) -> bool| {
            let by_name =
                |name: &&str| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name) && fits(c));
            wanted.iter().find_map(by_name).map(|column| column.name.clone())
        };
        let unique = |column: &Column| column.seen.is_some();
        let first = columns.first().filter(|c| unique(c)).map(|c| c.name.clone());
        // Shopify's own name for a product, which also stands in its links.
        let usual = if self.format == FeedFormat::Shopify { &IDS[2..] } else { &IDS[..] };
        let usual = if self.each == Each::Variant { &IDS[..] } else { usual };
        self.id = named(usual, &unique).or(first);
        self.title = named(&TITLES, &|column| column.filled == self.entries);
        let pictured = columns.iter().filter(|c| c.like_pictures && !c.name.is_empty());
        let says_so = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["image", "picture", "photo", "bild", "foto"].iter().any(|word| name.contains(word))
        };
        let names: Vec<&str> = pictured.map(|c| c.name.as_str()).collect();
        let best = names.iter().find(|name| says_so(name)).or(names.first());
        self.picture = best.map(|name| (*name).to_owned());
    }

    /// Whether a pattern over names puts together what belongs together: every picture fits, and
    /// views come back from one product to the next.
    fn groups_better(&self, plain: &Look) -> bool {
        let all_fit = self.bad == 0 && self.pictures == plain.pictures;
        let flat = plain.several == 0 || plain.bad > 0;
        let shared = self.several * 2 >= self.entries && self.entries > 0;
        all_fit && flat && shared && self.entries < plain.entries.max(self.pictures)
    }
}
