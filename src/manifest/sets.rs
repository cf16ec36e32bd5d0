//! Sets of subjects: those written in the manifest, and what all sets share.
//!
//! Sets from feeds are in [`super::from_feed`].

use std::collections::HashMap;
use std::sync::Arc;

use super::catalogue::{Subject, SubjectSet, Updated};
use super::fill::View;
use super::load::{File, Loader};
use super::names::{self, Scope, Use};
use super::raw::{RawItem, RawSet};
use super::references::{self, Ground, Spec, SpecFill};
use super::shots::is_alias;
use crate::diagnostic::{Finding, Place, nearest};
use crate::feed::{AttributeType, Columns, Row};
use crate::limits::Limits;
use crate::template::Engine;
use crate::yaml::Text;

impl Loader<'_> {
    pub(super) fn sets(&mut self, files: &[File]) -> Vec<SubjectSet> {
        let mut sets: Vec<SubjectSet> = Vec::new();
        let mut total = 0u64;
        for file in files {
            for (name, raw) in &file.raw.subjects.0 {
                if let Some(first) = sets.iter().find(|s| *s.name == **name) {
                    self.findings.push(
                        Finding::error(
                            "manifest::duplicate_set",
                            format!("two sets of subjects are called `{}`", &**name),
                        )
                        .at(name.place, "again here")
                        .also(first.place, "first here")
                        .help("give one of them another name"),
                    );
                    continue;
                }
                if !name.starts_with(char::is_alphabetic) || name.contains(['.', ' ', '/']) {
                    self.findings.push(
                        Finding::error(
                            "manifest::set_name",
                            format!("a set can't be called `{}`", &**name),
                        )
                        .at(name.place, "this name")
                        .help("a letter first, then letters, digits, `-` or `_`"),
                    );
                }
                let index = u32::try_from(sets.len()).expect("limits keep sets below 2^32");
                let set = self.set(index, name, raw, file);
                total += set.subjects.len() as u64;
                sets.push(set);
                if total > self.limits.subjects {
                    self.findings.push(
                        Finding::error(
                            "manifest::limit",
                            format!("there are more than {} subjects", self.limits.subjects),
                        )
                        .at(name.place, "the limit is passed in this set")
                        .help(Limits::how_to_raise("subjects")),
                    );
                    return sets;
                }
            }
        }
        sets
    }

    fn set(&mut self, index: u32, name: &Text, raw: &RawSet, file: &File) -> SubjectSet {
        self.check_attribute_names(raw);
        let mut set = SubjectSet {
            name: name.text.clone(),
            kind: raw.kind.value,
            columns: Columns::new([]),
            updated: None,
            feed: None,
            subjects: Vec::new(),
            place: name.place,
        };
        match (&raw.from, &raw.items) {
            (Some(from), None) => self.read_feed(index, &mut set, raw, from, &file.folder),
            (None, Some(items)) => self.read_items(index, &mut set, raw, items, &file.folder),
            (Some(from), Some(_)) => self.findings.push(
                Finding::error(
                    "manifest::from_and_items",
                    format!("`{}` has both `from` and `items`", set.name),
                )
                .at(from.place, "subjects from a feed")
                .help("make two sets of them"),
            ),
            (None, None) => self.findings.push(
                Finding::error(
                    "manifest::no_subjects",
                    format!("`{}` needs `from` (a feed) or `items`", set.name),
                )
                .at(name.place, "this set has neither")
                .help("for instance `from: products.csv`"),
            ),
        }
        self.updated(&mut set, raw);
        if set.columns.known().next().is_none() && set.subjects.is_empty() {
            // Without its columns, everything said about its templates would be noise.
            self.broken_sets.insert(set.name.to_string());
        }
        set
    }

    /// `updated:`, which must name an attribute.
    fn updated(&mut self, set: &mut SubjectSet, raw: &RawSet) {
        let Some(written) = &raw.updated else { return };
        let attribute = written.trim();
        if set.columns.position(attribute).is_some() {
            set.updated = Some(Updated { attribute: attribute.to_owned(), place: written.place });
        } else if set.columns.known().next().is_some() {
            let message = format!("`{}` has no attribute `{attribute}`", set.name);
            let names: Vec<&str> = set.columns.known().collect();
            self.findings.push(
                Finding::error("manifest::updated_unknown", message)
                    .at(written.place, "no such attribute")
                    .help(nearest_help(attribute, names.into_iter(), "attributes")),
            );
        }
    }

    fn check_attribute_names(&mut self, raw: &RawSet) {
        let items = raw.items.iter().flatten();
        let names = raw.attributes.0.iter().map(|(n, _)| n);
        let all = names
            .chain(raw.defaults.0.iter().map(|(n, _)| n))
            .chain(items.flat_map(|i| i.attributes.0.iter().map(|(n, _)| n)));
        for name in all {
            if !is_alias(name) {
                self.findings.push(
                    Finding::error(
                        "manifest::attribute_name",
                        format!("an attribute can't be called `{}`", &**name),
                    )
                    .at(name.place, "templates could not use this name")
                    .help("letters of a to z, digits and `_`, no digit first"),
                );
            }
        }
    }

    // ---- items

    fn read_items(
        &mut self,
        index: u32,
        set: &mut SubjectSet,
        raw: &RawSet,
        items: &[RawItem],
        folder: &str,
    ) {
        let only_for_feeds = [
            ("id", raw.id.as_ref().map(|t| t.place)),
            ("format", raw.format.as_ref().map(|f| f.place)),
            ("each", raw.each.as_ref().map(|e| e.place)),
            ("delimiter", raw.delimiter.as_ref().map(|t| t.place)),
            ("encoding", raw.encoding.as_ref().map(|t| t.place)),
            ("pattern", raw.pattern.as_ref().map(|t| t.place)),
            ("select", raw.select.as_ref().map(|s| s.place)),
            ("bad_rows", raw.bad_rows.as_ref().map(|b| b.place)),
        ];
        for (key, place) in only_for_feeds {
            if let Some(place) = place {
                self.findings.push(
                    Finding::error(
                        "manifest::only_for_feeds",
                        format!("`{key}` is for sets with `from`; `{}` has `items`", set.name),
                    )
                    .at(place, "means nothing here")
                    .help(if key == "id" {
                        "give each item its own `id`"
                    } else {
                        "remove it"
                    }),
                );
            }
        }
        set.columns = self.item_columns(raw, items);
        let shared = self.usable_specs(&raw.references, &[], false, set);
        self.reference_names.insert(index, shared.iter().map(|s| s.name.clone()).collect());
        self.people_of_items(raw, items);
        let set_tags: Vec<Text> = raw.tags.clone().map(|t| t.items).unwrap_or_default();
        let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
        for item in items {
            self.check_id("subject", &item.id);
            if let Some(first) = seen.insert(item.id.text.clone(), item.id.place) {
                self.findings.push(
                    Finding::error(
                        "manifest::duplicate_id",
                        format!("two subjects of `{}` have the id `{}`", set.name, &*item.id),
                    )
                    .at(item.id.place, "again here")
                    .also(first, "first here")
                    .help("give each its own id; clips are found by it"),
                );
                continue;
            }
            let subject = self.item(set, raw, item, &shared, &set_tags, folder);
            set.subjects.push(subject);
        }
    }

    /// Every attribute that any item has, declared ones first.
    fn item_columns(&mut self, raw: &RawSet, items: &[RawItem]) -> Arc<Columns> {
        let mut columns: Vec<(String, AttributeType)> = Vec::new();
        for (name, attribute) in &raw.attributes.0 {
            if let Some(column) = &attribute.value.column {
                self.findings.push(
                    Finding::error(
                        "manifest::only_for_feeds",
                        "`items` have no columns; an attribute can only have a `type` here",
                    )
                    .at(column.place, "a column of a feed")
                    .help(format!("for instance `{}: {{type: number}}`", &**name)),
                );
            }
            columns.push((name.to_string(), attribute.value.kind.unwrap_or_default()));
        }
        let given = items.iter().flat_map(|i| &i.attributes.0);
        let names = raw.defaults.0.iter().chain(given).map(|(name, _)| name);
        let mut known: std::collections::HashSet<String> =
            columns.iter().map(|(n, _)| n.clone()).collect();
        for name in names {
            if known.insert(name.to_string()) {
                columns.push((name.to_string(), AttributeType::Auto));
            }
        }
        Columns::new(columns)
    }

    fn item(
        &mut self,
        set: &SubjectSet,
        raw: &RawSet,
        item: &RawItem,
        shared: &[Spec],
        set_tags: &[Text],
        folder: &str,
    ) -> Subject {
        let own = item.attributes.0.iter();
        let written: HashMap<&str, &Text> =
            raw.defaults.0.iter().chain(own).map(|(name, value)| (&**name, value)).collect();
        let cells: Vec<Option<&str>> =
            set.columns.names().map(|name| written.get(name).map(|t| &***t)).collect();
        for (column, name) in set.columns.names().enumerate() {
            let Some(text) = written.get(name) else { continue };
            if let Some(needed) = cell_problem(set.columns.type_of(column), text) {
                self.findings.push(
                    Finding::error(
                        "manifest::attribute_type",
                        format!(
                            "the attribute `{name}` of `{}.{}` must be {needed}",
                            set.name, &*item.id
                        ),
                    )
                    .at(text.place, format!("`{}` is not", &***text)),
                );
            }
        }
        let specs = self.usable_specs(&item.references, shared, false, set);
        let specs: Vec<Spec> = shared.iter().cloned().chain(specs).collect();
        let limits = self.limits.clone();
        let engine = Engine::new(&limits);
        let fills: Vec<SpecFill<'_, '_>> =
            specs.iter().filter_map(|s| SpecFill::new(&engine, s, &set.columns).ok()).collect();
        let view =
            View { columns: &set.columns, cells: &cells, id: Some(&item.id), env: &self.env };
        let who = || format!("`{}.{}`", set.name, &*item.id);
        let mut findings = Vec::new();
        let named = references::name_pictures(
            &specs,
            &fills,
            &view,
            &[],
            &Ground { workspace: &self.workspace, folder, of_feed: folder },
            &who,
            &mut findings,
        );
        if let Some(finding) = too_many(&who(), named.len(), item.id.place, &self.limits) {
            findings.push(finding);
        }
        findings.into_iter().for_each(|f| self.findings.push(f));
        let references = self.entering.references(&specs, named, &mut self.pictures);
        let (real_person, consent) = self.person(set, raw, item, &cells);
        Subject {
            id: Box::from(&*item.id),
            row: Row::pack(cells.iter().copied()),
            real_person,
            consent,
            tags: tags(set_tags.iter().chain(&item.tags.items).map(|t| &**t)),
            references,
            first_row: 0,
            place: item.id.place,
        }
    }

    // ---- shared with feeds

    /// The entries of `references:` whose templates only use what the set has.
    pub(super) fn usable_specs(
        &mut self,
        raw: &[super::raw::RawReference],
        inherited: &[Spec],
        of_feed: bool,
        set: &SubjectSet,
    ) -> Vec<Spec> {
        let mut specs = references::specs(raw, inherited, of_feed, &mut self.findings);
        let scope = Scope {
            purpose: Use::Picture,
            sets: vec![set],
            with: Vec::new(),
            axes: Vec::new(),
            channel: false,
            env: &self.env,
        };
        let (limits, sources) = (&self.limits, &self.sources);
        let findings = &mut self.findings;
        let mut fine = |text: &Text| names::check(text, &scope, limits, sources, findings);
        // Each is looked at, so that every slip is said.
        specs.retain(|s| s.templates().filter(|text| !fine(text)).count() == 0);
        self.optional.extend(specs.iter().filter(|s| s.optional).map(|s| s.path.place));
        specs
    }
}

