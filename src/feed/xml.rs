//! Google Merchant feeds as XML: RSS 2.0 and Atom.
//!
//! What lives here: which elements are products, what their children are called, entities, and
//! what a hostile file may not do. What never does: what an attribute of a product means.
//!
//! Elements are told by namespace, so any prefix will do that is bound to Google's; `g:` works
//! without being bound, since feeds are written by hand too. Nothing that a document type defines
//! is ever expanded or fetched.

mod product;

use std::io::BufRead;

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};

use super::html;
use super::items::{Item, Items, Metered, spot};
use super::problem::FeedProblem;
use crate::limits::Limits;
use product::{Product, Rank};

/// Google's attributes, and those that a shop adds to them.
const GOOGLE: [&str; 2] = ["http://base.google.com/ns/1.0", "http://base.google.com/cns/1.0"];

/// The first element of RSS 2.0, Atom and RSS 1.0.
const FEED: [&str; 3] = ["rss", "feed", "RDF"];

/// What a product is called in RSS and in Atom.
const PRODUCT: [&str; 2] = ["item", "entry"];

/// How deep elements may stand in each other.
const MOST_DEPTH: usize = 64;

/// How long the attributes of one element may be together, in bytes.
const MOST_ATTRIBUTES: usize = 16 << 10;

/// Reads the products of an XML feed.
pub(super) struct Xml<R> {
    reader: NsReader<Metered<R>>,
    buffer: Vec<u8>,
    limits: Limits,
    depth: usize,
    number: u64,
    /// Whether the first element was seen.
    rooted: bool,
    product: Option<Product>,
}

/// What an event was.
#[derive(PartialEq, Eq)]
enum Step {
    Goes,
    ProductEnds,
    FileEnds,
}

impl<R: BufRead + Send> Items for Xml<R> {
    fn next_item(&mut self) -> Result<Option<Item>, FeedProblem> {
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            buffer.clear();
            match self.step(&mut buffer)? {
                Step::Goes => {}
                Step::FileEnds => return Ok(None),
                Step::ProductEnds => {
                    self.buffer = buffer;
                    return Ok(self.finish());
                }
            }
        }
    }
}

impl<R: BufRead> Xml<R> {
    /// From text in UTF-8, whatever its declaration says.
    pub fn new(reader: R, limits: &Limits) -> Self {
        let most = limits.feed_cell_bytes.saturating_mul(2).saturating_add(256 << 10);
        let mut reader = NsReader::from_reader(Metered::new(reader, most));
        // A lone `&` is text to everybody who wrote such a feed by hand.
        reader.config_mut().allow_dangling_amp = true;
        Xml {
            reader,
            buffer: Vec::new(),
            limits: limits.clone(),
            depth: 0,
            number: 0,
            rooted: false,
            product: None,
        }
    }

