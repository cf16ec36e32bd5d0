//! HTML as shops export it, turned into the text that a person reads.
//!
//! What lives here: which tags begin a line, what is never shown (scripts, styles, comments),
//! character references, white space. What never does: a tree. Descriptions come by the hundred
//! thousand and from anybody, so they are read once from left to right: time grows with their
//! length alone, and no nesting is too deep.

use std::borrow::Cow;

/// What is between these tags is not text.
const UNSEEN: &[&str] = &[
    "head", "iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style",
    "svg", "template", "textarea", "title", "video", "audio", "select",
];

/// These begin and end a line.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "search",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "thead",
    "tr",
    "ul",
];

/// These stand apart from what is beside them, on one line.
const CELLS: &[&str] = &["td", "th", "img", "wbr", "button"];

/// The longest name of a tag that means anything here.
const LONGEST_TAG: usize = 10;

/// The longest name of a character reference, `CounterClockwiseContourIntegral`, and some room.
const LONGEST_REFERENCE: usize = 40;

/// The text of a piece of HTML: a line for each paragraph, list item, heading and row of a table, no
/// empty lines, single spaces. Text without any tag keeps its own lines.
pub fn text(html: &str) -> String {
    let mut lines = Lines { text: String::with_capacity(html.len()), ..Lines::default() };
    let mut reader = Reader { rest: html, tags: true, preformatted: 0 };
    if !reader.has_tags() {
        reader.preformatted = 1;
    }
    reader.read(&mut lines);
    lines.text
}

/// The text as it grows.
#[derive(Default)]
struct Lines {
    text: String,
    /// White space was seen since the last letter.
    space: bool,
    /// A line ended since the last letter.
    line: bool,
}

impl Lines {
    fn push(&mut self, c: char, preformatted: bool) {
        match c {
            '\n' | '\r' if preformatted => self.line = true,
            c if c.is_whitespace() => self.space = true,
            // Controls, and what only tells a browser where a word may be broken.
            c if c.is_control() || matches!(c, '\u{ad}' | '\u{200b}' | '\u{feff}') => {}
            c => {
                if !self.text.is_empty() {
                    match (self.line, self.space) {
                        (true, _) => self.text.push('\n'),
                        (false, true) => self.text.push(' '),
                        (false, false) => {}
                    }
                }
                (self.line, self.space) = (false, false);
                self.text.push(c);
            }
        }
    }
}

/// What is still to be read.
struct Reader<'h> {
    rest: &'h str,
    /// Whether `<` can still begin a tag.
    tags: bool,
    /// How many `pre` are open.
    preformatted: u32,
}

/// A tag, a comment, or anything else in angle brackets.
struct Tag<'h> {
    name: Cow<'h, str>,
    closing: bool,
    /// Where the text goes on.
    end: usize,
}

impl<'h> Reader<'h> {
    fn has_tags(&self) -> bool {
        let after = |(at, _): (usize, &str)| self.rest[at + 1..].bytes().next();
        let begins = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?');
        self.rest.match_indices('<').filter_map(after).any(begins)
    }

    fn read(&mut self, lines: &mut Lines) {
        while let Some(at) = memchr::memchr2(b'<', b'&', self.rest.as_bytes()) {
            let (text, rest) = self.rest.split_at(at);
            self.text(text, lines);
            self.rest = rest;
            if rest.starts_with('&') {
                self.reference(lines);
            } else if let Some(tag) = self.tag() {
                self.rest = &self.rest[tag.end..];
                self.obey(&tag, lines);
            } else {
                lines.push('<', false);
                self.rest = &self.rest[1..];
            }
        }
        self.text(self.rest, lines);
    }

    fn text(&self, text: &str, lines: &mut Lines) {
        text.chars().for_each(|c| lines.push(c, self.preformatted > 0));
    }

