//! Real people among characters, and their consent.
//!
//! What lives here: the keys `real_person` and `consent` of sets and items. What never does: what
//! a job without consent means (that is `plan::guard`).

use super::catalogue::{SubjectKind, SubjectSet};
use super::fill::{Fill, View, verbatim};
use super::load::Loader;
use super::names::{self, Scope, Use};
use super::raw::{RawItem, RawSet};
use crate::diagnostic::Finding;
use crate::template::{Engine, TemplateError};
use crate::yaml::{Placed, Text};

/// A note of consent, filled in for one subject; an empty one is none.
pub(super) fn note(
    template: Option<&Fill<'_, '_>>,
    view: &View<'_>,
) -> Result<Option<Box<str>>, TemplateError> {
    let text = template.map(|fill| fill.render(view, verbatim)).transpose()?;
    let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    Ok(text.map(Box::from))
}

impl Loader<'_> {
    /// Whether the rows of a feed are real people, and the template of their consent.
    pub(super) fn people_of_rows(
        &mut self,
        raw: &RawSet,
        set: &SubjectSet,
    ) -> (bool, Option<Text>) {
        let real = self.is_real(set, raw.real_person.as_ref());
        let Some(consent) = &raw.consent else { return (real, None) };
        if !real {
            self.about_nobody(raw.real_person.as_ref(), consent);
            return (real, None);
        }
        (real, self.can_be_filled_in(set, consent).then(|| consent.clone()))
    }

    /// A set's note must be about somebody among its items.
    pub(super) fn people_of_items(&mut self, raw: &RawSet, items: &[RawItem]) {
        let Some(consent) = &raw.consent else { return };
        let all = items.iter().filter_map(|item| item.real_person.as_ref());
        if !all.chain(&raw.real_person).any(|written| written.value) {
            self.about_nobody(None, consent);
        }
    }

    /// The same of one item: what it says itself, else what its set says.
    pub(super) fn person(
        &mut self,
        set: &SubjectSet,
        raw: &RawSet,
        item: &RawItem,
        cells: &[Option<&str>],
    ) -> (bool, Option<Box<str>>) {
        let said = item.real_person.as_ref().or(raw.real_person.as_ref());
        let real = self.is_real(set, said);
        if let Some(own) = item.consent.as_ref().filter(|_| !real) {
            self.about_nobody(said, own);
        }
        // A set's note is for those of its items that are real people.
        let written = item.consent.as_ref().or(raw.consent.as_ref()).filter(|_| real);
        let Some(written) = written else { return (real, None) };
        if !self.can_be_filled_in(set, written) {
            return (real, None);
        }
        let limits = self.limits.clone();
        let engine = Engine::new(&limits);
        let Ok(fill) = Fill::new(&engine, written, &set.columns) else { return (real, None) };
        let view = View { columns: &set.columns, cells, id: Some(&item.id), env: &self.env };
        match note(Some(&fill), &view) {
            Ok(note) => (real, note),
            Err(error) => {
                let message = format!(
                    "the note of consent of `{}.{}` can't be filled in: {}",
                    set.name, &*item.id, error.message
                );
                let finding = Finding::error("manifest::consent", message);
                self.once(finding.at(written.place, "this note"));
                (real, None)
            }
        }
    }

    /// Whether it says that somebody is real; only characters can be.
    fn is_real(&mut self, set: &SubjectSet, written: Option<&Placed<bool>>) -> bool {
        let Some(written) = written.filter(|written| written.value) else { return false };
        if set.kind == SubjectKind::Character {
            return true;
        }
        let message = format!(
            "only a character can be a real person, but `{}` holds subjects of the kind `{}`",
            set.name,
            set.kind.as_str()
        );
        let finding = Finding::error("manifest::real_person", message)
            .at(written.place, "no person")
            .help("write `kind: character`, or remove it");
        self.once(finding);
        false
    }

    /// Says of a note of consent that there is nobody whose it could be.
    fn about_nobody(&mut self, said: Option<&Placed<bool>>, note: &Text) {
        // Who was said to be real, and can't be, was spoken of.
        if said.is_some_and(|said| said.value) {
            return;
        }
        let message = "`consent` is the note of a real person, but nobody here is one";
        let finding = Finding::error("manifest::consent", message)
            .at(note.place, "whose consent?")
            .help("write `real_person: true` beside it, or remove it");
        self.once(finding);
    }

    /// Whether a note's template only names what there is; says so if not.
    fn can_be_filled_in(&mut self, set: &SubjectSet, written: &Text) -> bool {
        let scope = Scope {
            purpose: Use::Picture,
            sets: vec![set],
            with: Vec::new(),
            axes: Vec::new(),
            channel: false,
            env: &self.env,
        };
        let mut found = crate::diagnostic::Findings::default();
        let fine = names::check(written, &scope, &self.limits, &self.sources, &mut found);
        for finding in found.items() {
            self.once(finding.clone());
        }
        fine
    }
}
