//! What holds for a shot: its own `consistency:`, and the defaults' where it says nothing.
//!
//! What lives here: merging key by key, and everything that can be wrong with it. What never does:
//! scores.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::written::{RawAsked, RawBounds, RawConsistency, RawDecode};
use super::{Bounds, Consistency, ConsistencyRule, MIN, OnFail, REVIEWED};
use crate::diagnostic::Finding;
use crate::manifest::catalogue::{Reference, Role, Selection, Shot, SubjectSet, With};
use crate::manifest::load::Loader;
use crate::manifest::raw::{RawDefaults, RawShot};
use crate::yaml::Placed;

/// Every role, in the order of the manifest's documentation.
const ROLES: [Role; 8] = [
    Role::Identity,
    Role::FirstFrame,
    Role::LastFrame,
    Role::Wardrobe,
    Role::Environment,
    Role::Mood,
    Role::Framing,
    Role::Style,
];

/// Mappings from the nearest to the farthest, and what each key comes to.
struct Layers<'r>(Vec<&'r RawAsked>);

impl<'r> Layers<'r> {
    /// The nearest value of a key, and how far away it stands.
    fn nearest<T: 'r>(
        &self,
        of: impl Fn(&'r RawAsked) -> Option<&'r Placed<T>>,
    ) -> Option<(usize, &'r Placed<T>)> {
        self.0.iter().enumerate().find_map(|(far, asked)| Some((far, of(asked)?)))
    }

    fn value<T: Copy + 'r>(&self, of: impl Fn(&'r RawAsked) -> Option<&'r Placed<T>>) -> Option<T> {
        self.nearest(of).map(|(_, placed)| placed.value)
    }

    fn bounds_of(&self, role: Role) -> Option<WrittenBounds<'r>> {
        let of = |asked: &'r RawAsked| -> Option<&'r RawBounds> { asked.roles.get(role) };
        let min = self.nearest(|asked| of(asked)?.min.as_ref());
        let fail_below = self.nearest(|asked| of(asked)?.fail_below.as_ref());
        (min.is_some() || fail_below.is_some()).then_some(WrittenBounds { min, fail_below })
    }
}

/// Two bounds, each with how far away it stands.
#[derive(Clone, Copy)]
struct WrittenBounds<'r> {
    min: Option<(usize, &'r Placed<u8>)>,
    fail_below: Option<(usize, &'r Placed<u8>)>,
}

impl WrittenBounds<'_> {
    /// What they come to, or why they are none.
    fn settle(self) -> Result<Bounds, Box<Finding>> {
        let min = self.min.map_or(MIN, |(_, min)| min.value);
        let Some((far, fail)) = self.fail_below else {
            return Ok(Bounds { min, fail_below: min.saturating_sub(REVIEWED) });
        };
        if fail.value <= min {
            return Ok(Bounds { min, fail_below: fail.value });
        }
        let message = format!("clips would pass from {min} on, and fail below {}", fail.value);
        let finding = Finding::error("manifest::consistency", message);
        let help = format!(
            "`fail_below` is at most `min`; without it, it is {REVIEWED} below `min`, here {}",
            min.saturating_sub(REVIEWED)
        );
        let finding = match self.min {
            // What stands nearer is what somebody thought of last.
            Some((nearer, placed)) if nearer < far => finding
                .at(placed.place, "this `min`")
                .also(fail.place, "this `fail_below` holds here too"),
            Some((_, placed)) => {
                finding.at(fail.place, "this `fail_below`").also(placed.place, "this `min`")
            }
            None => finding.at(fail.place, format!("`min` is {MIN}, as nothing else is written")),
        };
        Err(Box::new(finding.help(help)))
    }
}

