//! Google Merchant feeds as XML: RSS 2.0 and Atom.
//!
//! What lives here: which elements are products, what their children are called, entities, and what
//! a hostile file may not do. What never does: what an attribute of a product means.
//!
//! Elements are told by namespace, so any prefix will do that is bound to Google's; `g:` works without
//! being bound, since feeds are written by hand too. Nothing that a document type defines is ever
//! expanded or fetched.

use std::io::BufRead;

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::entry::{BadRow, Spot};
use super::html;
use super::items::{Broken, Field, Item, Items, Metered, join};
use crate::limits::Limits;

/// Google's attributes, and those that a shop adds to them.
const GOOGLE: [&str; 2] = ["http://base.google.com/ns/1.0", "http://base.google.com/cns/1.0"];

/// What a product is called in RSS and in Atom.
const PRODUCT: [&str; 2] = ["item", "entry"];

/// How deep elements may stand in each other.
const MOST_DEPTH: usize = 64;

/// How many elements one product may have.
const MOST_FIELDS: usize = 4096;

/// How long the attributes of one element may be together, in bytes.
const MOST_ATTRIBUTES: usize = 16 << 10;

/// Children of these are formatting, not fields.
const PROSE: [&str; 4] = ["description", "summary", "content", "title"];

/// Which of two fields of one name is meant: Google's before the feed's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
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

/// The product that is being read.
struct Product {
    start: u64,
    depth: usize,
    open: Vec<Open>,
    found: Vec<Found>,
    bad: Option<BadRow>,
}

/// Reads the products of an XML feed.
pub(crate) struct Xml<R> {
    reader: NsReader<Metered<R>>,
    buffer: Vec<u8>,
    cell_limit: u64,
    depth: usize,
    number: u64,
    /// Whether the first element was seen.
    rooted: bool,
}

impl<R: BufRead> Xml<R> {
    /// From text in UTF-8, whatever its declaration says.
    pub fn new(reader: R, limits: &Limits) -> Self {
        let most = limits.feed_cell_bytes.saturating_mul(2).saturating_add(64 << 10);
        let mut reader = NsReader::from_reader(Metered::new(reader, most));
        // A lone `&` is text to everybody who wrote such a feed by hand.
        reader.config_mut().allow_dangling_amp = true;
        Xml {
            reader,
            buffer: Vec::new(),
            cell_limit: limits.feed_cell_bytes,
            depth: 0,
            number: 0,
            rooted: false,
        }
    }

    fn position(&self) -> u64 {
        self.reader.buffer_position()
    }
}

impl<R: BufRead + Send> Items for Xml<R> {
    fn next_item(&mut self) -> Result<Option<Item>, Broken> {
        let mut product: Option<Product> = None;
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            buffer.clear();
            self.reader.get_mut().reset();
            let before = self.position();
            let event = match self.reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(error) => return Err(self.broken(&error, before)),
            };
            let after = self.reader.buffer_position();
            match event {
                Event::Eof => {
                    self.check_end(after)?;
                    return Ok(None);
                }
                Event::Start(start) => {
                    self.depth += 1;
                    self.begin(&start, &mut product, before)?;
                }
                Event::Empty(start) => {
                    self.depth += 1;
                    self.begin(&start, &mut product, before)?;
                    let done = self.end(&mut product, after);
                    self.depth -= 1;
                    if done && let Some(product) = product.take() {
                        self.buffer = buffer;
                        return Ok(Some(self.finish(product)));
                    }
                }
                Event::End(_) => {
                    let done = self.end(&mut product, before);
                    self.depth = self.depth.saturating_sub(1);
                    if done && let Some(product) = product.take() {
                        self.buffer = buffer;
                        return Ok(Some(self.finish(product)));
                    }
                }
                Event::Text(text) => {
                    self.text(&text.xml10_content(), &mut product, before, after);
                }
                Event::CData(text) => {
                    self.text(&text.xml10_content(), &mut product, before, after);
                }
                Event::GeneralRef(reference) => {
                    self.reference(&reference, &mut product, before, after);
                }
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
            }
        }
    }
}

