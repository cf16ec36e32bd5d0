//! Variants: every combination of a shot's axes, decided once for all its subjects.
//!
//! What lives here: the product of matrix axes and of further subjects with several choices,
//! and each combination's name in addresses. What never does: subjects of the shot itself.

use std::collections::HashSet;
use std::sync::Arc;

use super::channels::{self, Own, Reach};
use super::choose::{self, Auto, Market};
use super::job::JobSettings;
use super::pictures::Framing;
use super::settings::{self, AxisValue, Wanted};
use crate::address::escape_into;
use crate::channel::Channel;
use crate::diagnostic::{Finding, Findings};
use crate::limits::Limits;
use crate::manifest::{Axis, Catalogue, Shot, SubjectRef, With};
use crate::models::ModelCard;

/// One combination of a shot's axes.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    /// Its part of the address: `aspect=9:16,host=cast.mia`, sorted by name; absent for a shot
    /// without axes.
    pub text: Option<Box<str>>,
    /// Its values, sorted by name, as templates see them in `variant`.
    pub values: Box<[(Arc<str>, Arc<str>)]>,
    /// Which subject each alias stands for, in the manifest's order.
    pub with: Box<[(Arc<str>, SubjectRef)]>,
    /// The model.
    pub card: Arc<ModelCard>,
    /// Settings; the seed is the job's own.
    pub settings: JobSettings,
    /// How its pictures are made to fit.
    pub framing: Framing,
    /// The channel that it is for.
    pub channel: Option<Arc<Channel>>,
    /// What the model is chosen from, where the manifest leaves it open. Until then, the model
    /// and its settings are those of any candidate.
    pub auto: Option<Arc<Auto>>,
}

/// What varies in a shot.
#[derive(Clone, Copy)]
enum Dimension<'c> {
    Axis(&'c Axis),
    With(&'c With),
}

impl<'c> Dimension<'c> {
    fn name(self) -> &'c Arc<str> {
        match self {
            Dimension::Axis(axis) => &axis.name,
            Dimension::With(with) => &with.alias,
        }
    }

    fn len(self) -> usize {
        match self {
            Dimension::Axis(axis) => axis.values.len(),
            Dimension::With(with) => with.choices.len(),
        }
    }
}

/// Every variant of a shot, in the order of its axes' names, the last changing fastest. Problems
/// become findings; the variants that have them are left out.
pub(super) fn variants_of(
    catalogue: &Catalogue,
    shot: &Shot,
    market: Market<'_>,
    said: &mut Said,
    findings: &mut Findings,
) -> Vec<Variant> {
    let dimensions = dimensions_of(shot, findings);
    let count = dimensions.iter().try_fold(1u64, |n, d| n.checked_mul(d.len() as u64));
    let limit = catalogue.limits.jobs;
    let Some(count) = count.filter(|n| n.saturating_mul(u64::from(shot.takes)) <= limit) else {
        let message = format!("the variants and takes of shot `{}` are above {limit}", shot.id);
        let finding = Finding::error("plan::too_many_jobs", message);
        let help = Limits::how_to_raise("jobs");
        findings.push(finding.at(shot.place, "this shot's matrix").help(help));
        return Vec::new();
    };
    // Looked for once: a shot may have many subjects, and many variants.
    let own = shot.has_channel().then(|| Own::of(catalogue, shot));
    let mut variants = Vec::new();
    for index in 0..count {
        let mut found = Findings::default();
        let combination = Combination::at(index, &dimensions, catalogue, shot);
        let resolved = combination.resolve((catalogue, shot), own.as_ref(), market, &mut found);
        said.pass_on(found, findings);
        if let Some(resolved) = resolved {
            variants.push(combination.into_variant(resolved));
        }
    }
    variants
}

/// Settings are resolved for each combination of each shot, but each problem is said once: a
/// default that a model can't do is one mistake, however many shots have it.
#[derive(Default)]
pub(super) struct Said(HashSet<(String, Option<crate::diagnostic::Place>)>);

impl Said {
    pub fn pass_on(&mut self, found: Findings, findings: &mut Findings) {
        for finding in found.items() {
            let place = finding.place.as_ref().map(|(place, _)| *place);
            if self.0.insert((finding.message.clone(), place)) {
                findings.push(finding.clone());
            }
        }
    }
}

/// Axes and aliases with several choices, sorted by name; two of the same name are an error.
fn dimensions_of<'c>(shot: &'c Shot, findings: &mut Findings) -> Vec<Dimension<'c>> {
    let several = shot.with.iter().filter(|w| w.choices.len() != 1);
    let mut dimensions: Vec<Dimension<'_>> =
        shot.axes.iter().map(Dimension::Axis).chain(several.map(Dimension::With)).collect();
    dimensions.sort_by(|a, b| a.name().cmp(b.name()));
    for pair in dimensions.windows(2) {
        if pair[0].name() == pair[1].name() {
            let message = format!("`{}` is both an axis and a further subject", pair[0].name());
            let place = shot.with.iter().find(|w| w.alias == *pair[0].name()).map(|w| w.place);
            let finding = Finding::error("plan::duplicate_axis", message)
                .help("give the further subject another alias");
            findings.push(finding.at(place.unwrap_or(shot.place), "the same name"));
        }
    }
    dimensions
}

