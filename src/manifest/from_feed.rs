//! Sets from feeds: what a feed gives, each product or row of it a subject.
//!
//! What lives here: opening, reading to the end, and what is said of the whole. What is the same
//! for all rows is in [`super::layout`], what a row becomes in [`super::rows`].

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use super::catalogue::{FeedFacts, SubjectSet};
use super::feed_select::{LeftOut, Sampler, Select, Why};
use super::fill::Fill;
use super::load::Loader;
use super::raw::RawSet;
use super::references::{self, Ground, SpecFill};
use super::rejects::Collected;
use super::rows::{Found, Layout, Parsed, RowReader};
use crate::diagnostic::{Finding, Place, Severity, Source, SourceId};
use crate::encoding::Encoding;
use crate::feed::{self, BadRow, Feed, FeedFormat, FeedNote, FeedOptions, FeedProblem, Spot};
use crate::limits::Limits;
use crate::template::Engine;
use crate::yaml::Text;

/// A feed that is there.
pub(super) struct Opened {
    pub source: SourceId,
    pub path: PathBuf,
    /// Shown path.
    pub name: String,
}

/// What reading a feed gives.
#[derive(Default)]
struct Gathered {
    /// Where subjects with a hash of their id are, the first of each.
    ids: HashMap<u64, u32>,
    /// Those whose hash another id had before them.
    more_ids: Vec<u32>,
    problems: Collected,
    left_out: LeftOut,
    /// Products or rows that the feed gave, those left out included.
    given: u64,
}

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
        let policy = self.bad_rows(&set.name, raw.bad_rows.as_ref(), folder);
        let Some(options) = self.feed_options(raw) else { return };
        if !self.room_for_a_file(from.place) {
            return;
        }
        let Some(opened) = self.find_feed(from, folder) else { return };
        let source = opened.source;
        let mut feed = match feed::open(&opened.path, &options, &self.limits) {
            Ok(feed) => feed,
            Err(problem) => {
                self.findings.push(feed_problem(problem, source, from));
                return;
            }
        };
        if let Some(listing) = feed.listing() {
            self.sources.keep_text(source, Arc::from(listing));
        }
        let Some(layout) = self.layout(index, set, raw, from, &mut feed, source) else { return };
        let errors = self.findings.count(Severity::Error);
        let gathered = self.rows(set, &layout, &mut feed, &opened.name, folder);
        self.inputs.field(from.as_bytes()).field(feed.digest().as_bytes());
        self.sources.name_bytes(source, feed.digest());
        self.sources.written_in(source, feed.encoding());
        for note in feed.notes() {
            self.findings.push(feed_note(note, source, from));
        }
        let Gathered { problems, left_out, given, .. } = gathered;
        set.columns = layout.columns.narrowed(&layout.kept);
        set.feed = Some(FeedFacts {
            format: feed.format(),
            file: opened.name.clone(),
            given,
            bad: problems.bad(),
            left_out: left_out.total(),
        });
        if given + problems.bad() == 0 && self.findings.count(Severity::Error) == errors {
            let what = format!("the feed of `{}` has no rows", set.name);
            let finding = Finding::warning("feed::no_rows", what);
            self.findings.push(finding.at(from.place, "only a header"));
        }
        self.say_what_is_selected(set, raw, &left_out, given);
        let path = self.workspace.path(&policy.file);
        let (name, findings) = (opened.name, &mut self.findings);
        // Rows that can't be used for more than one reason are one row.
        let usable = given.saturating_sub(problems.bad_entries());
        self.rejects
            .push(problems.finish(&set.name, name, path, source, &policy, usable, findings));
    }

    fn feed_options(&mut self, raw: &RawSet) -> Option<FeedOptions> {
        let delimiter = match &raw.delimiter {
            None => None,
            Some(written) => Some(self.delimiter(written)?),
        };
        let encoding = match &raw.encoding {
            None => None,
            Some(written) => Some(self.encoding(written)?),
        };
        Some(FeedOptions {
            format: raw.format.as_ref().map(|f| f.value),
            each: raw.each.as_ref().map(|e| e.value).unwrap_or_default(),
            delimiter,
            encoding,
            pattern: raw.pattern.as_ref().map(|p| p.trim().to_owned()),
            ..FeedOptions::default()
        })
    }

    fn delimiter(&mut self, written: &Text) -> Option<u8> {
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

    fn encoding(&mut self, written: &Text) -> Option<Encoding> {
        let known = Encoding::by_name(written);
        if known.is_none() {
            let message = format!("there is no encoding `{}`", &**written);
            self.findings.push(
                Finding::error("manifest::wrong_value", message)
                    .at(written.place, "not a name of an encoding")
                    .help("for instance utf-8, utf-16le, windows-1252 or shift_jis"),
            );
        }
        known
    }

    fn find_feed(&mut self, from: &Text, folder: &str) -> Option<Opened> {
        let name = match self.workspace.resolve(folder, from.trim().trim_end_matches('/')) {
            Ok(name) => name,
            Err(_) => {
                let finding = references::outside("", from, from.place);
                self.findings.push(Finding { code: "feed::outside", ..finding });
                return None;
            }
        };
        let path = self.workspace.path(&name);
        let finding = match std::fs::metadata(&path) {
            Ok(_) if self.workspace.contains(&path) => {
                let source = Source { name: Arc::from(&*name), path: path.clone(), text: None };
                return Some(Opened { source: self.sources.add(source), path, name });
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

    /// Reads the feed to its end: subjects, and what can't be one.
    fn rows(
        &mut self,
        set: &mut SubjectSet,
        layout: &Layout,
        feed: &mut Feed,
        name: &str,
        folder: &str,
    ) -> Gathered {
        let mut gathered = Gathered::default();
        let limits = self.limits.clone();
        let engine = Engine::new(&limits);
        let columns = &*layout.columns;
        let Ok(id) = Fill::new(&engine, &layout.id, columns) else { return gathered };
        let fills: Vec<SpecFill<'_, '_>> =
            layout.specs.iter().filter_map(|s| SpecFill::new(&engine, s, columns).ok()).collect();
        let consent = layout.consent.as_ref();
        let consent = consent.and_then(|note| Fill::new(&engine, note, columns).ok());
        let wanted = layout.select.as_ref();
        let select = wanted.and_then(|wanted| Select::new(wanted, &engine).ok());
        let env = self.env.clone();
        let of_feed = match feed.format() {
            FeedFormat::Folder => name,
            _ => name.rsplit_once('/').map_or("", |(folder, _)| folder),
        };
        let set_name = set.name.clone();
        let ground = Ground { workspace: &self.workspace, folder, of_feed };
        let reader = RowReader {
            layout,
            id: &id,
            fills: &fills,
            consent: consent.as_ref(),
            select: select.as_ref(),
            ground: &ground,
            set: &set_name,
            kind: set.kind,
            env: &env,
            limits: &limits,
        };
        let sample = wanted.and_then(|wanted| wanted.sample);
        let mut sampler = sample.map(|(count, _)| Sampler::<(Found, BadRow)>::new(count));
        loop {
            let mut batch = match feed.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => break,
                Err(problem) => {
                    self.findings.push(feed_problem(problem, layout.source, &layout.from));
                    break;
                }
            };
            let bad = std::mem::take(&mut batch.bad);
            bad.into_iter().for_each(|row| gathered.problems.push_of_feed(row));
            let highest = sampler.as_ref().map_or(u128::MAX, Sampler::highest);
            for parsed in reader.batch(&batch, highest) {
                let Parsed { found, left_out, problems } = parsed;
                gathered.left_out.add(&left_out);
                problems.into_iter().for_each(|p| gathered.problems.push(p));
                for found in found {
                    match &mut sampler {
                        None => {
                            let row = |index| reader.row_of(&batch, index);
                            gathered.enter(
                                found,
                                row,
                                set,
                                layout,
                                &mut self.entering,
                                &mut self.pictures,
                            );
                        }
                        Some(sampler) if found.lot > sampler.highest() => {
                            gathered.left_out.count(Why::Sample);
                        }
                        Some(sampler) => {
                            let row = reader.row_of(&batch, found.entry);
                            let order = u64::from(found.subject.first_row);
                            if sampler.take(found.lot, order, (found, row)).is_some() {
                                gathered.left_out.count(Why::Sample);
                            }
                        }
                    }
                }
            }
            gathered.given += batch.entries.len() as u64;
            if gathered.given + gathered.problems.bad() > limits.feed_rows {
                self.findings.push(
                    Finding::error(
                        "feed::limit",
                        format!("the feed has more than {} rows", limits.feed_rows),
                    )
                    .at(layout.from.place, "this feed")
                    .help(Limits::how_to_raise("feed_rows")),
                );
                break;
            }
        }
        for (found, row) in sampler.into_iter().flat_map(Sampler::finish) {
            gathered.enter(found, |_| row, set, layout, &mut self.entering, &mut self.pictures);
        }
        // A product whose rows are scattered comes with the last of them; it stands by its first.
        set.subjects.sort_by_key(|subject| subject.first_row);
        gathered
    }

    /// How many products `select:` leaves, and why the others are out.
    fn say_what_is_selected(
        &mut self,
        set: &SubjectSet,
        raw: &RawSet,
        left_out: &LeftOut,
        given: u64,
    ) {
        let Some(select) = &raw.select else { return };
        if left_out.total() == 0 {
            return;
        }
        let kept = set.subjects.len();
        let message = format!("{kept} of {given} in the feed of `{}` are selected", set.name);
        let finding = if kept == 0 {
            Finding::warning("feed::nothing_selected", message)
        } else {
            Finding::advice("feed::selected", message)
        };
        let reasons =
            left_out.by_reason().map(|(why, count)| format!("{count} by {}", why.words()));
        let reasons = reasons.collect::<Vec<_>>().join(", ");
        let finding = finding.at(select.place, "selected by this");
        self.findings.push(finding.help(format!("left out: {reasons}")));
    }
}

impl Gathered {
    /// Adds a subject, unless there is one with its id already. `row` gives what the rejects file
    /// says of an entry.
    fn enter(
        &mut self,
        found: Found,
        row: impl FnOnce(usize) -> BadRow,
        set: &mut SubjectSet,
        layout: &Layout,
        entering: &mut references::Entering,
        pictures: &mut crate::media::PictureTable,
    ) {
        let Found { mut subject, named, entry, .. } = found;
        if let Some(first) = self.enter_id(&subject.id, set) {
            let first = &set.subjects[first as usize];
            let place = first.place;
            let row = BadRow {
                code: "feed::duplicate_id",
                reason: format!("two rows of `{}` have the id `{}`", set.name, subject.id),
                label: "again here".to_owned(),
                help: format!("each row needs its own id; it is made by `{}`", layout.id.trim()),
                also: Some((
                    Spot { start: place.start, length: place.length },
                    "first here".to_owned(),
                )),
                ..row(entry)
            };
            self.problems.push(row);
            return;
        }
        subject.references = entering.references(&layout.specs, named, pictures);
        set.subjects.push(subject);
    }

    /// Notes an id; gives the subject that has it already.
    fn enter_id(&mut self, id: &str, set: &SubjectSet) -> Option<u32> {
        let next = u32::try_from(set.subjects.len()).expect("limits keep subjects below 2^32");
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let same = |at: u32| *set.subjects[at as usize].id == *id;
        match self.ids.entry(hasher.finish()) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(next);
                None
            }
            std::collections::hash_map::Entry::Occupied(taken) if same(*taken.get()) => {
                Some(*taken.get())
            }
            std::collections::hash_map::Entry::Occupied(_) => {
                let first = self.more_ids.iter().copied().find(|at| same(*at));
                if first.is_none() {
                    self.more_ids.push(next);
                }
                first
            }
        }
    }
}

fn feed_problem(problem: FeedProblem, source: SourceId, from: &Text) -> Finding {
    let FeedProblem { code, message, at, label, help } = problem;
    let place = at.map_or(from.place, |spot| Place::new(source, spot.start, spot.length));
    let finding = Finding::error(code, message).at(place, label);
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn feed_note(note: FeedNote, source: SourceId, from: &Text) -> Finding {
    let place = note.at.map_or(from.place, |spot| Place::new(source, spot.start, spot.length));
    Finding::advice(note.code, note.message).at(place, "found by looking").help(note.help)
}