/// The finding about a subject with more pictures than the limit allows.
pub(super) fn too_many(who: &str, count: usize, place: Place, limits: &Limits) -> Option<Finding> {
    (count as u64 > limits.references_per_subject).then(|| {
        Finding::error(
            "reference::limit",
            format!("{who} has {count} pictures, more than {}", limits.references_per_subject),
        )
        .at(place, "this subject")
        .help(Limits::how_to_raise("references_per_subject"))
    })
}

/// Tags without spaces around, each once, in their order.
pub(super) fn tags<'t>(written: impl Iterator<Item = &'t str>) -> Box<[Box<str>]> {
    let mut tags: Vec<Box<str>> = Vec::new();
    for tag in written.map(str::trim).filter(|t| !t.is_empty()) {
        if !tags.iter().any(|t| **t == *tag) {
            tags.push(Box::from(tag));
        }
    }
    tags.into_boxed_slice()
}

/// What a cell must be by its column's type, when it is not. An empty cell fits every type.
pub(super) fn cell_problem(kind: AttributeType, text: &str) -> Option<&'static str> {
    let text = text.trim();
    match kind {
        _ if text.is_empty() => None,
        AttributeType::Number => {
            (!crate::yaml::is_decimal(text)).then_some("a number such as 5 or 0.25")
        }
        AttributeType::Boolean => {
            let known = ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
            (!known).then_some("true or false")
        }
        AttributeType::Auto | AttributeType::Text | AttributeType::List => None,
    }
}

/// The nearest of some names, as a help line.
pub(super) fn nearest_help<'a>(
    wanted: &str,
    names: impl Iterator<Item = &'a str> + Clone,
    otherwise: &str,
) -> String {
    match nearest(wanted, names.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("{otherwise}: {}", names.take(30).collect::<Vec<_>>().join(", ")),
    }
}
