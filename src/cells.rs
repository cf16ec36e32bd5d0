//! CSV cells: what all CSV reports share.
//!
//! Text is kept exactly as it is, and every text cell is quoted. A cell that starts with `=`,
//! `+`, `-` or `@` may run as a formula when a spreadsheet opens the file, and quoting does not
//! stop that; an apostrophe before it would, but would also change what a program reads back,
//! and a prompt that starts with `@hero` is an ordinary prompt. So the exact form is the
//! default, for programs, and [`Cells::Spreadsheet`] is there for files that a person opens in
//! a spreadsheet: there, feed text can't become a formula.

use std::borrow::Cow;
use std::io::Write;

/// Who reads the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cells {
    /// Programs: every cell exactly as it is.
    #[default]
    Exact,
    /// A spreadsheet: an apostrophe stands before text that would run as a formula.
    Spreadsheet,
}

impl Cells {
    /// A text of a user as this reader gets it.
    pub(crate) fn text(self, text: &str) -> Cow<'_, str> {
        let runs = text.starts_with(STARTS) || text.starts_with(['\t', '\r', '\n']);
        match self {
            Cells::Spreadsheet if runs => Cow::Owned(format!("'{text}")),
            _ => Cow::Borrowed(text),
        }
    }

    /// A text with cells of its own, such as a row of another file. A spreadsheet that parts cells
    /// at semicolons or tabs may part it in spite of its quotes, so that an apostrophe also stands
    /// before what would run in one of those.
    pub(crate) fn cells_in(self, text: &str) -> Cow<'_, str> {
        let start = self.text(text);
        let parts = |c| matches!(c, ';' | '\t' | '\r' | '\n');
        if self == Cells::Exact || !text.contains(parts) {
            return start;
        }
        let mut out = String::with_capacity(start.len());
        let mut begins = false;
        for c in start.chars() {
            if begins && STARTS.contains(&c) {
                out.push('\'');
            }
            begins = parts(c);
            out.push(c);
        }
        Cow::Owned(out)
    }
}

/// What begins a formula.
const STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A CSV writer as all reports use it: numbers bare, all else quoted, lines end with `\n`.
pub(crate) fn writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().quote_style(csv::QuoteStyle::NonNumeric).from_writer(out)
}
