//! Sets from feeds: every row a subject, read in pieces and in parallel.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::catalogue::{Subject, SubjectSet};
use super::fill::Fill;
use super::header::Header;
use super::load::Loader;
use super::names::{self, Scope, Use};
use super::raw::RawSet;
use super::references::{self, Ground, SpecFill};
use super::rows::{Layout, Parsed, RowReader, Tags, place_of};
use super::sets::{nearest_help, tags};
use crate::diagnostic::{Finding, Place, Severity, Source, SourceId};
use crate::feed::{AttributeType, Columns, Piece, PieceProblem, Pieces, records};
use crate::limits::Limits;
use crate::template::Engine;
use crate::yaml::Text;

/// How many pieces are parsed at once, for each thread.
const PIECES_PER_THREAD: usize = 2;

/// The template of an id when the manifest gives none.
const ID: &str = "{{ id }}";

impl Loader<'_> {
    pub(super) fn read_feed(
        &mut self,
        index: u32,
        set: &mut SubjectSet,
        raw: &RawSet,
        from: &Text,
        folder: &str,
    ) {
        if let Some((name, _)) = raw.defaults.0.first() {
            self.findings.push(
                Finding::error("manifest::only_for_items", "`defaults` is for sets with `items`")
                    .at(name.place, "means nothing for a feed")
                    .help("fill the cells in the file"),
            );
        }
        let Some(delimiter) = self.delimiter(raw.delimiter.as_ref()) else { return };
        if !self.room_for_a_file(from.place) {
            return;
        }
        let Some((source, file)) = self.open_feed(from, folder) else { return };
        let mut pieces = Pieces::new(file, delimiter, &self.limits);
        let Some((header, first)) = self.header(&mut pieces, source, delimiter, raw, from) else {
            return;
        };
        let Some(layout) = self.layout(index, set, raw, from, header, source, delimiter) else {
            return;
        };
        self.rows(set, &layout, first, &mut pieces, folder);
        let digest = pieces.digest();
        self.inputs.field(from.as_bytes()).field(digest.as_bytes());
        self.sources.name_bytes(source, digest);
        self.check_ids(set, &layout);
    }

    fn delimiter(&mut self, written: Option<&Text>) -> Option<u8> {
        let Some(written) = written else { return Some(b',') };
        match written.as_bytes() {
            b"tab" | b"\\t" => Some(b'\t'),
            [one] if !matches!(one, b'"' | b'\r' | b'\n') => Some(*one),
            _ => {
                self.findings.push(
                    Finding::error("manifest::wrong_value", "`delimiter` must be one character")
                        .at(written.place, "not one character")
                        .help("for instance \";\", or `tab`"),
                );
                None
            }
        }
    }

    fn open_feed(&mut self, from: &Text, folder: &str) -> Option<(SourceId, std::fs::File)> {
        let name = match self.workspace.resolve(folder, from.trim()) {
            Ok(name) => name,
            Err(_) => {
                let finding = references::outside("", from, from.place);
                self.findings.push(Finding { code: "feed::outside", ..finding });
                return None;
            }
        };
        let path = self.workspace.path(&name);
        let opened = std::fs::File::open(&path).and_then(|f| {
            let folder = f.metadata()?.is_dir();
            if folder { Err(std::io::Error::from(std::io::ErrorKind::IsADirectory)) } else { Ok(f) }
        });
        let finding = match opened {
            Ok(file) if self.workspace.contains(&path) => {
                let source = Source { name: Arc::from(name), path, text: None };
                return Some((self.sources.add(source), file));
            }
            Ok(_) => {
                let finding = references::linked_outside("", from, from.place);
                Finding { code: "feed::outside", ..finding }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Finding::error("feed::missing", format!("there is no feed `{name}`"))
                    .at(from.place, "this file does not exist")
                    .help("paths are relative to the manifest that has them")
            }
            Err(error) => Finding::error(
                "feed::unreadable",
                format!("the feed `{name}` can't be read: {error}"),
            )
            .at(from.place, "this file"),
        };
        self.findings.push(finding);
        None
    }

    /// The header, and what follows it in the first piece.
    fn header(
        &mut self,
        pieces: &mut Pieces<std::fs::File>,
        source: SourceId,
        delimiter: u8,
        raw: &RawSet,
        from: &Text,
    ) -> Option<(Header, Piece)> {
        let first = match pieces.next_piece() {
            Ok(Some(piece)) => piece,
            Ok(None) => {
                self.findings.push(empty_feed(from));
                return None;
            }
            Err(problem) => {
                self.findings.push(feed_problem(&problem, source, from, &self.limits));
                return None;
            }
        };
        let mut cells: Option<(Vec<(String, Place)>, usize)> = None;
        let mut bad = None;
        let mut rest = first.bytes.len();
        records(&first, delimiter, |record| {
            if cells.is_some() {
                rest = rest.min(record.start);
                return;
            }
            let place = |column| place_of(&first, source, record.start, column, delimiter);
            let mut names = Vec::new();
            for (column, cell) in record.cells.iter().enumerate() {
                match std::str::from_utf8(cell) {
                    Ok(text) => names.push((text.trim().to_owned(), place(column))),
                    Err(_) => bad = bad.or(Some((column, place(column)))),
                }
            }
            cells = Some((names, record.start));
        });
        if let Some((column, place)) = bad {
            self.findings.push(
                Finding::error(
                    "feed::utf8",
                    format!("the header of column {} is not UTF-8", column + 1),
                )
                .at(place, "this cell")
                .help("save the file as UTF-8"),
            );
            return None;
        }
        let Some((cells, _)) = cells else {
            self.findings.push(empty_feed(from));
            return None;
        };
        if let [(only, place)] = &cells[..]
            && let Some(other) = [';', '\t', '|'].into_iter().find(|c| only.contains(*c))
        {
            let shown = if other == '\t' { "tab".to_owned() } else { format!("\"{other}\"") };
            self.findings.push(
                Finding::error("feed::delimiter", "the feed has only one column")
                    .at(*place, "one cell")
                    .help(format!("write `delimiter: {shown}` beside `from`")),
            );
            return None;
        }
        let header = Header::new(cells, &raw.attributes, &mut self.findings);
        let rest_piece = Piece {
            start: first.start + rest as u64,
            first_record: 1,
            bytes: first.bytes[rest..].to_vec(),
        };
        Some((header, rest_piece))
    }

    /// Everything that is the same for all rows; also gives the set its columns.
    fn layout(
        &mut self,
        index: u32,
        set: &mut SubjectSet,
        raw: &RawSet,
        from: &Text,
        header: Header,
        source: SourceId,
        delimiter: u8,
    ) -> Option<Layout> {
        let id = raw.id.clone().unwrap_or_else(|| Text {
            text: Arc::from(ID),
            place: from.place,
            literal: false,
        });
        let mut columns = header.attributes.clone();
        for (name, kind) in &mut columns {
            let used = crate::template::find_variable(&id, name).is_some();
            if used && *kind == AttributeType::Auto {
                *kind = AttributeType::Text;
            }
        }
        set.columns = Columns::new(columns);
        let id_known = self.check_id_template(raw, from, &id, &header, set);
        let specs = self.usable_specs(&raw.references, &[], true, set);
        self.reference_names.insert(index, specs.iter().map(|s| s.name.clone()).collect());
        let tags_from = self.tags_from(raw, &header);
        if !id_known {
            return None;
        }
        let (real_person, consent) = self.people_of_rows(raw, set);
        Some(Layout {
            header,
            source,
            delimiter,
            id,
            specs,
            tags: tags_from,
            real_person,
            consent,
            from: from.clone(),
        })
    }

    fn check_id_template(
        &mut self,
        raw: &RawSet,
        from: &Text,
        id: &Text,
        header: &Header,
        set: &SubjectSet,
    ) -> bool {
        if raw.id.is_none() && header.position("id").is_none() {
            let columns = || header.attributes.iter().map(|(n, _)| n.as_str());
            self.findings.push(
                Finding::error("feed::no_id", "the feed has no column `id`, and the set no `id:`")
                    .at(from.place, "which column names a row?")
                    .help(format!(
                        "write, for instance, `id: \"{{{{ {} }}}}\"`; columns: {}",
                        columns().next().unwrap_or("sku"),
                        columns().take(30).collect::<Vec<_>>().join(", ")
                    )),
            );
            return false;
        }
        if !id.contains('{') {
            let help = match header.position(id.trim()) {
                Some(column) => {
                    format!("write `id: \"{{{{ {} }}}}\"`", header.attributes[column].0)
                }
                None => "write it as a template, for instance `id: \"{{ sku }}\"`".to_owned(),
            };
            self.findings.push(
                Finding::error("feed::constant_id", "the id is the same for every row")
                    .at(id.place, "no column is named as {{ column }}")
                    .help(help),
            );
            return false;
        }
        let scope = Scope {
            purpose: Use::Id,
            sets: vec![set],
            with: Vec::new(),
            axes: Vec::new(),
            env: &self.env,
        };
        names::check(id, &scope, &self.limits, &self.sources, &mut self.findings)
    }

    fn tags_from(&mut self, raw: &RawSet, header: &Header) -> Tags {
        match &raw.tags {
            None => header.position("tags").map_or(Tags::Fixed(Box::from([])), Tags::Column),
            Some(list) if list.list => Tags::Fixed(tags(list.items.iter().map(|t| &**t))),
            Some(one) => {
                let Some(name) = one.items.first() else { return Tags::Fixed(Box::from([])) };
                if let Some(column) = header.position(name.trim()) {
                    return Tags::Column(column);
                }
                let there = &header.attributes[..header.written.len()];
                let names = there.iter().map(|(n, _)| n.as_str());
                self.findings.push(
                    Finding::error(
                        "feed::unknown_column",
                        format!("the feed has no column `{}` for tags", &**name),
                    )
                    .at(name.place, "this column")
                    .help(format!(
                        "{}; tags that all rows have are written as a list: `tags: [{}]`",
                        nearest_help(name, names, "its columns"),
                        &**name
                    )),
                );
                Tags::Fixed(Box::from([]))
            }
        }
    }

    fn rows(
        &mut self,
        set: &mut SubjectSet,
        layout: &Layout,
        first: Piece,
        pieces: &mut Pieces<std::fs::File>,
        folder: &str,
    ) {
        let limits = self.limits.clone();
        let engine = Engine::new(&limits);
        let columns = Arc::clone(&set.columns);
        let Ok(id) = Fill::new(&engine, &layout.id, &columns) else { return };
        let fills: Vec<SpecFill<'_, '_>> =
            layout.specs.iter().filter_map(|s| SpecFill::new(&engine, s, &columns).ok()).collect();
        let consent = layout.consent.as_ref();
        let consent = consent.and_then(|note| Fill::new(&engine, note, &columns).ok());
        let env = self.env.clone();
        let reader = RowReader {
            layout,
            columns: &columns,
            id: &id,
            fills: &fills,
            consent: consent.as_ref(),
            ground: &Ground { workspace: &self.workspace, folder },
            set: &set.name,
            env: &env,
            limits: &limits,
        };
        let errors = self.findings.count(Severity::Error);
        let at_once = rayon::current_num_threads() * PIECES_PER_THREAD;
        let mut batch = vec![first];
        loop {
            let mut problem = None;
            let mut ended = false;
            while batch.len() < at_once && !ended {
                match pieces.next_piece() {
                    Ok(Some(piece)) => batch.push(piece),
                    Ok(None) => ended = true,
                    Err(found) => {
                        problem = Some(found);
                        ended = true;
                    }
                }
            }
            let parsed: Vec<Parsed> = batch.par_iter().map(|piece| reader.piece(piece)).collect();
            batch.clear();
            for piece in parsed {
                piece.findings.into_iter().for_each(|f| self.findings.push(f));
                for (mut subject, named) in piece.subjects {
                    subject.references =
                        self.entering.references(&layout.specs, named, &mut self.pictures);
                    set.subjects.push(subject);
                }
            }
            if let Some(problem) = problem {
                self.findings.push(feed_problem(&problem, layout.source, &layout.from, &limits));
            }
            if set.subjects.len() as u64 > limits.feed_rows {
                self.findings.push(
                    Finding::error(
                        "feed::limit",
                        format!("the feed has more than {} rows", limits.feed_rows),
                    )
                    .at(layout.from.place, "this feed")
                    .help(Limits::how_to_raise("feed_rows")),
                );
                return;
            }
            if ended {
                break;
            }
        }
        if set.subjects.is_empty() && self.findings.count(Severity::Error) == errors {
            self.findings.push(
                Finding::warning(
                    "feed::no_rows",
                    format!("the feed of `{}` has no rows", set.name),
                )
                .at(layout.from.place, "only a header"),
            );
        }
    }

    fn check_ids(&mut self, set: &SubjectSet, layout: &Layout) {
        let mut seen: HashMap<&str, &Subject> = HashMap::with_capacity(set.subjects.len());
        for subject in &set.subjects {
            if let Some(first) = seen.get(&*subject.id) {
                self.findings.push(
                    Finding::error(
                        "feed::duplicate_id",
                        format!("two rows of `{}` have the id `{}`", set.name, subject.id),
                    )
                    .at(subject.place, "again here")
                    .also(first.place, "first here")
                    .help(format!(
                        "each row needs its own id; it is made by `{}`",
                        layout.id.trim()
                    )),
                );
            } else {
                seen.insert(&subject.id, subject);
            }
        }
    }
}

