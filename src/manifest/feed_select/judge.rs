//! Holding products against `select:`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::columns::{Input, Wanted};
use super::words::names_video;
use crate::feed::{Columns, amount, in_stock};
use crate::manifest::catalogue::SubjectKind;
use crate::manifest::typed::typed;
use crate::template::{Condition, Engine, TemplateError, TemplateValue as Value};

/// Why a product is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manifest) enum Why {
    Tags,
    Collection,
    Price,
    Stock,
    Video,
    Where,
    /// `where` puts a cell in order with a number, but it holds none.
    NotComparable,
    Sample,
}

impl Why {
    /// All of them, in the order in which a product is held against them.
    pub const ALL: [Why; 8] = [
        Why::Tags,
        Why::Collection,
        Why::Price,
        Why::Stock,
        Why::Video,
        Why::Where,
        Why::NotComparable,
        Why::Sample,
    ];

    /// The key of `select:`, and what else there is to say.
    pub fn words(self) -> &'static str {
        match self {
            Why::NotComparable => "where (nothing to compare in the cell)",
            Why::Tags => "tags",
            Why::Collection => "collection",
            Why::Price => "price",
            Why::Stock => "in_stock",
            Why::Video => "without_video",
            Why::Where => "where",
            Why::Sample => "sample",
        }
    }
}

/// How many products were left out, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::manifest) struct LeftOut([u64; Why::ALL.len()]);

impl LeftOut {
    /// One more.
    pub fn count(&mut self, why: Why) {
        self.0[why as usize] += 1;
    }

    /// Adds another count.
    pub fn add(&mut self, other: &LeftOut) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, more)| *mine += more);
    }

    /// In all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// By reason, those that left anything out.
    pub fn by_reason(&self) -> impl Iterator<Item = (Why, u64)> + '_ {
        Why::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}

/// A product, as it is looked at.
pub(in crate::manifest) struct Candidate<'a> {
    pub set: &'a str,
    pub kind: SubjectKind,
    pub id: &'a str,
    pub tags: &'a [Box<str>],
    pub cells: &'a [Option<&'a str>],
    pub columns: &'a Columns,
}

/// Why nobody can say whether a product fits.
#[derive(Debug)]
pub(in crate::manifest) struct Unreadable {
    pub code: &'static str,
    /// The column, if it is about one.
    pub column: Option<usize>,
    /// Completes "row 7: …".
    pub message: String,
    pub help: String,
}

/// Whether a tag is the one that is wanted, which is in small letters: shops take tags that differ
/// in case alone for one.
fn is_tag(tag: &str, wanted: &str) -> bool {
    match tag.is_ascii() {
        true => tag.eq_ignore_ascii_case(wanted),
        false => tag.to_lowercase() == wanted,
    }
}

/// `select:`, ready to be asked.
pub(in crate::manifest) struct Select<'e, 's> {
    wanted: &'e Wanted,
    condition: Option<Condition<'e, 's>>,
}

impl<'e, 's: 'e> Select<'e, 's> {
    /// Compiles its condition, which was checked.
    pub fn new(wanted: &'s Wanted, engine: &'e Engine<'s>) -> Result<Self, TemplateError> {
        let condition = wanted.condition.as_ref();
        let condition = condition.map(|c| engine.expression(&c.text)).transpose()?;
        Ok(Select { wanted, condition })
    }

    /// Why a product is left out; `None` where it is in, as far as the sample lets it.
    pub fn judge(&self, one: &Candidate<'_>) -> Result<Option<Why>, Unreadable> {
        let wanted = self.wanted;
        if !wanted.tags.iter().all(|tag| one.tags.iter().any(|t| is_tag(t, tag))) {
            return Ok(Some(Why::Tags));
        }
        let cell = |column: usize| one.cells.get(column).copied().flatten().unwrap_or_default();
        if let Some((collections, columns)) = &wanted.collections {
            let mut cells = columns.iter().map(|column| cell(*column));
            if !cells.any(|cell| collections.iter().any(|c| c.has(cell))) {
                return Ok(Some(Why::Collection));
            }
        }
        if let Some(range) = &wanted.price {
            let text = cell(range.column);
            if text.trim().is_empty() {
                return Ok(Some(Why::Price));
            }
            let price = amount(text).ok_or_else(|| unreadable_price(range.column, text))?;
            let above = |max: Decimal| price > max;
            if range.min.is_some_and(|min| price < min) || range.max.is_some_and(above) {
                return Ok(Some(Why::Price));
            }
        }
        if let Some((asked, column)) = wanted.stock {
            let text = cell(column);
            let there = in_stock(text).ok_or_else(|| unreadable_stock(column, text))?;
            if there != asked {
                return Ok(Some(Why::Stock));
            }
        }
        let videos = wanted.videos.iter().flatten();
        if videos.into_iter().any(|column| names_video(cell(*column))) {
            return Ok(Some(Why::Video));
        }
        self.condition(one)
    }

    fn condition(&self, one: &Candidate<'_>) -> Result<Option<Why>, Unreadable> {
        let Some(condition) = &self.condition else { return Ok(None) };
        for ordered in &self.wanted.ordered {
            let cell = typed_cell(one, ordered.column);
            let alike = match ordered.with_number {
                true => cell.is_number(),
                false => cell.as_str().is_some(),
            };
            if !alike {
                return Ok(Some(Why::NotComparable));
            }
        }
        let fulfilled = condition.holds(self.context(one)).map_err(|error| Unreadable {
            code: "feed::select",
            column: None,
            message: format!("`where` can't be answered: {}", error.message),
            help: "ask whether the cell holds something, too, or mend it".to_owned(),
        })?;
        Ok((!fulfilled).then_some(Why::Where))
    }

    /// What the condition names, and nothing else.
    fn context(&self, one: &Candidate<'_>) -> Value {
        let mut top: BTreeMap<String, Value> = BTreeMap::new();
        let mut subject: BTreeMap<String, Value> = BTreeMap::new();
        for (name, inner, input) in &self.wanted.inputs {
            let value = match input {
                Input::Column(column) => typed_cell(one, *column),
                Input::Id => Value::from(one.id),
                Input::Kind => Value::from(one.kind.as_str()),
                Input::Set => Value::from(one.set),
                Input::Tags => one.tags.iter().map(|tag| Value::from(&**tag)).collect(),
            };
            let map = if *inner { &mut subject } else { &mut top };
            map.insert(name.clone(), value);
        }
        if !subject.is_empty() {
            top.insert("subject".to_owned(), Value::from(subject));
        }
        Value::from(top)
    }
}

fn typed_cell(one: &Candidate<'_>, column: usize) -> Value {
    let text = one.cells.get(column).copied().flatten();
    text.map_or_else(|| Value::from(()), |text| typed(text, one.columns.type_of(column)))
}

fn unreadable_price(column: usize, text: &str) -> Unreadable {
    Unreadable {
        code: "feed::price",
        column: Some(column),
        message: format!("`{}` is no price", text.trim()),
        help: "write one number, for instance `12.50 EUR`; `select` looks at the price".to_owned(),
    }
}

fn unreadable_stock(column: usize, text: &str) -> Unreadable {
    Unreadable {
        code: "feed::stock",
        column: Some(column),
        message: format!("`{}` says neither that it is in stock nor that it isn't", text.trim()),
        help: "write a number, or a word such as `in stock` or `out of stock`; `select` looks at \
               the stock"
            .to_owned(),
    }
}
