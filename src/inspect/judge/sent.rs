//! What a plan's models make of each picture.

use std::collections::HashMap;

use super::Judging;
use super::alone::percent;
use crate::inspect::background::Subject;
use crate::inspect::finding::{Code, ReferenceFinding};
use crate::inspect::thresholds::threshold;
use crate::inspect::uses::{Handling, Use};
use crate::manifest::Role;
use crate::media::prepare::{Making, Size};
use crate::media::{Facts, PictureId};
use crate::models::Route;

/// Judges every way in which a picture is used; of the same word about the same picture for the same
/// model, only the worst is said.
pub(super) fn judge(judging: Judging<'_>, findings: &mut Vec<ReferenceFinding>) {
    let mut worst: HashMap<(Code, PictureId, Option<String>), ReferenceFinding> = HashMap::new();
    for used in judging.uses.iter() {
        for finding in of_use(judging, used) {
            let key = (finding.code, finding.picture, finding.model.clone());
            let figure = |f: &ReferenceFinding| f.figure.unwrap_or_default();
            match worst.get(&key) {
                Some(known) if figure(known) >= figure(&finding) => {}
                _ => drop(worst.insert(key, finding)),
            }
        }
    }
    findings.extend(worst.into_values());
    frames(judging, findings);
    views(judging, findings);
}

fn of_use(judging: Judging<'_>, used: &Use) -> Vec<ReferenceFinding> {
    let handling = &used.handling;
    let id = handling.picture;
    let Some(facts) = judging.catalogue.pictures.facts(id) else { return Vec::new() };
    let Ok(measures) = judging.looked.of(id) else { return Vec::new() };
    let mut found = vec![enlarged(id, handling, facts)];
    if let Some(making) = handling.recipe.making() {
        found.push(cropped(id, making, measures.subject.as_ref()));
        found.push(padded(id, making));
        found.push(converted(id, making, facts, measures.transparent));
    }
    let of_model = |finding: ReferenceFinding| finding.of_model(&handling.model);
    found.into_iter().flatten().map(of_model).collect()
}

/// Whether the clip shows it whole as one of its frames.
fn is_frame(handling: &Handling) -> bool {
    matches!(handling.route, Route::Image | Route::Frames)
        || matches!(handling.role, Role::FirstFrame | Role::LastFrame)
}

fn enlarged(id: PictureId, handling: &Handling, facts: &Facts) -> Option<ReferenceFinding> {
    let used = match handling.recipe.making() {
        Some(making) => making.window.size,
        None => Size { width: facts.width, height: facts.height },
    };
    let (width, height) = handling.clip;
    let ratio = |clip: u32, own: u32| clip as f32 / own.max(1) as f32;
    let (times, most, what) = match is_frame(handling) {
        true => {
            let times = ratio(width, used.width).min(ratio(height, used.height));
            (times, threshold::enlarged_frame, "as a frame")
        }
        false => {
            let times = ratio(width.max(height), used.width.max(used.height));
            (times, threshold::enlarged_reference, "as a reference")
        }
    };
    if times <= most {
        return None;
    }
    let message = format!(
        "it has {}×{} pixels, the clip {width}×{height}: {what} it is enlarged {times:.1} times",
        facts.width, facts.height
    );
    Some(ReferenceFinding::new(Code::Small, id, message).against(times, most))
}

fn cropped(id: PictureId, making: &Making, subject: Option<&Subject>) -> Option<ReferenceFinding> {
    let (source, window) = (making.source, making.window);
    if window.size == source {
        return None;
    }
    let kept = (f64::from(window.size.width) * f64::from(window.size.height))
        / (f64::from(source.width) * f64::from(source.height));
    let lost = 1.0 - kept as f32;
    let shape = format!("{}:{}", making.canvas.width, making.canvas.height);
    let Some(subject) = subject else {
        let message = format!("cropping it to {shape} takes {} of it away", percent(lost));
        let finding = ReferenceFinding::new(Code::Cropped, id, message);
        return (lost > threshold::cut_off).then(|| finding.against(lost, threshold::cut_off));
    };
    let outside = |low: f32, high: f32, from: u32, size: u32, all: u32| {
        let (from, to) = (from as f32 / all as f32, (from + size) as f32 / all as f32);
        let seen = (high.min(to) - low.max(from)).max(0.0);
        1.0 - seen / (high - low).max(f32::EPSILON)
    };
    let [left, top, right, bottom] = subject.bounds;
    let across = outside(left, right, window.x, window.size.width, source.width);
    let down = outside(top, bottom, window.y, window.size.height, source.height);
    let cut = across.max(down);
    if cut <= threshold::subject_cut {
        return None;
    }
    let side = if across >= down { "width" } else { "height" };
    let message =
        format!("cropping it to {shape} cuts off {} of the subject's {side}", percent(cut));
    let finding = ReferenceFinding::new(Code::CropCutsSubject, id, message);
    Some(finding.against(cut, threshold::subject_cut))
}

fn padded(id: PictureId, making: &Making) -> Option<ReferenceFinding> {
    let area = |size: Size| size.width as f32 * size.height as f32;
    let added = 1.0 - area(making.picture) / area(making.canvas).max(1.0);
    if making.filling.is_none() || added <= threshold::padded {
        return None;
    }
    let (width, height) = (making.canvas.width, making.canvas.height);
    let message = format!("of the {width}×{height} that are sent, {} is padding", percent(added));
    Some(ReferenceFinding::new(Code::Padded, id, message).against(added, threshold::padded))
}

fn converted(
    id: PictureId,
    making: &Making,
    facts: &Facts,
    transparent: bool,
) -> Option<ReferenceFinding> {
    let message = match making.flatten {
        Some(_) if transparent => "it has transparent pixels, which become white".to_owned(),
        _ if facts.traits.cmyk => "it is in printing inks (CMYK) and becomes sRGB".to_owned(),
        _ => return None,
    };
    Some(ReferenceFinding::new(Code::Converted, id, message))
}

fn frames(judging: Judging<'_>, findings: &mut Vec<ReferenceFinding>) {
    let pictures = &judging.catalogue.pictures;
    for frames in judging.uses.frames() {
        let (a, b) = (frames.first_size, frames.last_size);
        let shape = |(width, height): (u32, u32)| width as f32 / height.max(1) as f32;
        let differ = (shape(a) / shape(b)).max(shape(b) / shape(a)) - 1.0;
        let message = format!(
            "shot `{}` goes from {}×{} to {}×{} in `{}`",
            frames.shot,
            a.0,
            a.1,
            b.0,
            b.1,
            pictures.get(frames.last).path
        );
        let finding = ReferenceFinding::new(Code::FramesDiffer, frames.first, message);
        let mut finding = finding.against(differ, threshold::same_shape);
        finding.others = vec![frames.last];
        if differ <= threshold::same_shape {
            finding = finding.advised().helped("one size for both keeps their details alike");
        }
        findings.push(finding);
    }
}

fn views(judging: Judging<'_>, findings: &mut Vec<ReferenceFinding>) {
    for views in judging.uses.views() {
        let few = views.views as f32;
        if few >= threshold::few_views || views.takes < 2 {
            continue;
        }
        let message = format!(
            "shot `{}` sends {} view of `{}`, its model takes up to {} pictures",
            views.shot,
            views.views,
            judging.catalogue.subject_name(views.subject),
            views.takes
        );
        let finding = ReferenceFinding::new(Code::FewViews, views.picture, message);
        findings.push(finding.against(few, threshold::few_views));
    }
}
