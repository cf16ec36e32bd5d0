//! One product of an XML feed, element by element: which of them are fields, and what those hold.

use quick_xml::events::BytesStart;

use crate::feed::entry::Spot;
use crate::feed::html;
use crate::feed::items::{Field, Flaw, join, spot};
use crate::limits::Limits;

/// How many elements one product may have.
const MOST_FIELDS: usize = 4096;

/// How many of the largest cells a product may be as large as.
const MOST_CELLS: u64 = 16;

/// Children of these are formatting, not fields.
const PROSE: [&str; 4] = ["description", "summary", "content", "title"];

/// Which of two fields of one name is meant: Google's before the feed's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    StandsIn,
    Own,
    Google,
}

/// An element that is open inside a product.
struct Open {
    name: String,
    rank: Rank,
    /// What its attributes say it is, where it has no text (`<link href="…"/>`).
    address: Option<String>,
    text: String,
    /// Whether other elements stood in it.
    parent: bool,
    start: u64,
    end: u64,
}

/// A field before those of one name are put together.
struct Found {
    name: String,
    rank: Rank,
    text: String,
    at: Spot,
}

/// A product that is being read.
pub(super) struct Product {
    /// Where its element starts.
    pub start: u64,
    /// The line of that.
    pub line: u64,
    /// How deep its element stands.
    pub depth: usize,
    cell_limit: u64,
    bytes: u64,
    open: Vec<Open>,
    found: Vec<Found>,
    flaw: Option<Flaw>,
}

impl Product {
    pub fn new(start: u64, line: u64, depth: usize, limits: &Limits) -> Self {
        Product {
            start,
            line,
            depth,
            cell_limit: limits.feed_cell_bytes,
            bytes: 0,
            open: Vec::new(),
            found: Vec::new(),
            flaw: None,
        }
    }

    /// An element begins, whose content stands from `at` on.
    pub fn begin(&mut self, start: &BytesStart<'_>, name: String, rank: Rank, at: u64) {
        if let Some(prose) = self.open.first_mut().filter(|p| is_prose(&p.name)) {
            // Kept as a tag, so that the words of two paragraphs don't run into each other.
            prose.text.push_str(&format!("<{name}>"));
        }
        let (name, rank) = match self.open.last_mut() {
            None => (name, rank),
            Some(parent) => {
                parent.parent = true;
                (format!("{}_{name}", parent.name), parent.rank)
            }
        };
        let (address, text) = (address_of(start), String::new());
        self.open.push(Open { name, rank, address, text, parent: false, start: at, end: at });
    }

    /// The innermost element ends; whether it was the product itself.
    pub fn end(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return true };
        if self.open.first().is_some_and(|p| is_prose(&p.name)) {
            let tag = open.name.rsplit('_').next().unwrap_or_default();
            self.open[0].text.push_str(&format!("</{tag}>"));
            return false;
        }
        if self.found.len() >= MOST_FIELDS {
            let what = format!("it has more than {MOST_FIELDS} elements");
            self.spoil("feed::limit", what, "one too many", open.start, open.end);
            return false;
        }
        let text = open.text.trim();
        let text = match &open.address {
            Some(address) if text.is_empty() => address.trim(),
            _ => text,
        };
        if !(open.parent && text.is_empty()) {
            let (text, at) = (text.to_owned(), spot(open.start, open.end));
            self.found.push(Found { name: open.name, rank: open.rank, text, at });
        }
        false
    }

    /// Text of the innermost element.
    pub fn text(&mut self, text: &str, start: u64, end: u64) {
        let prose = self.open.first().is_some_and(|p| is_prose(&p.name));
        let Some(open) = (if prose { self.open.first_mut() } else { self.open.last_mut() }) else {
            return;
        };
        if open.text.is_empty() {
            // White space before a text is not part of it.
            let blank = text.len() - text.trim_start().len();
            open.start = start + blank as u64;
        }
        if !text.trim().is_empty() {
            open.end = end - (text.len() - text.trim_end().len()) as u64;
        }
        self.bytes += text.len() as u64;
        let (of_cell, most) = (self.cell_limit, self.cell_limit.saturating_mul(MOST_CELLS));
        if (open.text.len() + text.len()) as u64 <= of_cell && self.bytes <= most {
            open.text.push_str(text);
            return;
        }
        let what = match self.bytes > most {
            true => format!("the product has more than {most} bytes"),
            false => format!("the element has more than {of_cell} bytes"),
        };
        let start = open.start;
        self.spoil("feed::limit", what, "begins here", start, start + 1);
    }

    /// Says what is wrong with it; of several, the first stands.
    pub fn spoil(&mut self, code: &'static str, what: String, label: &str, start: u64, end: u64) {
        let help = match code {
            "feed::entity" => "write the character itself, or its number (`&#233;`)".to_owned(),
            _ => Limits::how_to_raise("feed_cell_bytes"),
        };
        let column = self.open.last().map(|open| open.name.clone());
        let (label, at) = (label.to_owned(), spot(start, end));
        self.flaw.get_or_insert(Flaw { code, column, what, label, help, at });
    }

    /// What came of it.
    pub fn finish(self) -> Result<Vec<Field>, Flaw> {
        match self.flaw {
            Some(flaw) => Err(flaw),
            None => Ok(together(self.found)),
        }
    }
}

fn is_prose(name: &str) -> bool {
    PROSE.contains(&name)
}

/// The address that an element carries as an attribute; a link to something else than the
/// product's own page is none.
fn address_of(start: &BytesStart<'_>) -> Option<String> {
    let value = |name: &str| {
        let attribute = start.attributes().flatten().find(|a| a.key.as_ref() == name)?;
        Some(html::text(&attribute.value))
    };
    let elsewhere = value("rel").is_some_and(|rel| rel != "alternate");
    if elsewhere { None } else { value("href").or_else(|| value("url")) }
}

/// Fields of one name as one, in the order in which names came first.
fn together(found: Vec<Found>) -> Vec<Field> {
    struct Group {
        name: String,
        rank: Rank,
        texts: Vec<String>,
        at: Spot,
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for Found { name, rank, text, at } in found {
        let place = *places.entry(name.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            None => groups.push(Group { name, rank, texts: vec![text], at }),
            Some(group) if rank > group.rank || (rank == group.rank && group.texts == [""]) => {
                (group.rank, group.texts, group.at) = (rank, vec![text], at);
            }
            Some(group) if rank == group.rank && !text.is_empty() => group.texts.push(text),
            Some(_) => {}
        }
    }
    let field = |group: Group| Field {
        name: group.name.into_boxed_str(),
        text: Some(join(&group.texts)),
        at: group.at,
    };
    groups.into_iter().map(field).collect()
}
