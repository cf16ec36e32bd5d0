//! Shots: what they are for, their settings after defaults, and a check of every name they use.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::catalogue::{Axis, Reference, Selection, Shot, SubjectSet, Template, With};
use super::channels::has_channel;
use super::fill::View;
use super::length::AUTO;
use super::load::{File, Loader, template};
use super::names::{self, Scope, Use};
use super::raw::{RawDefaults, RawReference, RawShot};
use super::references::{self, Ground, SpecFill};
use super::selectors::Ids;
use super::settings::settings;
use crate::diagnostic::{Finding, Place, nearest};
use crate::feed::Columns;
use crate::limits::Limits;
use crate::media::prepare::Fit;
use crate::models::AspectRatio;
use crate::template::Engine;
use crate::yaml::Text;

impl Loader<'_> {
    pub(super) fn shots(
        &mut self,
        files: &[File],
        sets: &[SubjectSet],
        out: &Template,
    ) -> Vec<Shot> {
        let alone = without_subject(out, &self.limits);
        let defaults = files[0].raw.defaults.as_ref().map(|d| &d.value);
        let mut ids = Ids::new();
        let mut seen: HashMap<Arc<str>, Place> = HashMap::new();
        let mut shots = Vec::new();
        for file in files {
            for raw in &file.raw.shots {
                let id = raw.id.text.clone();
                self.check_id("shot", &raw.id);
                if let Some(first) = seen.get(&id) {
                    self.findings.push(
                        Finding::error(
                            "manifest::duplicate_shot",
                            format!("two shots are called `{id}`"),
                        )
                        .at(raw.id.place, "again here")
                        .also(*first, "first here")
                        .help("give each shot its own id; clips are found by it"),
                    );
                    continue;
                }
                seen.insert(id, raw.id.place);
                let mut shot = self.shot(raw, &file.folder, defaults, sets, &mut ids);
                if shot.out.is_none() && raw.selects.items.is_empty() {
                    shot.out = Some(alone.clone());
                }
                shots.push(shot);
            }
        }
        self.check_default_consistency(defaults, &shots, sets);
        if let Some(out) = &files[0].raw.out {
            let all_alone = shots.iter().all(|s| s.selects.is_empty());
            let text = if all_alone { alone.source } else { out.text.clone() };
            self.check_out(&Text { text, ..out.clone() }, &shots, sets);
        }
        shots
    }

    /// Ids become parts of addresses, paths and reports.
    pub(super) fn check_id(&mut self, what: &str, id: &Text) {
        if let Some(problem) = id_problem(id) {
            self.findings.push(
                Finding::error("manifest::id", format!("the id of a {what} {problem}"))
                    .at(id.place, "this id"),
            );
        }
    }

    fn shot<'s>(
        &mut self,
        raw: &RawShot,
        folder: &str,
        defaults: Option<&RawDefaults>,
        sets: &'s [SubjectSet],
        ids: &mut Ids<'s>,
    ) -> Shot {
        let errors = self.findings.count(crate::diagnostic::Severity::Error);
        let selects = self.selections(&raw.selects, sets, ids);
        let with = self.with(raw, sets, ids);
        let names_known = errors == self.findings.count(crate::diagnostic::Severity::Error)
            && selects.is_some()
            && with.is_some();
        let (selects, with) = (selects.unwrap_or_default(), with.unwrap_or_default());
        let axes = self.axes(raw);
        if names_known {
            self.check_names(raw, defaults, &selects, &with, &axes, sets);
        }
        let references = self.own_pictures(&raw.references, folder, &raw.id);
        if names_known {
            self.check_uses(raw, &selects, &with, sets);
        }
        self.check_standing_alone(raw);
        self.check_pad(raw, defaults);
        let negative = raw.negative_prompt.as_ref();
        let negative = negative.or_else(|| defaults?.negative_prompt.as_ref());
        let takes = self.takes(raw, defaults);
        let mut settings = settings(raw, defaults);
        let model = settings.model.as_ref().map(|m| m.value.as_str());
        settings.choose = self.choose(raw, defaults, model);
        settings.consistency = self.consistency(raw, defaults);
        if names_known {
            self.check_consistency(raw, &selects, &with, &references, sets);
        }
        Shot {
            id: raw.id.text.clone(),
            place: raw.id.place,
            selects,
            condition: raw.condition.as_ref().map(template),
            tags: raw.tags.items.iter().map(ToString::to_string).collect(),
            with,
            prompt: template(&raw.prompt),
            negative_prompt: negative.map(template),
            references,
            uses: raw
                .uses
                .as_ref()
                .map(|uses| uses.items.iter().map(|name| (name.to_string(), name.place)).collect()),
            route: raw.route.as_ref().map(|r| (r.value, r.place)),
            settings,
            axes,
            takes,
            seeds: raw.seeds.items.iter().map(|s| s.value).collect(),
            out: raw.out.as_ref().map(template),
        }
    }

    /// `where:` and `tags:` choose among subjects, so without any they mean nothing.
    fn check_standing_alone(&mut self, raw: &RawShot) {
        if !raw.selects.items.is_empty() {
            return;
        }
        let condition = raw.condition.as_ref().map(|c| ("where", c.place));
        let tags = raw.tags.items.first().map(|t| ("tags", t.place));
        for (key, place) in condition.into_iter().chain(tags) {
            self.findings.push(
                Finding::error(
                    "manifest::selects_nothing",
                    format!("`{key}` chooses among subjects, but the shot has no `for`"),
                )
                .at(place, "nothing to choose from")
                .help("add `for:` with the name of a set"),
            );
        }
    }

    // ---- settings

    /// A colour of the shot's own that nothing is padded with.
    fn check_pad(&mut self, raw: &RawShot, defaults: Option<&RawDefaults>) {
        let fit = raw.fit.as_ref().or_else(|| defaults?.fit.as_ref());
        let varies = raw.matrix.0.iter().any(|(name, _)| &**name == "fit");
        let Some(pad) = raw.pad.as_ref().filter(|_| !varies) else { return };
        let fit = fit.map_or(Fit::Keep, |fit| fit.value);
        if fit != Fit::Pad {
            let message = format!("`pad` has no effect with `fit: {}`", fit.as_str());
            self.findings.push(
                Finding::warning("manifest::pad_ignored", message)
                    .at(pad.place, "nothing is padded")
                    .help("write `fit: pad`"),
            );
        }
    }

    fn takes(&mut self, raw: &RawShot, defaults: Option<&RawDefaults>) -> u32 {
        let written = raw.takes.as_ref().or_else(|| defaults?.takes.as_ref());
        let seeds = raw.seeds.items.len();
        let takes = match (&raw.takes, written) {
            (None, _) if seeds > 0 => u32::try_from(seeds).unwrap_or(u32::MAX),
            (_, Some(takes)) => takes.value,
            (_, None) => 1,
        };
        if seeds > takes as usize {
            self.findings.push(
                Finding::error(
                    "manifest::seeds",
                    format!("there are {seeds} seeds for {takes} takes"),
                )
                .at(raw.seeds.items[takes as usize].place, "this seed has no take")
                .help(format!("remove `takes`, or write `takes: {seeds}`")),
            );
        }
        let mut seen = HashMap::new();
        for seed in &raw.seeds.items {
            if let Some(first) = seen.insert(seed.value, seed.place) {
                self.findings.push(
                    Finding::error(
                        "manifest::seeds",
                        format!("the seed {} stands twice", seed.value),
                    )
                    .at(seed.place, "again here")
                    .also(first, "first here")
                    .help("two takes with the same seed are the same clip, paid twice"),
                );
            }
        }
        takes
    }

    fn axes(&mut self, raw: &RawShot) -> Vec<Axis> {
        let mut axes = Vec::new();
        for (name, values) in &raw.matrix.0 {
            if !is_alias(name) {
                self.findings.push(
                    Finding::error("manifest::axis", format!("`{}` can't be an axis", &**name))
                        .at(name.place, "this name")
                        .help("a letter first, then letters, digits or `_`"),
                );
                continue;
            }
            if let Some((alias, _)) = raw.with.0.iter().find(|(alias, _)| **alias == **name) {
                self.findings.push(
                    Finding::error(
                        "manifest::axis",
                        format!("`{}` is both an axis and a further subject", &**name),
                    )
                    .at(name.place, "this axis")
                    .also(alias.place, "this alias")
                    .help("give one of them another name"),
                );
                continue;
            }
            if values.value.items.is_empty() {
                self.findings.push(
                    Finding::error(
                        "manifest::axis",
                        format!("the axis `{}` has no values", &**name),
                    )
                    .at(values.place, "an empty list makes no clip at all")
                    .help("remove the axis, or give it values"),
                );
                continue;
            }
            let mut seen: HashMap<&str, Place> = HashMap::new();
            for value in &values.value.items {
                if let Some(needed) = axis_problem(name, value) {
                    self.findings.push(
                        Finding::error(
                            "manifest::wrong_value",
                            format!("a value of the axis `{}` must be {needed}", &**name),
                        )
                        .at(value.place, format!("`{}` is not", &**value)),
                    );
                }
                if let Some(first) = seen.insert(value, value.place) {
                    self.findings.push(
                        Finding::error(
                            "manifest::axis",
                            format!("`{}` stands twice in the axis `{}`", &**value, &**name),
                        )
                        .at(value.place, "again here")
                        .also(first, "first here")
                        .help("the same clip would be made twice"),
                    );
                }
            }
            let values = values.value.items.iter().map(|v| (v.text.clone(), v.place)).collect();
            axes.push(Axis { name: name.text.clone(), values });
        }
        axes.sort_by(|a, b| a.name.cmp(&b.name));
        axes
    }

    // ---- names

    fn check_names(
        &mut self,
        raw: &RawShot,
        defaults: Option<&RawDefaults>,
        selects: &[Selection],
        with: &[With],
        axes: &[Axis],
        sets: &[SubjectSet],
    ) {
        let further = |w: &With| {
            let from: std::collections::BTreeSet<u32> = w.choices.iter().map(|c| c.set).collect();
            from.into_iter().map(|set| &sets[set as usize]).collect::<Vec<_>>()
        };
        let mut selected: Vec<u32> = selects.iter().map(|s| s.set).collect();
        selected.dedup();
        let mut scope = Scope {
            purpose: Use::Prompt,
            sets: selected.iter().map(|set| &sets[*set as usize]).collect(),
            with: with.iter().map(|w| (&*w.alias, further(w))).collect(),
            axes: axes.iter().map(|a| &*a.name).collect(),
            channel: has_channel(raw, defaults),
            env: &self.env,
        };
        let (limits, sources) = (&self.limits, &self.sources);
        let mut check = |text: &Text, scope: &Scope<'_>| {
            names::check(text, scope, limits, sources, &mut self.findings);
        };
        if raw.prompt.trim().is_empty() {
            check_empty(&raw.prompt, &mut self.findings);
        } else {
            check(&raw.prompt, &scope);
            if let Some(negative) = &raw.negative_prompt {
                check(negative, &scope);
            }
            scope.purpose = Use::Out;
            if let Some(out) = &raw.out {
                check(out, &scope);
            }
            scope.purpose = Use::Condition;
            if let Some(condition) = raw.condition.as_ref().filter(|_| !scope.sets.is_empty()) {
                check(condition, &scope);
            }
        }
    }

    /// The manifest's `out:` must make sense for every shot that has none of its own.
    fn check_out(&mut self, out: &Text, shots: &[Shot], sets: &[SubjectSet]) {
        let all: std::collections::BTreeSet<u32> =
            shots.iter().flat_map(|s| &s.selects).map(|s| s.set).collect();
        let everywhere: Vec<&SubjectSet> = if all.is_empty() {
            sets.iter().collect()
        } else {
            all.into_iter().map(|set| &sets[set as usize]).collect()
        };
        let axes: std::collections::BTreeSet<&str> =
            shots.iter().flat_map(|s| s.axes.iter().map(|a| &*a.name)).collect();
        let scope = Scope {
            purpose: Use::Out,
            sets: everywhere,
            with: Vec::new(),
            axes: axes.into_iter().collect(),
            channel: shots.iter().any(Shot::has_channel),
            env: &self.env,
        };
        names::check(out, &scope, &self.limits, &self.sources, &mut self.findings);
    }

    fn check_uses(
        &mut self,
        raw: &RawShot,
        selects: &[Selection],
        with: &[With],
        sets: &[SubjectSet],
    ) {
        let Some(uses) = &raw.uses else { return };
        let mut known: std::collections::BTreeSet<String> = Default::default();
        let mut globs: std::collections::BTreeSet<String> = Default::default();
        let mut add = |prefix: &str, set: u32, only: Option<u32>| {
            let names = self.reference_names.get(&set);
            let set = &sets[set as usize];
            let of_items = set
                .subjects
                .iter()
                .enumerate()
                .filter(|(i, _)| only.is_none_or(|o| o as usize == *i))
                .take(1000)
                .flat_map(|(_, s)| s.references.iter())
                .map(|r| {
                    let glob = r.group.as_ref();
                    globs.extend(glob.map(|name| format!("{prefix}{name}")));
                    glob.unwrap_or(&r.name).to_string()
                });
            let of_set = names.into_iter().flatten().map(ToString::to_string);
            known.extend(of_set.chain(of_items).map(|n| format!("{prefix}{n}")));
        };
        for selection in selects {
            add("", selection.set, selection.subject);
        }
        for w in with {
            for choice in w.choices.iter().take(1000) {
                add(&format!("{}.", w.alias), choice.set, Some(choice.subject));
            }
        }
        known.extend(with.iter().map(|w| w.alias.to_string()));
        let own = raw.references.iter();
        known.extend(own.map(|r| {
            r.name.as_ref().map_or(r.role.unwrap_or_default().as_str(), |n| n).to_owned()
        }));
        for name in &uses.items {
            // One picture of a glob, `detail-2`, is known by the glob's name.
            let of_glob = name
                .rsplit_once('-')
                .filter(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            if known.contains(&**name) || of_glob.is_some_and(|(glob, _)| globs.contains(glob)) {
                continue;
            }
            let help = match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() && selects.is_empty() => {
                    "the shot has no references, and no `for:`".to_owned()
                }
                None if known.is_empty() => "the shot's subjects have no references".to_owned(),
                None => {
                    format!("references: {}", known.iter().cloned().collect::<Vec<_>>().join(", "))
                }
            };
            self.findings.push(
                Finding::error(
                    "manifest::unknown_reference",
                    format!("no reference is called `{}`", &**name),
                )
                .at(name.place, "not a reference of this shot")
                .help(help),
            );
        }
    }

    /// The shot's own pictures, the same for every subject.
    fn own_pictures(&mut self, raw: &[RawReference], folder: &str, id: &Text) -> Vec<Reference> {
        let columns = Columns::default();
        let specs = references::specs(raw, &[], false, &mut self.findings);
        let scope = Scope {
            purpose: Use::Picture,
            sets: Vec::new(),
            with: Vec::new(),
            axes: Vec::new(),
            channel: false,
            env: &self.env,
        };
        let limits = self.limits.clone();
        let engine = Engine::new(&limits);
        let mut good = Vec::new();
        let mut fills = Vec::new();
        for spec in &specs {
            let mut fine = |text: &Text| {
                names::check(text, &scope, &limits, &self.sources, &mut self.findings)
            };
            // Each is looked at, so that every slip is said.
            let wrong = spec.templates().filter(|text| !fine(text)).count();
            if wrong == 0
                && let Ok(fill) = SpecFill::new(&engine, spec, &columns)
            {
                good.push(spec.clone());
                fills.push(fill);
            }
        }
        self.optional.extend(good.iter().filter(|s| s.optional).map(|s| s.path.place));
        let view = View { columns: &columns, cells: &[], id: None, env: &self.env };
        let who = || format!("shot `{}`", &**id);
        let mut findings = Vec::new();
        let named = references::name_pictures(
            &good,
            &fills,
            &view,
            &[],
            &Ground { workspace: &self.workspace, folder, of_feed: folder },
            &who,
            &mut findings,
        );
        findings.into_iter().for_each(|f| self.findings.push(f));
        self.entering.references(&good, named, &mut self.pictures).into_vec()
    }
}

