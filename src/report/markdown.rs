//! Markdown for pull requests: what all Markdown reports share.
//!
//! Text of users can't become markup, ping a person (`@hero`), link an issue (`#12`) or end a
//! table's cell: every ASCII mark is written as a character reference, which Markdown never
//! reads as markup, and names stand in `<code>`, where no mention is looked for.

use super::phrase::{grouped, plain};

/// Bytes of one report at most: forges refuse comments not far above this.
pub const MARKDOWN_BYTES: usize = 60_000;

/// Text of a user inside a sentence or cell. A `@` or `#` is kept apart from what follows by a
/// zero-width space, because forges look for mentions after references are decoded.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in plain(text).chars() {
        push(c, &mut out);
        if matches!(c, '@' | '#') {
            out.push_str("&#8203;");
        }
    }
    out
}

/// A name, a path or a prompt, exactly as it is.
pub(super) fn code(text: &str) -> String {
    let mut out = String::from("<code>");
    for c in plain(text).chars() {
        push(c, &mut out);
    }
    out.push_str("</code>");
    out
}

fn push(c: char, out: &mut String) {
    match c {
        '.' | ',' | ' ' | '-' | '/' | '(' | ')' | ';' | '%' | '+' => out.push(c),
        c if c.is_ascii_punctuation() => out.push_str(&format!("&#{};", u32::from(c))),
        c => out.push(c),
    }
}

/// The hidden first line of a report, the same for every report of one kind and name:
/// `<!-- kinora:plan spring-storefront -->`. A name can't end the comment: what is no letter or
/// digit becomes a hyphen.
fn marker(kind: &str, name: &str) -> String {
    let mut safe = String::new();
    for c in name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).take(MARKER_NAME) {
        if !(c == '-' && safe.ends_with('-')) {
            safe.push(c);
        }
    }
    match safe.trim_matches('-') {
        "" => format!("<!-- kinora:{kind} -->"),
        name => format!("<!-- kinora:{kind} {name} -->"),
    }
}

/// Characters of a name in the marker.
const MARKER_NAME: usize = 120;

/// A report that stays under [`MARKDOWN_BYTES`]: what comes first is kept, what does not fit
/// is counted.
pub(super) struct Document {
    text: String,
    limit: usize,
}

/// Kept free for the lines that say what was cut, and closing tags.
const RESERVE: usize = 1_000;

impl Document {
    /// Begins with the hidden marker by which a bot finds its earlier comment.
    pub(super) fn new(kind: &str, name: &str) -> Self {
        let text = format!("{}\n", marker(kind, name));
        Document { text, limit: MARKDOWN_BYTES - RESERVE }
    }

    /// Adds lines that the report can't do without (they are few and short).
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Adds `rows` as long as they fit and says how many more there are, `known_more` of them
    /// not even handed over.
    pub(super) fn rows(
        &mut self,
        rows: impl IntoIterator<Item = String>,
        known_more: u64,
        what: &str,
    ) {
        let mut cut = known_more;
        for row in rows {
            if cut > known_more || self.text.len() + row.len() + 1 > self.limit {
                cut += 1;
            } else {
                self.line(&row);
            }
        }
        if cut > 0 {
            self.line("");
            let what = match cut {
                1 => what.strip_suffix('s').unwrap_or(what),
                _ => what,
            };
            self.line(&format!("… and {} more {what}, left out here.", grouped(cut)));
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A part that is unfolded by a click.
pub(super) fn folded(doc: &mut Document, summary: &str, inside: impl FnOnce(&mut Document)) {
    doc.line("");
    doc.line(&format!("<details><summary>{summary}</summary>"));
    doc.line("");
    inside(doc);
    doc.line("");
    doc.line("</details>");
}

/// One row of a table.
pub(super) fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// A table's head: the first column of text, the others of numbers.
pub(super) fn head(names: &[&str]) -> [String; 2] {
    let rule: Vec<String> = (0..names.len())
        .map(|i| if i == 0 { "---".to_owned() } else { "---:".to_owned() })
        .collect();
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    [row(&names), row(&rule)]
}
