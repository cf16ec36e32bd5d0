//! What pictures say only beside each other: the same photograph twice, the odd one of a set.

use std::collections::{BTreeMap, BTreeSet};

use super::Judging;
use super::owners::{Owner, Owners};
use crate::inspect::background::Background;
use crate::inspect::finding::{Code, ReferenceFinding};
use crate::inspect::likeness::near;
use crate::inspect::thresholds::threshold;
use crate::manifest::SubjectRef;
use crate::media::PictureId;

/// Pictures that are named in one message.
const NAMED: usize = 3;

pub(super) fn judge(judging: Judging<'_>, owners: &Owners, findings: &mut Vec<ReferenceFinding>) {
    for group in alike(judging) {
        same_photograph(judging, owners, &group, findings);
    }
    odd_ones(judging, owners, findings);
}

/// Groups of pictures that show the same photograph, with the groups of one file that several
/// subjects name; in the order of their first pictures.
fn alike(judging: Judging<'_>) -> Vec<Vec<PictureId>> {
    let ids: Vec<PictureId> = judging.catalogue.pictures.iter().map(|(id, _)| id).collect();
    let likeness: Vec<_> =
        ids.iter().map(|id| judging.looked.of(*id).as_ref().ok()?.likeness.as_ref()).collect();
    // Each picture points to an earlier one that it is like, or to itself.
    let mut like: Vec<usize> = (0..ids.len()).collect();
    fn first(like: &mut [usize], mut at: usize) -> usize {
        while like[at] != at {
            like[at] = like[like[at]];
            at = like[at];
        }
        at
    }
    for pair in near(&likeness, (threshold::same_colours, threshold::same_place)) {
        let (a, b) = (first(&mut like, pair.first), first(&mut like, pair.second));
        like[a.max(b)] = a.min(b);
    }
    let mut groups: BTreeMap<usize, Vec<PictureId>> = BTreeMap::new();
    for (at, id) in ids.iter().enumerate() {
        groups.entry(first(&mut like, at)).or_default().push(*id);
    }
    groups.into_values().collect()
}

fn same_photograph(
    judging: Judging<'_>,
    owners: &Owners,
    group: &[PictureId],
    findings: &mut Vec<ReferenceFinding>,
) {
    let catalogue = judging.catalogue;
    // By subject, the pictures of the group that it is to be known by.
    let mut by_subject: BTreeMap<SubjectRef, Vec<PictureId>> = BTreeMap::new();
    for id in group {
        for owner in owners.of(*id).filter(|owner| owner.keeps_identity()) {
            let Some(subject) = owner.subject else { continue };
            by_subject.entry(subject).or_default().push(*id);
        }
    }
    for (subject, ids) in &by_subject {
        let ids: Vec<PictureId> =
            ids.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let [one, others @ ..] = &ids[..] else { continue };
        if others.is_empty() {
            continue;
        }
        let name = catalogue.subject_name(*subject);
        let message = format!("`{name}` has the same photograph as {}", listed(judging, others));
        let mut finding = ReferenceFinding::new(Code::SameView, *one, message);
        finding.others = others.to_vec();
        findings.push(finding);
    }
    let subjects: Vec<(SubjectRef, PictureId)> =
        by_subject.iter().map(|(subject, ids)| (*subject, ids[0])).collect();
    let [(_, one), others @ ..] = &subjects[..] else { return };
    if others.is_empty() {
        return;
    }
    let names: Vec<String> = others
        .iter()
        .take(NAMED)
        .map(|(subject, _)| format!("`{}`", catalogue.subject_name(*subject)))
        .collect();
    let more = others.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let pictures: BTreeSet<PictureId> =
        subjects.iter().map(|(_, id)| *id).filter(|id| id != one).collect();
    let message = format!(
        "`{}` and {}{more} show the same photograph",
        catalogue.subject_name(subjects[0].0),
        names.join(", ")
    );
    let mut finding = ReferenceFinding::new(Code::Duplicate, *one, message);
    finding.figure = Some(subjects.len() as f32);
    // One file that several subjects name was meant so more often than copies of it.
    if pictures.is_empty() {
        finding = finding.advised().helped("if they are variants, one clip may do for all of them");
    }
    finding.others = pictures.into_iter().collect();
    findings.push(finding);
}

fn listed(judging: Judging<'_>, ids: &[PictureId]) -> String {
    let name = |id: &PictureId| format!("`{}`", judging.catalogue.pictures.get(*id).path);
    let names: Vec<String> = ids.iter().take(NAMED).map(name).collect();
    match ids.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Busy pictures in sets whose first pictures are plain as a rule.
fn odd_ones(judging: Judging<'_>, owners: &Owners, findings: &mut Vec<ReferenceFinding>) {
    let mut by_set: BTreeMap<u32, Vec<(PictureId, bool)>> = BTreeMap::new();
    for (id, _) in judging.catalogue.pictures.iter() {
        let Ok(measures) = judging.looked.of(id) else { continue };
        let first = |owner: &&Owner| owner.is_first() && owner.keeps_identity();
        let Some(subject) = owners.of(id).find(first).and_then(|owner| owner.subject) else {
            continue;
        };
        let busy = measures.background == Background::Busy;
        by_set.entry(subject.set).or_default().push((id, busy));
    }
    for (set, pictures) in by_set {
        let plain = pictures.iter().filter(|(_, busy)| !busy).count();
        let share = plain as f32 / pictures.len() as f32;
        if (pictures.len() as f32) < threshold::plain_enough || share < threshold::plain_usual {
            continue;
        }
        let name = &judging.catalogue.sets[set as usize].name;
        for (id, _) in pictures.iter().filter(|(_, busy)| *busy) {
            let message = format!(
                "its background is busy; of the first pictures of `{name}`, {plain} of {} are plain",
                pictures.len()
            );
            let finding = ReferenceFinding::new(Code::BusyBackground, *id, message);
            findings.push(finding.against(share, threshold::plain_usual));
        }
    }
}