/// What a value of a setting's axis must be, when it is not.
fn axis_problem(axis: &str, value: &str) -> Option<&'static str> {
    let fine = match axis {
        "aspect" => AspectRatio::parse(value).is_some(),
        "duration" => {
            value == AUTO || Decimal::from_str_exact(value).is_ok_and(|d| d > Decimal::ZERO)
        }
        "fps" => value.parse::<u32>().is_ok_and(|n| (1..=240).contains(&n)),
        "fit" => Fit::parse(value).is_some(),
        _ => !value.trim().is_empty(),
    };
    let needed = match axis {
        "aspect" => "an aspect such as 9:16",
        "duration" => "a number of seconds above 0, or auto",
        "fps" => "a whole number from 1 to 240",
        "fit" => "keep, pad, crop or blur",
        _ => "some text",
    };
    (!fine).then_some(needed)
}

/// Why a text can't be an id.
pub(super) fn id_problem(id: &str) -> Option<&'static str> {
    if id.trim().is_empty() {
        Some("is empty")
    } else if id.len() > 200 {
        Some("is longer than 200 bytes")
    } else if id.chars().any(char::is_control) {
        Some("has a control character")
    } else if matches!(id, "." | "..") || id.trim() != id {
        Some("can't be `.` or `..`, nor start or end with a space")
    } else {
        None
    }
}