/// What a combination asks of its model.
struct Resolved {
    card: Arc<ModelCard>,
    settings: JobSettings,
    framing: Framing,
    channel: Option<Arc<Channel>>,
    auto: Option<Arc<Auto>>,
}

/// One combination on its way to a variant.
struct Combination {
    axes: Vec<AxisValue>,
    values: Vec<(Arc<str>, Arc<str>)>,
    with: Vec<(Arc<str>, SubjectRef)>,
}

impl Combination {
    fn at(
        mut index: u64,
        dimensions: &[Dimension<'_>],
        catalogue: &Catalogue,
        shot: &Shot,
    ) -> Self {
        let mut picks = vec![0usize; dimensions.len()];
        for (pick, dimension) in picks.iter_mut().zip(dimensions).rev() {
            let len = dimension.len().max(1) as u64;
            // The remainder is below a length that is a usize.
            *pick = (index % len) as usize;
            index /= len;
        }
        let mut axes = Vec::new();
        let mut values = Vec::new();
        let mut chosen: Vec<(&Arc<str>, SubjectRef)> = Vec::new();
        for (pick, dimension) in picks.into_iter().zip(dimensions) {
            match dimension {
                Dimension::Axis(axis) => {
                    let (value, place) = &axis.values[pick];
                    let (name, value, place) = (axis.name.clone(), value.clone(), *place);
                    values.push((name.clone(), value.clone()));
                    axes.push(AxisValue { name, value, place });
                }
                Dimension::With(with) => {
                    let choice = with.choices[pick];
                    let set = &catalogue.sets[choice.set as usize];
                    let subject = &set.subjects[choice.subject as usize];
                    values
                        .push((with.alias.clone(), format!("{}.{}", set.name, subject.id).into()));
                    chosen.push((&with.alias, choice));
                }
            }
        }
        let stands_for = |with: &With| {
            let choice = chosen.iter().find(|(alias, _)| **alias == with.alias).map(|(_, c)| *c);
            Some((with.alias.clone(), choice.or(with.choices.first().copied())?))
        };
        let with = shot.with.iter().filter_map(stands_for).collect();
        Combination { axes, values, with }
    }

    /// Its model and settings; of a model that is left open, those of its first candidate.
    fn resolve(
        &self,
        (catalogue, shot): (&Catalogue, &Shot),
        own: Option<&Own>,
        market: Market<'_>,
        findings: &mut Findings,
    ) -> Option<Resolved> {
        let named = settings::model(shot, &self.axes, market.shelf, findings)?;
        let known = match &named {
            settings::Named::Card(card) => Some(&**card),
            settings::Named::Auto(_) => None,
        };
        let reach = || {
            let own = own.expect("a shot that has a channel was looked at for one");
            Reach::of(catalogue, shot, &self.with, own)
        };
        let channels = market.channels;
        let demand = channels::demand(shot, &self.axes, channels, known, reach, findings).ok()?;
        let wanted = Wanted { shot, axes: &self.axes, demand: demand.as_ref() };
        let channel = demand.as_ref().map(|demand| demand.channel.clone());
        match named {
            settings::Named::Card(card) => {
                let (settings, framing) = settings::resolve(wanted, &card, market.shelf, findings)?;
                Some(Resolved { card, settings, framing, channel, auto: None })
            }
            settings::Named::Auto(place) => {
                let auto = choose::auto(wanted, place, market, findings)?;
                let Some(first) = auto.candidates.first() else {
                    let named = self.text();
                    findings.push(choose::none_fits(
                        shot,
                        named.as_deref(),
                        (auto.place, &auto.out),
                        None,
                    ));
                    return None;
                };
                Some(Resolved {
                    card: first.card.clone(),
                    settings: first.settings.clone(),
                    framing: first.framing,
                    channel,
                    auto: Some(Arc::new(auto)),
                })
            }
        }
    }

    /// Its name in addresses; absent for a shot without axes.
    fn text(&self) -> Option<Box<str>> {
        let mut text = String::new();
        for (name, value) in &self.values {
            if !text.is_empty() {
                text.push(',');
            }
            escape_into(name, &mut text);
            text.push('=');
            escape_into(value, &mut text);
        }
        (!text.is_empty()).then(|| text.into_boxed_str())
    }

    fn into_variant(self, resolved: Resolved) -> Variant {
        let Resolved { card, settings, framing, channel, auto } = resolved;
        Variant {
            text: self.text(),
            values: self.values.into(),
            with: self.with.into(),
            card,
            settings,
            framing,
            channel,
            auto,
        }
    }
}
