//! Selectors: which subjects `for:` and `with:` name.
//!
//! What never lives here: conditions; planning asks them of each subject.

use std::collections::{HashMap, HashSet};

use super::catalogue::{Selection, SubjectRef, SubjectSet, With};
use super::load::Loader;
use super::raw::RawShot;
use super::shots::is_alias;
use crate::diagnostic::{Finding, nearest};
use crate::yaml::{OneOrMany, Text};

/// Aliases that would hide what templates always have.
const RESERVED: [&str; 7] = ["subject", "shot", "variant", "take", "env", "job", "tags"];

/// Subjects by id, for each set that a shot names one of.
pub(super) type Ids<'a> = HashMap<usize, HashMap<&'a str, u32>>;

impl Loader<'_> {
    /// `None` when something named can't be found because it could not be read.
    pub(super) fn selections<'s>(
        &mut self,
        written: &OneOrMany<Text>,
        sets: &'s [SubjectSet],
        ids: &mut Ids<'s>,
    ) -> Option<Vec<Selection>> {
        let mut selections: Vec<Selection> = Vec::new();
        let mut known = true;
        for name in &written.items {
            match self.find(name, sets, ids) {
                Found::Set(set) => selections.push(Selection { set, subject: None }),
                Found::One(at) => {
                    selections.push(Selection { set: at.set, subject: Some(at.subject) });
                }
                Found::Broken => known = false,
                Found::Nothing => {}
            }
        }
        for (i, one) in selections.iter().enumerate() {
            let same = |other: &Selection| {
                other.set == one.set && (other.subject.is_none() || other.subject == one.subject)
            };
            if selections[..i].iter().any(same) {
                self.findings.push(
                    Finding::error("manifest::selected_twice", "a subject is selected twice")
                        .at(written.items[i.min(written.items.len() - 1)].place, "already selected")
                        .help("name each set or subject once"),
                );
                break;
            }
        }
        known.then_some(selections)
    }

    pub(super) fn with<'s>(
        &mut self,
        raw: &RawShot,
        sets: &'s [SubjectSet],
        ids: &mut Ids<'s>,
    ) -> Option<Vec<With>> {
        let mut known = true;
        let mut all = Vec::new();
        for (alias, written) in &raw.with.0 {
            if RESERVED.contains(&&**alias) || !is_alias(alias) {
                self.findings.push(
                    Finding::error("manifest::alias", format!("`{}` can't be an alias", &**alias))
                        .at(alias.place, "this name")
                        .help(format!(
                            "a letter first, then letters, digits or `_`; not {}",
                            RESERVED.join(", ")
                        )),
                );
                known = false;
                continue;
            }
            let mut choices: Vec<SubjectRef> = Vec::new();
            for name in &written.value.items {
                match self.find(name, sets, ids) {
                    Found::Set(set) => {
                        let count = u32::try_from(sets[set as usize].subjects.len());
                        choices.extend(
                            (0..count.unwrap_or(u32::MAX))
                                .map(|subject| SubjectRef { set, subject }),
                        );
                    }
                    Found::One(at) => choices.push(at),
                    Found::Broken | Found::Nothing => known = false,
                }
            }
            let mut seen = HashSet::new();
            choices.retain(|at| seen.insert(*at));
            let place = written.place;
            if choices.is_empty() && known {
                self.findings.push(
                    Finding::error(
                        "manifest::with_nobody",
                        format!("`{}` stands for no subject", &**alias),
                    )
                    .at(place, "nobody")
                    .help("name a set that has subjects, or one subject as `set.id`"),
                );
            }
            all.push(With { alias: alias.text.clone(), choices, place });
        }
        known.then_some(all)
    }

    fn find<'s>(&mut self, name: &Text, sets: &'s [SubjectSet], ids: &mut Ids<'s>) -> Found {
        let whole = name.trim();
        let (set_name, id) = whole.split_once('.').map_or((whole, None), |(s, i)| (s, Some(i)));
        if self.broken_sets.contains(set_name) {
            return Found::Broken;
        }
        if let Some(set) = sets.iter().position(|s| &*s.name == whole) {
            return Found::Set(index(set));
        }
        let Some(set) = sets.iter().position(|s| &*s.name == set_name) else {
            let names = || sets.iter().map(|s| &*s.name);
            let help = match nearest(set_name, names()) {
                Some(meant) => {
                    let rest = id.map_or_else(String::new, |id| format!(".{id}"));
                    format!("did you mean `{meant}{rest}`?")
                }
                None if sets.is_empty() => "the manifest has no `subjects:`".to_owned(),
                None => match sets.iter().find(|s| s.subjects.iter().any(|x| *x.id == *whole)) {
                    Some(set) => format!("write `{}.{whole}`", set.name),
                    None => format!("sets: {}", names().collect::<Vec<_>>().join(", ")),
                },
            };
            self.findings.push(
                Finding::error(
                    "manifest::unknown_subject",
                    format!("there is no set of subjects called `{set_name}`"),
                )
                .at(name.place, "not in `subjects:`")
                .help(help),
            );
            return Found::Nothing;
        };
        let id = id.unwrap_or_default();
        let subjects = &sets[set].subjects;
        let by_id = ids.entry(set).or_insert_with(|| {
            (0u32..).zip(subjects).map(|(i, subject)| (&*subject.id, i)).collect()
        });
        if let Some(subject) = by_id.get(id) {
            return Found::One(SubjectRef { set: index(set), subject: *subject });
        }
        let help = match nearest(id, subjects.iter().map(|s| &*s.id)) {
            Some(meant) => format!("did you mean `{set_name}.{meant}`?"),
            None => format!("`{set_name}` has {} subjects", subjects.len()),
        };
        self.findings.push(
            Finding::error(
                "manifest::unknown_subject",
                format!("`{set_name}` has no subject `{id}`"),
            )
            .at(name.place, "no such subject")
            .help(help),
        );
        Found::Nothing
    }
}

enum Found {
    Set(u32),
    One(SubjectRef),
    /// It stands in a manifest, but could not be read.
    Broken,
    Nothing,
}

fn index(position: usize) -> u32 {
    u32::try_from(position).expect("limits keep sets below 2^32")
}
