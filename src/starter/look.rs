//! One look through a whole feed: what is in it, and which of its columns mean what.

use std::collections::{HashMap, HashSet};
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

/// What names of columns with pictures have in them.
const PICTURED: [&str; 8] =
    ["image", "img", "picture", "photo", "bild", "foto", "immagin", "afbeelding"];

/// How a file name may part what it shows from which view of it.
const PATTERNS: [&str; 3] = ["{id}-{view}", "{id}_{view}", "{id} {view}"];

/// How folders may be sorted above those of products.
const TREE: &str = "{category}/{id}/{view}";

/// An id is not longer than this, in bytes.
const LONGEST_ID: usize = 200;

/// Bad rows that are kept to be shown.
const SHOWN: usize = 3;

/// Said of rows that only WooCommerce writes, under headers that are not known.
const UNKNOWN_LANGUAGE: &str = "this may be a WooCommerce export in a language that is not known, \
     in which no variation finds its product: export it again with the account set to English";

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
    /// Views that a folder's entries have.
    views: Views,
    /// Rows that can't be used.
    pub bad: u64,
    /// The first of them.
    pub first_bad: Vec<BadRow>,
    /// Of the pictures that are files, how many are not there, and the first of them.
    pub lost: Option<(u64, String)>,
    /// Attribute that is different in every entry; `None` where there is none.
    pub id: Option<String>,
    /// Where there is none: why the likeliest can't be it.
    pub no_id: String,
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

/// Which views each product has.
#[derive(Debug, Clone, Default)]
struct Views(Vec<Vec<String>>);

impl Views {
    /// How many products have a view that another has as well.
    fn shared(&self) -> u64 {
        let mut times: HashMap<&str, u64> = HashMap::new();
        let all = self.0.iter().flatten();
        all.for_each(|view| *times.entry(view).or_default() += 1);
        let shares = |views: &&Vec<String>| views.iter().any(|view| times[view.as_str()] > 1);
        self.0.iter().filter(shares).count() as u64
    }
}

/// What is known of one column so far.
struct Column {
    name: String,
    filled: u64,
    /// Whether it was filled exactly where there were pictures.
    like_pictures: bool,
    /// What was seen, while it can still be an id.
    seen: Option<HashSet<[u8; 16]>>,
    /// Why it can't be one.
    flaw: Option<String>,
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
    let mut variations = false;
    while let Some(batch) = feed.next_batch()? {
        found.batch(&batch, &mut columns);
        let cells = || batch.entries.iter().flat_map(|e| (0..columns.len()).map(|c| e.row.get(c)));
        variations = variations || cells().any(|cell| cell == Some("variation"));
        if found.format != FeedFormat::Folder {
            found.look_for_pictures(&batch, path.parent().unwrap_or(path));
        }
    }
    found.encoding = feed.encoding().name();
    found.notes = feed.notes().into_iter().map(|note| note.message).collect();
    if variations && found.format == FeedFormat::Csv {
        found.notes.push(UNKNOWN_LANGUAGE.to_owned());
    }
    found.decide(&columns);
    Ok(found)
}

fn columns_of(feed: &Feed) -> Vec<Column> {
    let column = |name: String| {
        let may_be_id = IDS.contains(&name.to_ascii_lowercase().as_str());
        let seen = may_be_id.then(HashSet::new);
        Column { name, filled: 0, like_pictures: true, seen, flaw: None, behind: Behind::Unknown }
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
    /// Why it can't be an id.
    fn no_id(&self) -> String {
        format!("`{}` {}", self.name, self.flaw.as_deref().unwrap_or("counts the rows"))
    }

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
            let odd = cell.len() > LONGEST_ID || cell.contains(char::is_control);
            let flaw = match (cell.is_empty(), odd) {
                (true, _) => Some(format!("is empty in row {row}")),
                (_, true) => Some(format!("has more than a name in row {row}")),
                _ if seen.insert(short) => None,
                _ => Some(format!("has `{cell}` again in row {row}")),
            };
            if flaw.is_some() {
                (self.seen, self.flaw) = (None, flaw);
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
            views: Views::default(),
            bad: 0,
            first_bad: Vec::new(),
            lost: None,
            id: None,
            no_id: String::new(),
            id_counts: false,
            title: None,
            picture: None,
            attributes: names_of(feed).collect(),
            notes: Vec::new(),
        }
    }

    fn batch(&mut self, batch: &Batch, columns: &mut [Column]) {
        let views = columns.iter().position(|c| c.name == "views");
        let views = views.filter(|_| self.format == FeedFormat::Folder);
        for entry in &batch.entries {
            self.entry(entry);
            if let Some(views) = views.and_then(|column| entry.row.get(column)) {
                let mut views: Vec<String> = views.split(',').map(str::to_lowercase).collect();
                views.sort_unstable();
                views.dedup();
                self.views.0.push(views);
            }
            for (position, column) in columns.iter_mut().enumerate() {
                let cell = entry.row.get(position);
                column.see(cell, !entry.images.is_empty(), entry.first_row);
            }
        }
        self.bad += batch.bad.len() as u64;
        let room = SHOWN.saturating_sub(self.first_bad.len());
        self.first_bad.extend(batch.bad.iter().take(room).cloned());
    }

    /// Looks whether pictures are there that are files, `folder` being the feed's.
    fn look_for_pictures(&mut self, batch: &Batch, folder: &Path) {
        let addresses = batch.entries.iter().flat_map(|entry| &entry.images);
        let files = addresses.map(|image| &*image.address).filter(|address| !is_url(address));
        for lost in files.filter(|address| !folder.join(address).exists()) {
            self.lost.get_or_insert_with(|| (0, lost.to_owned())).0 += 1;
        }
    }

    fn entry(&mut self, entry: &Entry) {
        self.entries += 1;
        self.pictures += entry.images.len() as u64;
        self.urls += entry.images.iter().filter(|image| is_url(&image.address)).count() as u64;
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
            let likeliest = named(usual, &|column| column.flaw.is_some());
            let likeliest = columns.iter().find(|c| Some(&c.name) == likeliest.as_ref());
            self.no_id = likeliest.or(columns.first()).map(Column::no_id).unwrap_or_default();
        }
        self.title = named(&TITLES, &|column| column.filled == self.entries);
        let says_so = |column: &&Column| {
            let name = column.name.to_ascii_lowercase();
            PICTURED.iter().any(|word| name.contains(word))
        };
        let picture = columns.iter().filter(|column| column.like_pictures).find(says_so);
        self.picture = picture.map(|column| column.name.clone());
    }

    /// Whether a pattern over names puts together what belongs together: every picture fits, and
    /// views come back from one product to the next.
    fn groups_better(&self, plain: &Look) -> bool {
        let flat = plain.several == 0 || plain.bad > 0;
        // `IMG_1` and `IMG_2` are no views of one product, `mug-terra` and `mug-sol` two products.
        let several = self.entries > 1 && self.several * 2 >= self.entries;
        let shared = self.views.shared() * 2 >= self.entries;
        let fewer = self.entries < plain.entries.max(self.pictures);
        self.fits_all(plain) && flat && several && shared && fewer
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

fn is_url(address: &str) -> bool {
    address.starts_with("http://") || address.starts_with("https://")
}