impl<R: BufRead> Xml<R> {
    fn begin(
        &mut self,
        start: &BytesStart<'_>,
        product: &mut Option<Product>,
        at: u64,
    ) -> Result<(), Broken> {
        let local = start.local_name();
        let local: &str = local.as_ref();
        if !std::mem::replace(&mut self.rooted, true) && !is_feed(local) {
            return Err(Broken {
                code: "feed::xml_root",
                message: format!("the XML is no product feed: its first element is `{local}`"),
                label: "neither `rss`, `feed` nor `RDF`".to_owned(),
                help: "Google Merchant feeds begin with `<rss>` or `<feed>`; export this one as \
                       such, or as CSV"
                    .to_owned(),
                at,
            });
        }
        if self.depth > MOST_DEPTH {
            return Err(Broken {
                code: "feed::limit",
                message: format!("elements stand in each other more than {MOST_DEPTH} deep"),
                label: "this one".to_owned(),
                help: "no product feed is that deep; is this the right file?".to_owned(),
                at,
            });
        }
        if start.attributes_raw().len() > MOST_ATTRIBUTES {
            return Err(Broken {
                code: "feed::limit",
                message: format!("an element has more than {MOST_ATTRIBUTES} bytes of attributes"),
                label: "this one".to_owned(),
                help: "is this the right file?".to_owned(),
                at,
            });
        }
        let Some(product) = product else {
            if PRODUCT.contains(&local) {
                let (open, found) = (Vec::new(), Vec::new());
                *product = Some(Product { start: at, depth: self.depth, open, found, bad: None });
            }
            return Ok(());
        };
        if let Some(parent) = product.open.first_mut().filter(|p| is_prose(&p.name)) {
            // Kept as tags, so that the words of two paragraphs don't run into each other.
            parent.text.push_str(&format!("<{local}>"));
        }
        let (name, rank) = self.name_of(start);
        let above = product.open.last_mut().map(|parent| {
            parent.parent = true;
            (parent.name.clone(), parent.rank)
        });
        let (name, rank) = match above {
            None => (name, rank),
            Some((parent, _)) if is_prose(&parent) => (parent, rank),
            Some((parent, rank)) => (format!("{parent}_{name}"), rank),
        };
        let address = address_of(start);
        let end = self.reader.buffer_position();
        let open = Open { name, rank, address, text: String::new(), parent: false, start: end, end };
        product.open.push(open);
        Ok(())
    }

    /// What a field is called.
    fn name_of(&self, start: &BytesStart<'_>) -> (String, Rank) {
        let name = start.name();
        let (namespace, local) = self.reader.resolver().resolve_element(name);
        let local: &str = local.into_inner();
        let prefix = name.prefix().map(|p| p.into_inner().to_owned());
        let google = match &namespace {
            ResolveResult::Bound(Namespace(uri)) => GOOGLE.contains(uri),
            ResolveResult::Unknown(prefix) => prefix == "g",
            ResolveResult::Unbound => false,
        };
        match prefix {
            _ if google => (local.to_owned(), Rank::Google),
            Some(prefix) => (format!("{prefix}_{local}"), Rank::Own),
            None if matches!(local, "summary" | "content") => {
                ("description".to_owned(), Rank::StandsIn)
            }
            None => (local.to_owned(), Rank::Own),
        }
    }

    /// Ends the innermost element; whether it was the product itself.
    fn end(&mut self, product: &mut Option<Product>, at: u64) -> bool {
        let Some(product) = product else { return false };
        let Some(open) = product.open.pop() else { return self.depth == product.depth };
        if let Some(prose) = product.open.first_mut().filter(|p| is_prose(&p.name)) {
            prose.text.push_str(&format!("{}</p>", open.text));
            prose.end = at;
            return false;
        }
        if product.found.len() >= MOST_FIELDS {
            let reason = format!("it has more than {MOST_FIELDS} elements");
            product.spoil(self.number + 1, "feed::limit", reason, "one too many", open.start, at);
            return false;
        }
        let text = open.text.trim();
        let text = match &open.address {
            Some(address) if text.is_empty() => address.trim(),
            _ => text,
        };
        if !(open.parent && text.is_empty()) {
            product.found.push(Found {
                name: open.name,
                rank: open.rank,
                text: text.to_owned(),
                at: spot(open.start, open.end.max(open.start)),
            });
        }
        false
    }

