//! Plain text for terminals: tables without rules, wrapped prose, colour, columns side by side.
//!
//! What never lives here: what is said. Widths are those of a terminal (wide characters count
//! two), and nothing that is printed comes near a user's text without [`plain`].

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::phrase::plain;

/// Colours by meaning; a paper that has none prints the text alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Strong,
    Quiet,
    Good,
    Warn,
    Bad,
}

/// What is written on: how wide, and whether in colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    pub width: usize,
    pub colour: bool,
}

/// Narrower terminals get lines of this width, which they wrap: a table any narrower can't be
/// told from noise.
const NARROWEST: usize = 48;

impl Paper {
    pub(super) fn new(width: usize, colour: bool) -> Self {
        Paper { width: width.max(NARROWEST), colour }
    }

    /// `text` in a colour, if this paper has any.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Strong => "1",
            Ink::Quiet => "2",
            Ink::Good => "32",
            Ink::Warn => "33",
            Ink::Bad => "31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Prose wrapped to the paper: `first` before its first line, as many blanks before the
    /// others. A word longer than a line is broken, because paths and addresses are.
    pub(super) fn prose(self, first: &str, text: &str) -> Vec<String> {
        let indent = first.width();
        let room = self.width.saturating_sub(indent).max(NARROWEST / 2);
        let mut lines = Vec::new();
        for piece in wrapped(&plain(text), room) {
            let head = if lines.is_empty() { first.to_owned() } else { " ".repeat(indent) };
            lines.push(format!("{head}{piece}"));
        }
        lines
    }
}

/// `text` in lines of at most `room` columns.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let width = word.width();
        let gap = usize::from(used > 0);
        if used + gap + width <= room {
            push(&mut lines, if gap == 1 { " " } else { "" });
            push(&mut lines, word);
            used += gap + width;
            continue;
        }
        if used > 0 {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > room {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, c.encode_utf8(&mut [0; 4]));
            used += wide;
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

/// The text cut to `room` columns, an ellipsis at the end when something is missing.
pub(super) fn fitted(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > room {
            break;
        }
        cut.push(c);
        used += wide;
    }
    cut.push('…');
    cut
}

/// A table: the first column is text and gives way, the others are numbers and do not.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub title: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// A last row, set apart.
    pub total: Option<Vec<String>>,
}

const GAP: usize = 2;

impl Table {
    /// The table as lines of at most the paper's width, its first column no wider than needed.
    pub(super) fn lines(&self, paper: Paper) -> Vec<String> {
        let widths = self.widths(paper.width);
        let mut lines = vec![paper.ink(Ink::Strong, &self.title)];
        lines.push(paper.ink(Ink::Quiet, &row(&self.head, &widths)));
        lines.extend(self.rows.iter().map(|cells| row(cells, &widths)));
        if let Some(total) = &self.total {
            lines.push(paper.ink(Ink::Strong, &row(total, &widths)));
        }
        lines
    }

    fn widths(&self, paper: usize) -> Vec<usize> {
        let all = || std::iter::once(&self.head).chain(&self.rows).chain(self.total.as_ref());
        let mut widths: Vec<usize> = (0..self.head.len())
            .map(|i| all().filter_map(|r| r.get(i)).map(|c| c.width()).max().unwrap_or(0))
            .collect();
        let numbers: usize = widths.iter().skip(1).map(|w| w + GAP).sum();
        let room = paper.saturating_sub(numbers + GAP).max(8);
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(room);
        }
        widths
    }
}

fn row(cells: &[String], widths: &[usize]) -> String {
    let mut line = " ".repeat(GAP);
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let text = fitted(cell, *width);
        let fill = " ".repeat(width.saturating_sub(text.width()));
        if i == 0 {
            line.push_str(&text);
            line.push_str(&fill);
        } else {
            line.push_str(&" ".repeat(GAP));
            line.push_str(&fill);
            line.push_str(&text);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Two blocks of lines beside each other, the right one starting at column `at`.
pub(super) fn beside(left: &[String], right: &[String], at: usize) -> Vec<String> {
    (0..left.len().max(right.len()))
        .map(|i| {
            let l = left.get(i).map_or("", String::as_str);
            match right.get(i) {
                Some(r) => format!("{l}{}{r}", " ".repeat(at.saturating_sub(shown_width(l)))),
                None => l.to_owned(),
            }
        })
        .collect()
}

/// Columns a line takes, not counting colour.
pub(super) fn shown_width(line: &str) -> usize {
    let mut width = 0;
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        width += before.width();
        rest = after.split_once('m').map_or("", |(_, r)| r);
    }
    width + rest.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_wraps_by_columns_not_by_characters() {
        let lines = Paper::new(48, false).prose("  ", &"商品".repeat(30));
        assert!(lines.len() > 2);
        assert!(lines.iter().all(|l| shown_width(l) <= 48), "{lines:?}");
    }

    #[test]
    fn colour_takes_no_room() {
        let paper = Paper::new(80, true);
        assert_eq!(shown_width(&paper.ink(Ink::Bad, "four")), 4);
    }

    #[test]
    fn a_long_name_gives_way_to_the_numbers() {
        let table = Table {
            title: "By shot".into(),
            head: vec!["shot".into(), "jobs".into()],
            rows: vec![vec!["x".repeat(200), "1,000".into()]],
            total: None,
        };
        let lines = table.lines(Paper::new(60, false));
        assert!(lines.iter().all(|l| shown_width(l) <= 60));
        assert!(lines[2].ends_with("…  1,000"));
    }
}
