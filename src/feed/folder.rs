//! Folders of pictures: a subject is a folder in them, or the files whose names say so.
//!
//! What lives here: finding the pictures, their order, which of them show one subject. What never
//! does: looking into a picture.

mod pattern;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use super::entry::FeedImage;
use super::items::{Flaw, Item, spot};
use super::open::FeedColumn;
use super::plain::column;
use super::problem::FeedProblem;
use super::reading::{Maker, Member, Reading, distinct};
use super::row::AttributeType;
use super::source::{Block, BlockBuilder, RecordSource, WrittenColumn};
use crate::digest::Digest;
use crate::limits::Limits;
use pattern::Pattern;

/// What ends the names of pictures. HEIC is among them, so that whoever has them is told what to do
/// rather than that the folder is empty.
const ENDINGS: [&str; 12] =
    ["jpg", "jpeg", "jpe", "png", "webp", "avif", "tif", "tiff", "bmp", "gif", "heic", "heif"];

/// Views that come first, whatever the alphabet says.
const FIRST_VIEWS: [&str; 8] =
    ["main", "front", "hero", "cover", "primary", "packshot", "default", "0"];

/// How deep folders are looked into.
const MOST_DEPTH: usize = 16;

/// The columns that every folder has; holes of the pattern follow them.
const COLUMNS: [&str; 5] = ["id", "name", "folder", "views", "pictures"];

/// What separates a subject's pictures, which stand in one more cell after its others: no name
/// that is used has one.
const SEPARATOR: char = '\n';

/// A folder whose pictures were found.
pub(super) struct Folder {
    columns: Vec<WrittenColumn>,
    subjects: Vec<Subject>,
    bad: Vec<Item>,
    listing: String,
    /// How many of the usual columns the pattern has taken over.
    hidden: usize,
    given: bool,
}

/// A picture, by its path inside the folder.
struct Picture {
    path: String,
    view: String,
    line: u64,
}

/// The pictures of one subject.
struct Subject {
    id: String,
    /// What the pattern's other holes say, in order.
    others: Vec<String>,
    pictures: Vec<Picture>,
}

impl Folder {
    /// Finds the pictures; `pattern` says how names tell what a file shows.
    pub fn new(path: &Path, pattern: Option<&str>, limits: &Limits) -> Result<Self, FeedProblem> {
        let pattern = pattern.map(Pattern::parse).transpose()?;
        let mut names = Vec::new();
        let mut odd = Vec::new();
        walk(path, &mut String::new(), 0, limits, &mut names, &mut odd)?;
        names.sort_by(|a, b| natural(a, b));
        let mut listing: String = names.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        let mut folder = Folder {
            hidden: 0,
            columns: Vec::new(),
            subjects: Vec::new(),
            bad: Vec::new(),
            listing: String::new(),
            given: false,
        };
        folder.name_columns(pattern.as_ref());
        folder.group(&names, pattern.as_ref());
        for name in odd {
            let line = listing.matches('\n').count() as u64 + 1;
            let start = listing.len() as u64;
            listing.push_str(&name);
            listing.push('\n');
            let what = "the name of the file is not text";
            let help = "give it a name of letters, digits, - and _";
            folder.bad.push(bad_file("feed::file_name", &name, start, line, what, help));
        }
        folder.listing = listing;
        Ok(folder)
    }

    fn name_columns(&mut self, pattern: Option<&Pattern>) {
        let others: Vec<&str> = pattern.into_iter().flat_map(Pattern::others).collect();
        let usual = COLUMNS.iter().copied().filter(|name| !others.contains(name));
        let all: Vec<&str> = usual.chain(others.iter().copied()).collect();
        self.hidden = COLUMNS.len() + others.len() - all.len();
        let column = |name: &&str| WrittenColumn { header: (*name).to_owned(), at: spot(0, 0) };
        self.columns = all.iter().map(column).collect();
    }

    fn group(&mut self, names: &[String], pattern: Option<&Pattern>) {
        let in_folders = pattern.is_none() && names.iter().any(|name| name.contains('/'));
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut start = 0;
        for (index, path) in names.iter().enumerate() {
            let (at, line) = (start, index as u64 + 1);
            start += path.len() as u64 + 1;
            let told = match pattern {
                Some(pattern) => told_by_pattern(pattern, path),
                None => told_by_folder(path, in_folders),
            };
            let Some((id, view, others)) = told else {
                let (what, help) = match pattern {
                    Some(_) => (
                        "the name of the file does not fit the pattern",
                        "rename it, move it elsewhere, or change `pattern`",
                    ),
                    None => (
                        "the picture is in no folder of its own",
                        "move it into the folder of what it shows, or elsewhere",
                    ),
                };
                self.bad.push(bad_file("feed::file_name", path, at, line, what, help));
                continue;
            };
            let place = *places.entry(id.clone()).or_insert(self.subjects.len());
            if place == self.subjects.len() {
                self.subjects.push(Subject { id, others, pictures: Vec::new() });
            }
            self.subjects[place].pictures.push(Picture { path: path.clone(), view, line });
        }
        self.subjects.sort_by(|a, b| natural(&a.id, &b.id));
        for subject in &mut self.subjects {
            subject.pictures.sort_by(|a, b| {
                view_rank(&a.view).cmp(&view_rank(&b.view)).then_with(|| natural(&a.path, &b.path))
            });
        }
    }

