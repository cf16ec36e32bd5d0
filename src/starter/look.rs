//! One look through a whole feed: what is in it, and which of its columns mean what.

use std::collections::HashSet;
use std::path::Path;

use crate::digest::Digest;
use crate::feed::{
    self, BadRow, Batch, Each, Entry, Feed, FeedFormat, FeedImage, FeedOptions, FeedProblem,
};
use crate::limits::Limits;

/// Columns that name a product, the likeliest first.
const IDS: [&str; 28] = [
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
    "artikelnummer",
    "artikelnr",
    "artikel_nr",
    "produktnummer",
    "reference",
    "referencia",
    "ref",
    "slug",
    "mpn",
    "gtin",
    "ean",
    "barcode",
    "asin",
];

/// Columns that say what a product is called.
const TITLES: [&str; 16] = [
    "title",
    "name",
    "product_name",
    "product_title",
    "item_name",
    "display_name",
    "label",
    "product",
    "bezeichnung",
    "produktname",
    "titel",
    "titre",
    "nom",
    "nombre",
    "nome",
    "naam",
];

/// How a file name may part what it shows from which view of it.
const PATTERNS: [&str; 3] = ["{id}-{view}", "{id}_{view}", "{id} {view}"];

/// How folders may be sorted above those of products.
const TREE: &str = "{category}/{id}/{view}";

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
    /// Entries whose pictures stand in more than one folder.
    pub scattered: u64,
    /// Rows that can't be used.
    pub bad: u64,
    /// The first of them.
    pub first_bad: Vec<BadRow>,
    /// Attribute that is different in every entry; `None` where there is none.
    pub id: Option<String>,
    /// Whether that counts rows, so that another export may give other ids.
    pub id_counts: bool,
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
    /// How far its number is behind the row's, as long as it is the same in every entry.
    behind: Behind,
}

/// Whether a column counts rows, from 0 or from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Unknown,
    By(u64),
    Varies,
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
    let by_pattern = |pattern: &str| {
        let pattern = Some(pattern.to_owned());
        let named = FeedOptions { pattern: pattern.clone(), ..options.clone() };
        through(path, &named, limits).map(|by_name| Look { pattern, ..by_name })
    };
    for pattern in PATTERNS {
        let by_name = by_pattern(pattern)?;
        if by_name.groups_better(&found) {
            return Ok(by_name);
        }
    }
    let tree = by_pattern(TREE)?;
    Ok(if tree.sorts_better(&found) { tree } else { found })
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
    let column = |name: String| {
        let may_be_id = IDS.contains(&name.to_ascii_lowercase().as_str());
        let seen = may_be_id.then(HashSet::new);
        Column { name, filled: 0, like_pictures: true, seen, behind: Behind::Unknown }
    };
    let mut columns: Vec<Column> = names_of(feed).map(column).collect();
    // A feed of one's own often begins with what names a row, whatever it is called.
    if let Some(first) = columns.first_mut() {
        first.seen.get_or_insert_default();
    }
    columns
}

/// What templates call the columns.
fn names_of(feed: &Feed) -> impl Iterator<Item = String> {
    feed::called(feed.columns(), &[]).into_iter().map(|called| called.name)
}

impl Column {
    fn see(&mut self, cell: Option<&str>, has_pictures: bool, row: u64) {
        let cell = cell.map(str::trim).unwrap_or_default();
        let behind = cell.parse().ok().and_then(|number| row.checked_sub(number));
        self.behind = match (self.behind, behind) {
            // The header may be a row, and the first of them 0.
            (Behind::Unknown, Some(by @ 0..=2)) => Behind::By(by),
            (Behind::By(before), Some(by)) if by == before => Behind::By(by),
            _ => Behind::Varies,
        };
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
            scattered: 0,
            bad: 0,
            first_bad: Vec::new(),
            id: None,
            id_counts: false,
            title: None,
            picture: None,
            attributes: names_of(feed).collect(),
            notes: Vec::new(),
        }
    }

    fn batch(&mut self, batch: &Batch, columns: &mut [Column]) {
        for entry in &batch.entries {
            self.entry(entry);
            for (position, column) in columns.iter_mut().enumerate() {
                let cell = entry.row.get(position);
                column.see(cell, !entry.images.is_empty(), entry.first_row);
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
        let folder =
            |image: &FeedImage| image.address.rfind('/').map(|at| image.address[..at].to_owned());
        let first = entry.images.first().and_then(folder);
        self.scattered += u64::from(entry.images.iter().any(|image| folder(image) != first));
    }

    fn decide(&mut self, columns: &[Column]) {
        let named = |wanted: &[&str], fits: &dyn Fn(&Column) -> bool| {
            let by_name =
                |name: &&str| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name) && fits(c));
            wanted.iter().find_map(by_name).map(|column| column.name.clone())
        };
        let unique = |column: &Column| column.seen.is_some();
        // A shop's own number may count from 1 as well; in a file of one's own it is likelier to
        // be that of a row.
        let own = matches!(self.format, FeedFormat::Csv | FeedFormat::Jsonl) && self.entries > 1;
        let counts = |column: &Column| own && matches!(column.behind, Behind::By(_));
        let lasting = |column: &Column| unique(column) && !counts(column);
        let first = columns.first().filter(|c| lasting(c)).map(|c| c.name.clone());
        // Shopify's own name for a product, which also stands in its links.
        let usual = if self.format == FeedFormat::Shopify { &IDS[2..] } else { &IDS[..] };
        let usual = if self.each == Each::Variant { &IDS[..] } else { usual };
        self.id = named(usual, &lasting).or(first);
        if self.id.is_none() {
            self.id = named(usual, &unique);
            self.id_counts = self.id.is_some();
        }
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
        let flat = plain.several == 0 || plain.bad > 0;
        let shared = self.several * 2 >= self.entries && self.entries > 0;
        self.fits_all(plain) && flat && shared && self.entries < plain.entries.max(self.pictures)
    }

    /// Whether folders in folders are products in categories: there are several in most, and none
    /// of them comes back in another. `mug/front/1.jpg` beside `lamp/front/1.jpg` is none.
    fn sorts_better(&self, plain: &Look) -> bool {
        self.fits_all(plain) && self.scattered == 0 && self.entries >= 2 * plain.entries
    }

    fn fits_all(&self, plain: &Look) -> bool {
        self.bad == 0 && self.pictures == plain.pictures
    }
}