impl Loader<'_> {
    /// What is asked of a shot's clips.
    pub(in crate::manifest) fn consistency(
        &mut self,
        raw: &RawShot,
        defaults: Option<&RawDefaults>,
    ) -> Consistency {
        let own = raw.consistency.as_ref();
        let default = defaults.and_then(|d| d.consistency.as_ref());
        let Some(nearest) = own.or(default) else { return Consistency::default() };
        let place = Some(nearest.place);
        if matches!(nearest.value, RawConsistency::Off) {
            return Consistency { rule: None, place };
        }
        let layers = own.into_iter().chain(default).filter_map(asked_of).collect();
        let rule = self.asked(&Layers(layers), own.and_then(asked_of));
        Consistency { rule: Some(Arc::new(rule)), place }
    }

    fn asked(&mut self, layers: &Layers<'_>, own: Option<&RawAsked>) -> ConsistencyRule {
        let general = WrittenBounds {
            min: layers.nearest(|asked| asked.min.as_ref()),
            fail_below: layers.nearest(|asked| asked.fail_below.as_ref()),
        };
        let bounds = self.settled(general);
        let mut roles = BTreeMap::new();
        for role in ROLES {
            let Some(written) = layers.bounds_of(role) else { continue };
            let settled = self.settled(WrittenBounds {
                min: written.min.or(general.min),
                fail_below: written.fail_below.or(general.fail_below),
            });
            if settled != bounds {
                roles.insert(role, settled);
            }
        }
        let on_fail = layers.value(|asked| asked.on_fail.as_ref()).unwrap_or_default();
        let written = own.and_then(|own| own.max_retakes.as_ref());
        if let Some(written) = written.filter(|_| on_fail != OnFail::Retake) {
            self.once(retakes_of_nothing(written, on_fail));
        }
        let max_retakes = match on_fail {
            OnFail::Retake => layers.value(|asked| asked.max_retakes.as_ref()).unwrap_or(1),
            OnFail::Flag | OnFail::Hold => 0,
        };
        let decode = layers.value(|asked| asked.decode.as_ref());
        let ffmpeg = decode == Some(RawDecode::Ffmpeg);
        ConsistencyRule { bounds, roles, on_fail, max_retakes, ffmpeg }
    }

    fn settled(&mut self, written: WrittenBounds<'_>) -> Bounds {
        written.settle().unwrap_or_else(|finding| {
            self.once(*finding);
            Bounds::default()
        })
    }

    /// What a shot asks for that none of its pictures can be held to.
    pub(in crate::manifest) fn check_consistency(
        &mut self,
        raw: &RawShot,
        selects: &[Selection],
        with: &[With],
        references: &[Reference],
        sets: &[SubjectSet],
    ) {
        let Some((written, asked)) = raw.consistency.as_ref().and_then(|w| Some((w, asked_of(w)?)))
        else {
            return;
        };
        let pictures = Pictures { selects, with, own: references, sets };
        if !self.broken_sets.is_empty() {
            return;
        }
        if pictures.all().next().is_none() {
            let message = "the shot has no pictures to hold its clips against";
            let finding = Finding::warning("manifest::consistency_ignored", message)
                .at(written.place, "this has no effect")
                .help("give the shot or its subjects references, or remove it");
            self.findings.push(finding);
            return;
        }
        self.unused_roles(asked, &pictures.roles());
    }

    /// The same of the defaults, which hold for every shot.
    pub(in crate::manifest) fn check_default_consistency(
        &mut self,
        defaults: Option<&RawDefaults>,
        shots: &[Shot],
        sets: &[SubjectSet],
    ) {
        let written = defaults.and_then(|d| d.consistency.as_ref());
        let Some(asked) = written.and_then(asked_of) else { return };
        let retaken = |shot: &Shot| {
            shot.settings.consistency.rule.as_ref().is_some_and(|r| r.on_fail == OnFail::Retake)
        };
        // A shot may be what asks for the retakes of which the defaults say how many.
        if let Some(retakes) = asked.max_retakes.as_ref().filter(|_| !shots.iter().any(retaken)) {
            let on_fail = asked.on_fail.as_ref().map(|on_fail| on_fail.value);
            let on_fail = on_fail.unwrap_or_default();
            if on_fail != OnFail::Retake {
                self.once(retakes_of_nothing(retakes, on_fail));
            }
        }
        if shots.is_empty() || !self.broken_sets.is_empty() {
            return;
        }
        let mut used = BTreeSet::new();
        for shot in shots {
            let pictures =
                Pictures { selects: &shot.selects, with: &shot.with, own: &shot.references, sets };
            used.extend(pictures.roles());
        }
        self.unused_roles(asked, &used);
    }

    fn unused_roles(&mut self, asked: &RawAsked, used: &BTreeSet<Role>) {
        for role in ROLES.into_iter().filter(|role| !used.contains(role)) {
            let Some(bounds) = asked.roles.get(role) else { continue };
            let Some(placed) = bounds.min.as_ref().or(bounds.fail_below.as_ref()) else { continue };
            let message =
                format!("no picture here is a reference with the role `{}`", role.as_str());
            let names: Vec<&str> = used.iter().map(|role| role.as_str()).collect();
            let help = match names.as_slice() {
                [] => "there are no pictures at all".to_owned(),
                names => format!("pictures here have the roles: {}", names.join(", ")),
            };
            let finding = Finding::warning("manifest::consistency_ignored", message)
                .at(placed.place, "this has no effect")
                .help(help);
            self.once(finding);
        }
    }
}

/// The pictures that a shot's clips may be held against.
struct Pictures<'s> {
    selects: &'s [Selection],
    with: &'s [With],
    own: &'s [Reference],
    sets: &'s [SubjectSet],
}

impl<'s> Pictures<'s> {
    fn all(&self) -> impl Iterator<Item = &'s Reference> {
        let sets = self.sets;
        let of_selection = move |selection: &'s Selection| {
            let subjects = &sets[selection.set as usize].subjects;
            let only = selection.subject.map(|one| one as usize);
            let (start, end) = only.map_or((0, subjects.len()), |one| (one, one + 1));
            subjects[start..end].iter()
        };
        let further = self.with.iter().flat_map(|with| &with.choices);
        let further = further.map(move |at| &sets[at.set as usize].subjects[at.subject as usize]);
        let subjects = self.selects.iter().flat_map(of_selection).chain(further);
        self.own.iter().chain(subjects.flat_map(|subject| &subject.references))
    }

    /// The roles that they have.
    fn roles(&self) -> BTreeSet<Role> {
        self.all().map(|reference| reference.role).collect()
    }
}

fn asked_of(written: &Placed<RawConsistency>) -> Option<&RawAsked> {
    match &written.value {
        RawConsistency::Off => None,
        RawConsistency::Asked(asked) => Some(asked),
    }
}

fn retakes_of_nothing(written: &Placed<u32>, on_fail: OnFail) -> Finding {
    let message = format!("`max_retakes` has no effect with `on_fail: {}`", on_fail.as_str());
    Finding::error("manifest::consistency", message)
        .at(written.place, "nothing is made again")
        .help("write `on_fail: retake` beside it, or remove it")
}