    fn put(&self, number: u64, subject: &Subject, starts: &[u64], block: &mut BlockBuilder) {
        let first = &subject.pictures[0];
        let start = starts.get(usize::try_from(first.line - 1).unwrap_or(usize::MAX));
        let start = start.copied().unwrap_or_default();
        let at = spot(start, start + first.path.len() as u64);
        let list = |of: fn(&Picture) -> &str, by: &str| {
            subject.pictures.iter().map(of).collect::<Vec<_>>().join(by)
        };
        let images = list(|p| &p.path, &SEPARATOR.to_string());
        block.begin(number, first.line, at, &images);
        let folder = first.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let name = subject.id.replace(['-', '_'], " ");
        let views = list(|p| &p.view, ",");
        let pictures = subject.pictures.len().to_string();
        let own = [&*subject.id, &name, folder, &views, &pictures];
        // A hole of the pattern takes the place of what would be guessed.
        for (column, cell) in COLUMNS.iter().zip(own) {
            if !self.columns[COLUMNS.len() - self.hidden..].iter().any(|c| c.header == *column) {
                block.cell(Some(cell), at);
            }
        }
        for other in &subject.others {
            block.cell(Some(other), at);
        }
        block.cell(Some(&images), at);
    }
}

impl RecordSource for Folder {
    fn columns(&self) -> &[WrittenColumn] {
        &self.columns
    }

    fn next_blocks(&mut self) -> Result<Option<Vec<Block>>, FeedProblem> {
        if std::mem::replace(&mut self.given, true) {
            return Ok(None);
        }
        let mut starts = vec![0];
        let ends = memchr::memchr_iter(b'\n', self.listing.as_bytes());
        starts.extend(ends.map(|end| end as u64 + 1));
        let mut block = BlockBuilder::default();
        for (index, subject) in self.subjects.iter().enumerate() {
            self.put(index as u64 + 1, subject, &starts, &mut block);
        }
        self.bad.iter().filter_map(Item::bad_row).for_each(|bad| block.bad(bad));
        Ok(Some(vec![block.finish()]))
    }

    fn restart(&mut self) -> Result<(), FeedProblem> {
        self.given = false;
        Ok(())
    }

    fn digest(&self) -> Digest {
        Digest::of(self.listing.as_bytes())
    }

    fn listing(&self) -> Option<&str> {
        Some(&self.listing)
    }
}

/// What the records of a folder mean.
pub(super) struct Pictures {
    columns: Vec<FeedColumn>,
}

impl Pictures {
    pub fn new(written: &[WrittenColumn]) -> Self {
        let of = |written: &WrittenColumn| FeedColumn {
            kind: match written.header.as_str() {
                "views" => AttributeType::List,
                "pictures" => AttributeType::Auto,
                _ => AttributeType::Text,
            },
            header: None,
            at: None,
            ..column(written)
        };
        Pictures { columns: written.iter().map(of).collect() }
    }
}

impl Reading for Pictures {
    fn columns(&self) -> &[FeedColumn] {
        &self.columns
    }

    fn origin(&self, column: usize) -> Option<usize> {
        Some(column)
    }