    fn step(&mut self, buffer: &mut Vec<u8>) -> Result<Step, FeedProblem> {
        self.reader.get_mut().reset();
        let line = self.reader.get_mut().line();
        let before = self.reader.buffer_position();
        let event = match self.reader.read_event_into(buffer) {
            Ok(event) => event,
            Err(error) => return Err(self.broken(&error, before)),
        };
        let after = self.reader.buffer_position();
        match event {
            Event::Eof => return self.check_end(after).map(|()| Step::FileEnds),
            Event::Start(start) => self.begin(&start, before, after, line)?,
            Event::Empty(start) => {
                self.begin(&start, before, after, line)?;
                return Ok(self.end());
            }
            Event::End(_) => return Ok(self.end()),
            Event::Text(text) => self.text(&text.xml10_content(), before, after),
            Event::CData(text) => {
                let (opening, closing) = ("<![CDATA[".len() as u64, "]]>".len() as u64);
                self.text(&text.xml10_content(), before + opening, after - closing);
            }
            Event::GeneralRef(reference) => self.reference(&reference, before, after),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
        Ok(Step::Goes)
    }

    fn begin(
        &mut self,
        start: &BytesStart<'_>,
        before: u64,
        after: u64,
        line: u64,
    ) -> Result<(), FeedProblem> {
        let name = start.local_name();
        let name: &str = name.as_ref();
        let here = spot(before, after);
        if !std::mem::replace(&mut self.rooted, true) && !FEED.contains(&name) {
            let message = format!("the XML is no product feed: its first element is `{name}`");
            let help = "Google Merchant feeds begin with `<rss>` or `<feed>`; export it as such, \
                        or as CSV";
            return Err(FeedProblem::new("feed::xml_root", message)
                .at(here, "neither `rss` nor `feed`")
                .help(help));
        }
        self.depth += 1;
        let too_much = match start.attributes_raw().len() > MOST_ATTRIBUTES {
            true => Some(format!("an element has more than {MOST_ATTRIBUTES} bytes of attributes")),
            false if self.depth > MOST_DEPTH => {
                Some(format!("elements stand in each other more than {MOST_DEPTH} deep"))
            }
            false => None,
        };
        if let Some(message) = too_much {
            return Err(FeedProblem::new("feed::limit", message)
                .at(here, "this one")
                .help("no product feed needs that; is this the right file?"));
        }
        if let Some(product) = &mut self.product {
            let (name, rank) = name_of(start, &self.reader);
            product.begin(start, name, rank, after);
        } else if PRODUCT.contains(&name) {
            self.product = Some(Product::new(before, line, self.depth, &self.limits));
            self.reader.get_mut().begin(&format!("<{}>", &**start));
        }
        Ok(())
    }

    /// The innermost element ends.
    fn end(&mut self) -> Step {
        self.depth = self.depth.saturating_sub(1);
        let ends = self.product.as_mut().is_some_and(Product::end);
        if ends { Step::ProductEnds } else { Step::Goes }
    }

    fn text(&mut self, text: &str, start: u64, end: u64) {
        if let Some(product) = &mut self.product {
            product.text(text, start, end);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>, start: u64, end: u64) {
        let name: &str = reference;
        let meant = match reference.resolve_char_ref() {
            Ok(Some(c)) => Some(c.to_string()),
            Ok(None) => html::reference(name),
            Err(_) => None,
        };
        let Some(product) = &mut self.product else { return };
        match meant {
            Some(meant) => product.text(&meant, start, end),
            None => {
                let shown: String = name.chars().take(40).collect();
                let what = format!("nobody knows what `&{shown};` stands for");
                let label = "entities of a document type are not read";
                product.spoil("feed::entity", what, label, start, end);
            }
        }
    }

    fn finish(&mut self) -> Option<Item> {
        let product = self.product.take()?;
        assert_eq!(self.depth + 1, product.depth, "a product ends with its own element");
        self.number += 1;
        Some(Item {
            number: self.number,
            line: product.line,
            at: spot(product.start, self.reader.buffer_position()),
            raw: self.reader.get_mut().end(),
            fields: product.finish(),
        })
    }

    fn check_end(&self, at: u64) -> Result<(), FeedProblem> {
        let at = spot(at.saturating_sub(1), at);
        if self.rooted && self.depth == 0 {
            return Ok(());
        }
        let problem = match self.rooted {
            true => FeedProblem::new("feed::xml", "the XML ends in the middle")
                .at(at, "elements are still open here"),
            false => FeedProblem::new("feed::empty", "the feed is empty")
                .label("not one element in this file"),
        };
        Err(problem.help("export or download it again"))
    }

    fn broken(&mut self, error: &quick_xml::Error, before: u64) -> FeedProblem {
        if self.reader.get_mut().exceeded() {
            let most = self.limits.feed_cell_bytes;
            let message = format!("a text or tag has more than {most} bytes");
            return FeedProblem::new("feed::limit", message)
                .at(spot(before, before + 1), "starts here; is it ever closed?")
                .help(Limits::how_to_raise("feed_cell_bytes"));
        }
        if let quick_xml::Error::Io(error) = error {
            return FeedProblem::unreadable(error);
        }
        let at = self.reader.error_position();
        let help = "export it again; in a text, `<` is written as &lt;, or all of it inside \
                    <![CDATA[ ]]>";
        FeedProblem::new("feed::xml", format!("this is not well-formed XML: {error}"))
            .at(spot(at, at + 1), "here")
            .help(help)
    }
}

/// What a field is called.
fn name_of<R>(start: &BytesStart<'_>, reader: &NsReader<R>) -> (String, Rank) {
    let name = start.name();
    let (namespace, local) = reader.resolver().resolve_element(name);
    let local: &str = local.as_ref();
    let google = match &namespace {
        ResolveResult::Bound(Namespace(uri)) => GOOGLE.contains(uri),
        ResolveResult::Unknown(prefix) => prefix == "g",
        ResolveResult::Unbound => false,
    };
    match name.prefix() {
        _ if google => (local.to_owned(), Rank::Google),
        Some(prefix) => (format!("{}_{local}", prefix.as_ref()), Rank::Own),
        None if matches!(local, "summary" | "content") => {
            ("description".to_owned(), Rank::StandsIn)
        }
        None => (local.to_owned(), Rank::Own),
    }
}

/// The encoding that an XML declaration names, if the file begins with one.
pub(super) fn declared(head: &[u8]) -> Option<String> {
    let text: String = head.iter().filter(|b| **b != 0).map(|b| char::from(*b)).collect();
    let start = text.find("<?xml")?;
    let declaration = &text[start..start + text[start..].find("?>")?];
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value[1..].split(quote).next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items as a person would list them, and what ends the file.
    fn read(text: &str) -> String {
        let mut xml = Xml::new(text.as_bytes(), &Limits::default());
        let mut lines = Vec::new();
        loop {
            match xml.next_item() {
                Ok(Some(item)) => match &item.fields {
                    Ok(fields) => {
                        let shown = |f: &super::super::items::Field| {
                            let value = f.text.clone().unwrap_or_default();
                            let start = usize::try_from(f.at.start).expect("small");
                            let there = &text[start..start + f.at.length as usize];
                            let same = if there == value { "" } else { " (as written: other)" };
                            format!("{}={value}{same}", f.name)
                        };
                        let all: Vec<String> = fields.iter().map(shown).collect();
                        lines.push(format!("{}@{}: {}", item.number, item.line, all.join("; ")));
                    }
                    Err(flaw) => {
                        lines.push(format!("{}: {} {}", item.number, flaw.code, flaw.what))
                    }
                },
                Ok(None) => break,
                Err(problem) => {
                    lines.push(format!("{}: {}", problem.code, problem.message));
                    break;
                }
            }
        }
        lines.join("\n")
    }

    #[test]
    fn products_of_rss_and_their_fields() {
        let text = r#"<?xml version="1.0"?>
<rss version="2.0" xmlns:x="http://base.google.com/ns/1.0" xmlns:c="http://base.google.com/cns/1.0">
<channel><title>Shop</title>
<item>
  <title>Own title</title><x:title>Terra &amp; mug</x:title>
  <x:id>A1</x:id>
  <x:additional_image_link>https://s.example/1,a.jpg</x:additional_image_link>
  <x:additional_image_link>https://s.example/2.jpg</x:additional_image_link>
  <description><![CDATA[<p>Clay.</p>]]></description>
  <x:shipping><x:country>SE</x:country><x:price>5 EUR</x:price></x:shipping>
  <c:season type="string">spring</c:season><x:empty/>
</item>
<item><g:id>B&#50;</g:id><link>https://s.example/b?x=1&y=2</link><name>caf&eacute;</name></item>
</channel></rss>"#;
        insta::assert_snapshot!(read(text), @r"
        1@4: title=Terra & mug (as written: other); id=A1; additional_image_link=https://s.example/1%2Ca.jpg,https://s.example/2.jpg (as written: other); description=<p>Clay.</p>; shipping_country=SE; shipping_price=5 EUR; season=spring; empty=
        2@13: id=B2 (as written: other); link=https://s.example/b?x=1&y=2; name=café (as written: other)
        ");
    }

    #[test]
    fn products_of_atom() {
        let text = r#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>Shop</title><entry><id>tag:1</id><g:id>A1</g:id><link rel="self" href="https://s.example/self"/>
<link href="https://s.example/a"/><summary type="xhtml"><div><p>One.</p><p>Two.</p></div></summary></entry></feed>"#;
        insta::assert_snapshot!(read(text), @r"1@2: id=A1; link=https://s.example/a (as written: other); description=<div><p>One.</p><p>Two.</p></div> (as written: other)");
    }

    #[test]
    fn a_hostile_file_is_refused_or_its_row_is() {
        let bomb = r#"<!DOCTYPE r [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY x SYSTEM "file:///etc/passwd">]>
<rss><item><id>&b;</id></item><item><id>&x;</id></item><item><id>fine</id></item></rss>"#;
        insta::assert_snapshot!(read(bomb), @r"
        1: feed::entity nobody knows what `&b;` stands for
        2: feed::entity nobody knows what `&x;` stands for
        3@3: id=fine
        ");
        let deep = format!("<rss>{}", "<a>".repeat(100));
        insta::assert_snapshot!(read(&deep), @r"feed::limit: elements stand in each other more than 64 deep");
        let wide = format!("<rss><item><id a=\"{}\"/></item></rss>", "x".repeat(20_000));
        insta::assert_snapshot!(read(&wide), @r"feed::limit: an element has more than 16384 bytes of attributes");
        insta::assert_snapshot!(read("<rss><item><id>1</id></item><item><id>2"), @r"
        1@1: id=1
        feed::xml: the XML ends in the middle
        ");
        insta::assert_snapshot!(read("<rss><item><id>1</b></item></rss>"), @r"feed::xml: this is not well-formed XML: ill-formed document: expected `</id>`, but `</b>` was found");
        insta::assert_snapshot!(read("<html><body/></html>"), @r"feed::xml_root: the XML is no product feed: its first element is `html`");
        insta::assert_snapshot!(read("id,title\n1,mug\n"), @r"feed::empty: the feed is empty");
        let long = format!("<rss><item><id>{}</id></item></rss>", "x".repeat(2_000_000));
        insta::assert_snapshot!(read(&long), @r"1: feed::limit the element has more than 1048576 bytes");
        let endless = format!("<rss><item><id>{}", "x".repeat(4_000_000));
        insta::assert_snapshot!(read(&endless), @r"feed::limit: a text or tag has more than 1048576 bytes");
    }

    #[test]
    fn the_declaration_is_found_in_any_encoding() {
        let found = |head: &[u8]| declared(head).unwrap_or_default();
        assert_eq!(found(b"<?xml version='1.0' encoding='ISO-8859-1'?>"), "ISO-8859-1");
        assert_eq!(found(b"\xEF\xBB\xBF<?xml encoding = \"utf-8\" ?>"), "utf-8");
        let wide: Vec<u8> = b"<?xml encoding=\"utf-16\"?>".iter().flat_map(|b| [*b, 0]).collect();
        assert_eq!(found(&wide), "utf-16");
        assert_eq!(found(b"<rss encoding='x'?>"), "");
        assert_eq!(found(b"<?xml encoding="), "");
    }
}