    fn text(&self, text: &str, product: &mut Option<Product>, start: u64, end: u64) {
        let Some(product) = product else { return };
        let Some(depth) = product.open.len().checked_sub(1) else { return };
        let prose = product.open.first().is_some_and(|p| is_prose(&p.name));
        let open = &mut product.open[if prose { 0 } else { depth }];
        if open.text.is_empty() {
            open.start = start;
        }
        open.end = end;
        if (open.text.len() + text.len()) as u64 <= self.cell_limit {
            open.text.push_str(text);
            return;
        }
        let reason = format!("`{}` has more than {} bytes", open.name, self.cell_limit);
        let (start, end) = (open.start, open.start + 1);
        product.spoil(self.number + 1, "feed::limit", reason, "begins here", start, end);
    }

    fn reference(
        &self,
        reference: &BytesRef<'_>,
        product: &mut Option<Product>,
        start: u64,
        end: u64,
    ) {
        let name: &str = reference;
        let meant = match reference.resolve_char_ref() {
            Ok(Some(c)) => Some(c.to_string()),
            Ok(None) => html::reference(name),
            Err(_) => None,
        };
        if let Some(meant) = meant {
            return self.text(&meant, product, start, end);
        }
        let Some(product) = product else { return };
        let shown: String = name.chars().take(40).collect();
        let reason = format!("nobody knows what `&{shown};` stands for");
        let label = "entities of a document type are not read";
        product.spoil(self.number + 1, "feed::entity", reason, label, start, end);
    }

    fn finish(&mut self, product: Product) -> Item {
        self.number += 1;
        let at = spot(product.start, self.position());
        let fields = match product.bad {
            Some(bad) => Err(bad),
            None => Ok(together(product.found)),
        };
        Item { number: self.number, at, fields }
    }

    fn check_end(&self, at: u64) -> Result<(), Broken> {
        if self.rooted && self.depth == 0 {
            return Ok(());
        }
        let (message, label) = match self.rooted {
            true => ("the XML ends in the middle", "elements are still open here"),
            false => ("the file has no XML in it", "not one element"),
        };
        Err(Broken {
            code: "feed::xml",
            message: message.to_owned(),
            label: label.to_owned(),
            help: "export or download it again".to_owned(),
            at: at.saturating_sub(1),
        })
    }

    fn broken(&mut self, error: &quick_xml::Error, before: u64) -> Broken {
        if self.reader.get_mut().exceeded() {
            return Broken {
                code: "feed::limit",
                message: format!("one text or tag has more than {} bytes", self.cell_limit),
                label: "starts here; is it ever closed?".to_owned(),
                help: Limits::how_to_raise("feed_cell_bytes"),
                at: before,
            };
        }
        if let quick_xml::Error::Io(error) = error {
            return Broken {
                code: "feed::unreadable",
                message: format!("the feed can't be read: {error}"),
                label: "up to here".to_owned(),
                help: String::new(),
                at: before,
            };
        }
        Broken {
            code: "feed::xml",
            message: format!("this is not well-formed XML: {error}"),
            label: "here".to_owned(),
            help: "export it again; a tag in a text is written as &lt;b&gt;, or inside \
                   <![CDATA[ ]]>"
                .to_owned(),
            at: self.reader.error_position(),
        }
    }
}

impl Product {
    /// Says what is wrong with it; the first thing stands.
    fn spoil(
        &mut self,
        row: u64,
        code: &'static str,
        reason: String,
        label: &str,
        start: u64,
        end: u64,
    ) {
        let column = self.open.first().map(|open| open.name.clone());
        let help = match code {
            "feed::entity" => "write the character itself, or its number (`&#233;`)".to_owned(),
            _ => Limits::how_to_raise("feed_cell_bytes"),
        };
        let at = spot(start, end);
        let label = label.to_owned();
        self.bad.get_or_insert(BadRow { row, column, code, reason, label, help, at });
    }
}

fn is_feed(local: &str) -> bool {
    matches!(local, "rss" | "feed" | "RDF" | "channel")
}

fn is_prose(name: &str) -> bool {
    PROSE.contains(&name)
}

fn spot(start: u64, end: u64) -> Spot {
    Spot { start, length: u32::try_from(end.saturating_sub(start)).unwrap_or(u32::MAX) }
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
            Some(group) if rank > group.rank => {
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