    fn entries(&self, group: &[Member<'_>], maker: &mut Maker<'_>) {
        for member in group {
            let record = member.record;
            maker.as_written(record, self.columns.len());
            let paths = record.get(self.columns.len()).unwrap_or_default();
            let image = |path: &str| FeedImage { address: Box::from(path), alt: None };
            let images = paths.split(SEPARATOR).map(image).collect();
            let tags = distinct(std::iter::empty());
            maker.entry(*member, record.number(), 0, tags, images);
        }
    }
}

/// What a file's name says: id, view, the other holes.
type Told = (String, String, Vec<String>);

fn told_by_pattern(pattern: &Pattern, path: &str) -> Option<Told> {
    let holes = pattern.fit(path)?;
    let (mut id, mut view, mut others) = (String::new(), stem(path).to_owned(), Vec::new());
    for (name, text) in pattern.names.iter().zip(holes) {
        match name.as_deref() {
            Some("id") => text.clone_into(&mut id),
            Some("view") => text.clone_into(&mut view),
            Some(_) => others.push(text.to_owned()),
            None => {}
        }
    }
    Some((id, view, others))
}

fn told_by_folder(path: &str, in_folders: bool) -> Option<Told> {
    if !in_folders {
        return Some((stem(path).to_owned(), "main".to_owned(), Vec::new()));
    }
    let (id, inside) = path.split_once('/')?;
    let view = inside.rsplit_once('.').map_or(inside, |(stem, _)| stem).replace('/', "-");
    Some((id.to_owned(), view, Vec::new()))
}

/// A file's name without its folder and its ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

fn view_rank(view: &str) -> usize {
    let first = |known: &&str| view.eq_ignore_ascii_case(known);
    FIRST_VIEWS.iter().position(first).unwrap_or(FIRST_VIEWS.len())
}

fn bad_file(code: &'static str, path: &str, start: u64, line: u64, what: &str, help: &str) -> Item {
    let at = spot(start, start + path.len() as u64);
    let (column, label) = (None, "this file".to_owned());
    let flaw = Flaw { code, column, what: what.to_owned(), label, help: help.to_owned(), at };
    Item { number: line, line, at, raw: path.to_owned(), fields: Err(Box::new(flaw)) }
}

/// Adds the pictures of a folder to `names`; what has no usable name to `odd`.
fn walk(
    folder: &Path,
    inside: &mut String,
    depth: usize,
    limits: &Limits,
    names: &mut Vec<String>,
    odd: &mut Vec<String>,
) -> Result<(), FeedProblem> {
    if depth > MOST_DEPTH {
        let message = format!("folders stand in each other more than {MOST_DEPTH} deep");
        return Err(FeedProblem::new("feed::limit", message).label("in this folder"));
    }
    let entries = std::fs::read_dir(folder).map_err(|e| FeedProblem::unreadable(&e))?;
    for entry in entries {
        let entry = entry.map_err(|e| FeedProblem::unreadable(&e))?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        // What programs leave behind: `.DS_Store`, `.thumbs/`, `__MACOSX/`.
        if shown.starts_with('.') || shown.starts_with("__") {
            continue;
        }
        let kind = entry.file_type().map_err(|e| FeedProblem::unreadable(&e))?;
        let usable = name.to_str().filter(|name| !name.chars().any(char::is_control));
        let length = inside.len();
        if kind.is_dir() {
            // A link to a folder is not followed: it may lead back here.
            inside.push_str(&format!("{shown}/"));
            walk(&entry.path(), inside, depth + 1, limits, names, odd)?;
            inside.truncate(length);
        } else if is_picture(&shown) {
            let path = format!("{inside}{shown}");
            let lost = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
            match usable.filter(|_| !inside.contains(lost)) {
                Some(_) => names.push(path),
                None => odd.push(path.replace(char::is_control, "?")),
            }
            if (names.len() + odd.len()) as u64 > limits.feed_rows {
                let message = format!("the folder has more than {} pictures", limits.feed_rows);
                return Err(FeedProblem::new("feed::limit", message)
                    .label("this folder")
                    .help(Limits::how_to_raise("feed_rows")));
            }
        }
    }
    Ok(())
}

/// Whether a name ends as those of pictures do.
pub(super) fn is_picture(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&&*ending))
}

/// As people sort: `view-2` before `view-10`, whatever the case.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (number(&mut left), number(&mut right));
            m.len().cmp(&n.len()).then_with(|| m.cmp(n))
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            let fold = |c: char| c.to_lowercase().next().unwrap_or(c);
            fold(x).cmp(&fold(y))
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Takes the digits that a text begins with, without leading zeros.
fn number<'t>(text: &mut &'t str) -> &'t str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    digits.trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = ["v10", "V2", "v1", "v02", "a", "v1-b"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "v1", "v1-b", "V2", "v02", "v10"]);
    }

    proptest! {
        #[test]
        fn the_order_is_an_order(names in proptest::collection::vec("[a-bA0-9é-]{0,5}", 3)) {
            let [a, b, c] = [&names[0], &names[1], &names[2]];
            prop_assert_eq!(natural(a, b), natural(b, a).reverse());
            prop_assert_eq!(natural(a, b) == Ordering::Equal, a == b);
            if natural(a, b) != Ordering::Greater && natural(b, c) != Ordering::Greater {
                prop_assert!(natural(a, c) != Ordering::Greater);
            }
        }
    }
}
