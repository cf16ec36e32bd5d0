//! Which of a feed's columns `select:` looks at, by the names that shops give them.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::RawSelect;
use super::words::Collection;
use crate::diagnostic::{Finding, Findings, Place};
use crate::limits::Limits;
use crate::manifest::header::Header;
use crate::template::{Engine, ordered};
use crate::yaml::{Placed, Text};

const COLLECTIONS: [&str; 8] = [
    "collection",
    "collections",
    "category",
    "categories",
    "product_category",
    "product_type",
    "google_product_category",
    "type",
];
const PRICES: [&str; 3] = ["price", "regular_price", "variant_price"];
const STOCKS: [&str; 5] = ["availability", "in_stock", "stock", "inventory_quantity", "quantity"];
const VIDEOS: [&str; 4] = ["video_link", "video_url", "video", "videos"];

/// `select:`, with the columns that it looks at.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Wanted {
    /// In small letters.
    pub(super) tags: Vec<String>,
    pub(super) collections: Option<(Vec<Collection>, Vec<usize>)>,
    pub(super) price: Option<Range>,
    pub(super) stock: Option<(bool, usize)>,
    /// The columns that may name a video, where only products without one are wanted.
    pub(super) videos: Option<Vec<usize>>,
    pub(super) condition: Option<Text>,
    /// What the condition names: how, whether after `subject.`, and what it is.
    pub(super) inputs: Vec<(String, bool, Input)>,
    pub(super) ordered: Vec<OrderedColumn>,
    /// How many are taken by chance, and the seed.
    pub sample: Option<(u64, u64)>,
}

/// A range of prices, and the column that has them.
#[derive(Debug)]
pub(super) struct Range {
    pub min: Option<Decimal>,
    pub max: Option<Decimal>,
    pub column: usize,
}

/// What a condition can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Column(usize),
    Id,
    Kind,
    Set,
    Tags,
}

/// A column that the condition puts in order with a literal.
#[derive(Debug)]
pub(super) struct OrderedColumn {
    pub column: usize,
    pub with_number: bool,
}

impl Wanted {
    /// Finds the columns; what is missing is said. The condition's names were checked.
    pub fn new(
        raw: &RawSelect,
        condition: Option<&Text>,
        header: &Header,
        limits: &Limits,
        findings: &mut Findings,
    ) -> Self {
        let mut seek = Seek { header, findings };
        let mut wanted = Wanted {
            tags: raw.tags.items.iter().map(|tag| tag.trim().to_lowercase()).collect(),
            collections: seek.collections(raw),
            price: seek.price(raw),
            stock: seek.stock(raw.in_stock.as_ref()),
            videos: seek.videos(raw.without_video.as_ref()),
            sample: raw.sample.as_ref().map(|sample| (sample.count.value, sample.seed)),
            ..Wanted::default()
        };
        if let Some(condition) = condition {
            wanted.inputs = inputs(condition, header, limits);
            let names = ordered(condition).into_iter();
            let columns = names.filter_map(|found| {
                let column = column(header, found.name.trim_start_matches("subject."))?;
                Some(OrderedColumn { column, with_number: found.with_number })
            });
            wanted.ordered = columns.collect();
            wanted.condition = Some(condition.clone());
        }
        wanted
    }

    /// The columns that it looks at.
    pub fn columns(&self) -> BTreeSet<usize> {
        let collections = self.collections.iter().flat_map(|(_, columns)| columns);
        let videos = self.videos.iter().flatten();
        let inputs = self.inputs.iter().filter_map(|(_, _, input)| match input {
            Input::Column(column) => Some(column),
            _ => None,
        });
        let price = self.price.iter().map(|range| &range.column);
        let stock = self.stock.iter().map(|(_, column)| column);
        collections.chain(videos).chain(inputs).chain(price).chain(stock).copied().collect()
    }
}

fn column(header: &Header, name: &str) -> Option<usize> {
    header.attributes.iter().position(|(n, _)| n == name)
}