fn empty_feed(from: &Text) -> Finding {
    Finding::error("feed::empty", "the feed is empty")
        .at(from.place, "no header in this file")
        .help("the first row names the columns")
}

fn feed_problem(problem: &PieceProblem, source: SourceId, from: &Text, limits: &Limits) -> Finding {
    match problem {
        PieceProblem::Io(why) => {
            Finding::error("feed::unreadable", format!("the feed can't be read: {why}"))
                .at(from.place, "this file")
        }
        PieceProblem::OpenQuote(at) => {
            Finding::error("feed::open_quote", "a quote is opened and never closed")
                .at(Place::new(source, *at, 1), "opened here")
                .help("close it, or double it (`\"\"`) if it belongs to the text")
        }
        PieceProblem::LongCell(at) => Finding::error(
            "feed::limit",
            format!("a cell has more than {} bytes", limits.feed_cell_bytes),
        )
        .at(Place::new(source, *at, 1), "starts here; is its quote ever closed?")
        .help(Limits::how_to_raise("feed_cell_bytes")),
        PieceProblem::LongFile => Finding::error(
            "feed::limit",
            format!("the feed has more than {} bytes", limits.feed_bytes),
        )
        .at(from.place, "this file")
        .help(Limits::how_to_raise("feed_bytes")),
        PieceProblem::Utf16 => Finding::error("feed::utf16", "the feed is UTF-16, not UTF-8")
            .at(from.place, "this file")
            .help("save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\")"),
    }
}