    /// The tag that begins here, if this is one.
    fn tag(&mut self) -> Option<Tag<'h>> {
        if !self.tags {
            return None;
        }
        let rest = self.rest;
        let unnamed = |end: usize| Tag { name: Cow::Borrowed(""), closing: false, end };
        if let Some(comment) = rest.strip_prefix("<!--") {
            // What is never closed hides all that follows, as in a browser.
            return Some(unnamed(comment.find("-->").map_or(rest.len(), |i| i + 7)));
        }
        let closing = rest[1..].starts_with('/');
        let inside = &rest[1 + usize::from(closing)..];
        match inside.bytes().next() {
            Some(b'!' | b'?') => {
                return Some(unnamed(rest.find('>').map_or(rest.len(), |i| i + 1)));
            }
            Some(b) if b.is_ascii_alphabetic() => {}
            _ => return None,
        }
        let length = inside.bytes().take_while(|b| b.is_ascii_alphanumeric()).count();
        let Some(end) = end_of_tag(inside, length) else {
            // `size <M` up to the end of the text is no tag, and nothing after it is one.
            self.tags = false;
            return None;
        };
        let name = if length > LONGEST_TAG { "" } else { &inside[..length] };
        let upper = name.bytes().any(|b| b.is_ascii_uppercase());
        let name = if upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) };
        Some(Tag { name, closing, end: rest.len() - inside.len() + end })
    }

    fn obey(&mut self, tag: &Tag<'_>, lines: &mut Lines) {
        let is_in = |names: &[&str]| names.contains(&&*tag.name);
        if is_in(BLOCKS) {
            lines.line = true;
        } else if is_in(CELLS) {
            lines.space = true;
        } else if is_in(UNSEEN) && !tag.closing {
            lines.space = true;
            self.skip(&tag.name);
        }
        if tag.name == "pre" {
            self.preformatted = match tag.closing {
                true => self.preformatted.saturating_sub(1),
                false => self.preformatted.saturating_add(1),
            };
        }
    }

    /// Goes to where an element ends; to the end of the text if it never does.
    fn skip(&mut self, name: &str) {
        let mut from = 0;
        while let Some(at) = self.rest[from..].find("</") {
            let inside = from + at + 2;
            let closes = self.rest.as_bytes()[inside..]
                .get(..name.len())
                .is_some_and(|b| b.eq_ignore_ascii_case(name.as_bytes()));
            if closes {
                self.rest = &self.rest[from + at..];
                return;
            }
            from = inside;
        }
        self.rest = "";
    }

    /// The character reference that begins here, or an ampersand.
    fn reference(&mut self, lines: &mut Lines) {
        let after = &self.rest[1..];
        let in_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'#';
        let length = after.bytes().take_while(in_name).take(LONGEST_REFERENCE).count();
        let (name, rest) = after.split_at(length);
        let closed = rest.starts_with(';');
        match referred(name, closed) {
            Some(meant) => {
                meant.chars().for_each(|c| lines.push(c, false));
                self.rest = &rest[usize::from(closed)..];
            }
            None => {
                lines.push('&', false);
                self.rest = after;
            }
        }
    }
}

/// Where the text goes on after a tag whose name is `length` long; quotes hide `>`.
fn end_of_tag(inside: &str, length: usize) -> Option<usize> {
    let bytes = inside.as_bytes();
    let mut at = length;
    loop {
        at += bytes[at..].iter().position(|b| matches!(b, b'>' | b'"' | b'\''))?;
        let found = bytes[at];
        at += 1;
        if found == b'>' {
            return Some(at);
        }
        // A quote counts only where a value begins: `<p class=it's>` is a whole tag.
        let before = bytes[..at - 1].iter().rev().find(|b| !b.is_ascii_whitespace());
        if before == Some(&b'=') {
            at += bytes[at..].iter().position(|b| *b == found)? + 1;
        }
    }
}

/// What a character reference stands for, given without its `&` and `;`.
pub(super) fn reference(name: &str) -> Option<String> {
    referred(name, true).map(Cow::into_owned)
}

fn referred(name: &str, closed: bool) -> Option<Cow<'static, str>> {
    if let Some(number) = name.strip_prefix('#') {
        return numbered(number).map(|c| Cow::Owned(c.to_string()));
    }
    let known = match (name, closed) {
        ("amp", _) => "&",
        ("lt", _) => "<",
        ("gt", _) => ">",
        ("quot", _) => "\"",
        ("apos", true) => "'",
        ("nbsp", _) => " ",
        ("", _) => return None,
        _ => return named(name, closed).map(Cow::Owned),
    };
    Some(Cow::Borrowed(known))
}

fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let code = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    // HTML reads the C1 controls as Windows-1252 has them.
    if let Ok(byte @ 0x80..=0x9f) = u8::try_from(code) {
        let byte = [byte];
        let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&byte);
        return text.chars().next();
    }
    Some(char::from_u32(code).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// One of the two thousand names of HTML, from the library's table.
fn named(name: &str, closed: bool) -> Option<String> {
    let written = format!("&{name}{}", if closed { ";" } else { "" });
    let plain = html2text::config::with_decorator(html2text::render::TrivialDecorator::new());
    let meant = plain.string_from_read(written.as_bytes(), LONGEST_REFERENCE * 2).ok()?;
    let meant = meant.trim_end_matches('\n');
    (meant != written && !meant.is_empty()).then(|| meant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paragraphs_items_and_rows_are_lines() {
        let html = "<h2>Oak\n table</h2><p>Made <b>by</b> hand.<br/>In Sm&aring;land.</p>\
                    <ul>\n<li>solid oak</li>\n<li>oiled&nbsp;twice</li></ul>\
                    <table><tr><th>Width</th><td>120 cm</td></tr></table>";
        insta::assert_snapshot!(text(html), @r"
        Oak table
        Made by hand.
        In Småland.
        solid oak
        oiled twice
        Width 120 cm
        ");
    }

    #[test]
    fn what_nobody_sees_is_gone() {
        let html = "a<script>if (1 < 2) { say(\"</p>\") }</SCRIPT><!-- b <p> --><style>p {}</style> c\
                    <svg><text>d</text></svg><p title='>'>e";
        assert_eq!(text(html), "a c\ne");
        assert_eq!(text("seen<!-- never closed <p>hidden"), "seen");
        assert_eq!(text("seen<script>hidden"), "seen");
    }

    #[test]
    fn text_without_tags_keeps_its_lines() {
        assert_eq!(text("Soft  cotton\r\n\r\n  Wash at 30° \n"), "Soft cotton\nWash at 30°");
        assert_eq!(text("a < b & c > d, 3 <4"), "a < b & c > d, 3 <4");
        assert_eq!(text("Salt &amp; pepper\nset"), "Salt & pepper\nset");
        assert_eq!(text("<b>sizes</b> <M and up"), "sizes <M and up");
        assert_eq!(text("<pre>one\ntwo</pre>three\nfour"), "one\ntwo\nthree four");
    }

    #[test]
    fn references_of_every_kind() {
        assert_eq!(text("&#233;&#xE9;&eacute;&#128; &lt;p&gt; &hellip;"), "éé\u{e9}€ <p> …");
        assert_eq!(text("&#0;&#xD800;&#99999999999;"), "\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(text("&nosuch; &; &#; &#x; &"), "&nosuch; &; &#; &#x; &");
        assert_eq!(text("a&b=c &copy 2026"), "a&b=c © 2026");
        assert_eq!(text("&NotEqualTilde;"), "≂̸");
    }

    #[test]
    fn no_nesting_is_too_deep() {
        let deep = format!("{}x{}", "<div><b>".repeat(50_000), "</b></div>".repeat(50_000));
        assert_eq!(text(&deep), "x");
        let open = "<a href=\"".repeat(100_000);
        assert!(text(&open).len() <= open.len());
    }

    proptest! {
        #[test]
        fn anything_becomes_tidy_text(html in "[<>/&;!\\-a-c\"'= \n\r\tpré#x1]{0,60}") {
            let found = text(&html);
            prop_assert!(!found.starts_with(char::is_whitespace));
            prop_assert!(!found.ends_with(char::is_whitespace));
            prop_assert!(!found.contains("\n\n") && !found.contains("  "));
        }

        #[test]
        fn plain_words_stay_as_they_are(words in proptest::collection::vec("[a-zé0-9.,]{1,8}", 0..8)) {
            let plain = words.join(" ");
            prop_assert_eq!(text(&plain), plain);
        }
    }
}