/// Whether templates can use it as a name.
pub(super) fn is_alias(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A path template for shots without a subject: the parts that name one are left out, so that
/// one `out:` serves all shots.
fn without_subject(out: &Template, limits: &Limits) -> Template {
    let engine = Engine::new(limits);
    let of_shot = ["shot", "variant", "channel", "take", "job", "env"];
    let stays = |part: &&str| {
        engine.template(part).is_ok_and(|compiled| {
            let names = compiled.undeclared();
            names.iter().all(|name| of_shot.contains(&name.split('.').next().unwrap_or_default()))
        })
    };
    let parts: Vec<&str> = out.source.split('/').collect();
    let broken = out.source.contains("{%") || parts.iter().any(|p| engine.template(p).is_err());
    if broken || parts.iter().all(&stays) {
        return out.clone();
    }
    let mut kept: Vec<&str> = parts.iter().copied().filter(|p| stays(p)).collect();
    if parts.last().is_some_and(|name| !stays(name)) {
        kept.push("{{ shot.id }}-{{ job.short }}.mp4");
    }
    Template { source: Arc::from(kept.join("/")), place: out.place, literal: false }
}

fn check_empty(prompt: &Text, findings: &mut crate::diagnostic::Findings) {
    findings.push(
        Finding::error("manifest::empty_prompt", "the prompt is empty")
            .at(prompt.place, "nothing is written here")
            .help("say what happens in the clip, for instance \"the mug turns slowly\""),
    );
}