/// What a condition names.
fn inputs(condition: &Text, header: &Header, limits: &Limits) -> Vec<(String, bool, Input)> {
    let engine = Engine::new(limits);
    let Ok(compiled) = engine.expression(condition) else { return Vec::new() };
    let mut found: BTreeSet<(String, bool)> = BTreeSet::new();
    for path in compiled.undeclared() {
        let mut parts = path.split('.');
        match (parts.next().unwrap_or_default(), parts.next()) {
            ("subject", Some(name)) => {
                found.insert((name.to_owned(), true));
            }
            // The subject as a whole: any of its attributes may be meant.
            ("subject", None) => {
                let all = header.attributes.iter().map(|(name, _)| name.as_str());
                let own = ["id", "kind", "set", "tags"];
                found.extend(all.chain(own).map(|name| (name.to_owned(), true)));
            }
            (name, _) => {
                found.insert((name.to_owned(), false));
            }
        }
    }
    let input = |(name, inner): (String, bool)| {
        let column = column(header, &name).map(Input::Column);
        let own = match (name.as_str(), inner) {
            ("id", _) => Some(Input::Id),
            ("kind", _) => Some(Input::Kind),
            ("set", true) => Some(Input::Set),
            ("tags", _) => Some(Input::Tags),
            _ => None,
        };
        // After `subject.` these are the subject's own, whatever columns there are.
        let first = inner && name != "tags";
        let input = if first { own.or(column) } else { column.or(own) };
        Some((name, inner, input?))
    };
    found.into_iter().filter_map(input).collect()
}

/// Finds columns, and says what is not there.
struct Seek<'a> {
    header: &'a Header,
    findings: &'a mut Findings,
}

impl Seek<'_> {
    fn collections(&mut self, raw: &RawSelect) -> Option<(Vec<Collection>, Vec<usize>)> {
        let first = raw.collection.items.first()?;
        let columns: Vec<usize> =
            COLLECTIONS.iter().filter_map(|name| column(self.header, name)).collect();
        if columns.is_empty() {
            self.missing("collections", "collection", first.place);
            return None;
        }
        let wanted = raw.collection.items.iter().map(|written| Collection::new(written));
        Some((wanted.collect(), columns))
    }

    fn price(&mut self, raw: &RawSelect) -> Option<Range> {
        let Placed { value: range, place } = raw.price.as_ref()?;
        let (min, max) = (range.min.as_ref(), range.max.as_ref());
        if let (Some(min), Some(max)) = (min, max)
            && min.value > max.value
        {
            let message = format!("no price is at least {} and at most {}", min.value, max.value);
            self.findings.push(
                Finding::error("manifest::wrong_value", message)
                    .at(max.place, "less than `min`")
                    .also(min.place, "`min`"),
            );
        }
        let Some(column) = PRICES.iter().find_map(|name| column(self.header, name)) else {
            self.missing("prices", "price", *place);
            return None;
        };
        Some(Range { min: min.map(|m| m.value), max: max.map(|m| m.value), column })
    }

    fn stock(&mut self, asked: Option<&Placed<bool>>) -> Option<(bool, usize)> {
        let asked = asked?;
        let Some(column) = STOCKS.iter().find_map(|name| column(self.header, name)) else {
            self.missing("stocks", "stock", asked.place);
            return None;
        };
        Some((asked.value, column))
    }

    fn videos(&mut self, asked: Option<&Text>) -> Option<Vec<usize>> {
        let asked = asked.filter(|asked| asked.trim() != "false")?;
        if asked.trim() != "true" {
            let column = self.header.position(asked.trim());
            if column.is_none() {
                self.unknown(asked);
            }
            return column.map(|column| vec![column]);
        }
        let known = |name: &str| {
            VIDEOS.contains(&name) || name.ends_with("_video") || name.ends_with("_video_url")
        };
        let attributes = self.header.attributes.iter().enumerate();
        let columns: Vec<usize> =
            attributes.filter(|(_, (name, _))| known(name)).map(|(column, _)| column).collect();
        if columns.is_empty() {
            self.missing("videos", "video", asked.place);
            return None;
        }
        Some(columns)
    }

    /// No column has one of the usual names.
    fn missing(&mut self, what: &str, name: &str, place: Place) {
        let columns: Vec<&str> = self.header.written.iter().take(30).map(String::as_str).collect();
        self.findings.push(
            Finding::error(
                "feed::no_column",
                format!("no column of the feed is known to hold {what}"),
            )
            .at(place, "asks for it")
            .help(format!(
                "say which it is: `attributes: {{{name}: COLUMN}}`; columns: {}",
                columns.join(", ")
            )),
        );
    }

    fn unknown(&mut self, name: &Text) {
        let columns = self.header.written.iter().map(String::as_str);
        self.findings.push(
            Finding::error("feed::unknown_column", format!("the feed has no column `{}`", &**name))
                .at(name.place, "this column")
                .help(crate::manifest::sets::nearest_help(name, columns, "its columns")),
        );
    }
}
