//! What one picture's own measures say.

use super::Judging;
use super::owners::Owner;
use crate::inspect::background::Background;
use crate::inspect::finding::{Code, ReferenceFinding};
use crate::inspect::measure::Measures;
use crate::inspect::thresholds::threshold;
use crate::limits::Limits;
use crate::manifest::SubjectKind;
use crate::media::{Facts, Format, PictureId, PictureProblem};

/// Judges one picture by itself.
pub(super) fn judge<'o>(
    judging: Judging<'_>,
    owners: impl Iterator<Item = &'o Owner> + Clone,
    id: PictureId,
    findings: &mut Vec<ReferenceFinding>,
) {
    let measures = match judging.looked.of(id) {
        Ok(measures) => measures,
        // It may be a good one; `kinora fetch` is what is next.
        Err(PictureProblem::NotFetched) => return,
        Err(problem) => {
            findings.push(unreadable(id, problem));
            return;
        }
    };
    let picture = judging.catalogue.pictures.get(id);
    let mut say = |finding: Option<ReferenceFinding>| findings.extend(finding);
    if let Some(facts) = judging.catalogue.pictures.facts(id) {
        if picture.source.is_none() {
            say(wrong_ending(id, &picture.path, facts));
        }
        say(several_frames(id, facts));
    }
    if !owners.clone().any(Owner::is_shown) {
        return;
    }
    if is_empty(measures) {
        let message = "it is one plain colour: there is nothing on it";
        say(Some(ReferenceFinding::new(Code::Empty, id, message)));
        return;
    }
    say(blurred(id, measures));
    say(bars(id, measures));
    say(marks(id, measures));
    say(exposure(id, measures));
    if owners.clone().any(Owner::keeps_identity) {
        say(faint(id, measures));
        say(small(id, measures));
        let of_first = |owner: &&Owner| owner.is_first() && owner.keeps_identity();
        if let Some(owner) = owners.clone().find(of_first) {
            say(cut(id, measures, owner));
        }
    }
}

fn unreadable(id: PictureId, problem: &PictureProblem) -> ReferenceFinding {
    let finding = ReferenceFinding::new(Code::Unreadable, id, problem.to_string());
    match problem {
        PictureProblem::Missing => finding.helped("put the file there, or correct its path"),
        PictureProblem::TooLarge { limit, .. } => {
            ReferenceFinding { advice: Some(Limits::how_to_raise(limit)), ..finding }
        }
        other => match other.help() {
            Some(help) => finding.helped(help),
            None => finding,
        },
    }
}

/// Endings of each format's files.
fn endings(format: Format) -> &'static [&'static str] {
    match format {
        Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
        Format::Png => &["png"],
        Format::Webp => &["webp"],
        Format::Avif => &["avif", "avifs"],
        Format::Tiff => &["tif", "tiff"],
        Format::Bmp => &["bmp", "dib"],
        Format::Gif => &["gif"],
    }
}

/// Endings that name a kind of picture or document.
const ENDINGS: [&str; 21] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "avif", "avifs", "tif", "tiff", "bmp", "dib",
    "gif", "heic", "heif", "jxl", "jp2", "svg", "psd", "pdf", "txt",
];

fn wrong_ending(id: PictureId, path: &str, facts: &Facts) -> Option<ReferenceFinding> {
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    // `mug.v2` says nothing of a format.
    let says_another = ENDINGS.contains(&&*ending) && !endings(facts.format).contains(&&*ending);
    if !says_another {
        return None;
    }
    let message = format!("its bytes are {}, its name ends with .{ending}", facts.format.as_str());
    Some(ReferenceFinding::new(Code::WrongEnding, id, message))
}

fn several_frames(id: PictureId, facts: &Facts) -> Option<ReferenceFinding> {
    let message = "it has several frames or pages, of which the first is used";
    let finding = || ReferenceFinding::new(Code::Converted, id, message);
    facts.traits.animated.then(|| finding().helped("see whether the first is the right one"))
}

/// Whether there is nothing on it: one colour, or hardly more.
fn is_empty(measures: &Measures) -> bool {
    measures.likeness.is_none()
}

fn blurred(id: PictureId, measures: &Measures) -> Option<ReferenceFinding> {
    let sharpness = measures.sharpness;
    let edge = sharpness.edge?;
    if edge <= threshold::blurred_edge || sharpness.laplacian >= threshold::blurred_laplacian {
        return None;
    }
    let message = format!(
        "its sharpest edges are {edge:.1} pixels wide at a longer side of 1024 (sharp is below {}); \
         variance of the Laplacian {:.0}",
        threshold::blurred_edge,
        sharpness.laplacian
    );
    let finding = ReferenceFinding::new(Code::Blurred, id, message);
    Some(finding.against(edge, threshold::blurred_edge))
}

fn bars(id: PictureId, measures: &Measures) -> Option<ReferenceFinding> {
    let [left, above, right, below] = measures.bars?.sides;
    let sides = [(above, "above"), (below, "below"), (left, "left"), (right, "right")];
    let said: Vec<String> = sides
        .iter()
        .filter(|(share, _)| *share > 0.0)
        .map(|(share, side)| format!("{} {side}", percent(*share)))
        .collect();
    let message = format!("bars of one colour are part of it: {}", said.join(", "));
    let most = sides.iter().map(|(share, _)| *share).fold(0.0, f32::max);
    Some(ReferenceFinding { figure: Some(most), ..ReferenceFinding::new(Code::Bars, id, message) })
}

fn marks(id: PictureId, measures: &Measures) -> Option<ReferenceFinding> {
    let marks = measures.marks?;
    let [left, top, right, bottom] = marks.bounds;
    let across = ["at the left", "in the middle", "at the right"];
    let down = ["above", "halfway down", "below"];
    let third = |middle: f32| ((middle * 3.0) as usize).min(2);
    let place =
        format!("{}, {}", down[third((top + bottom) / 2.0)], across[third((left + right) / 2.0)]);
    let kind = match marks.contrast < threshold::marks_faint {
        true => "a watermark",
        false => "a caption or badge",
    };
    let message = format!(
        "{} small marks stand in line beside the subject ({place}), as {kind} does",
        marks.letters
    );
    let finding = ReferenceFinding::new(Code::Marks, id, message);
    Some(finding.against(marks.contrast, threshold::marks_faint))
}

fn exposure(id: PictureId, measures: &Measures) -> Option<ReferenceFinding> {
    let exposure = measures.exposure;
    let of = |message: String, figure, limit| {
        Some(ReferenceFinding::new(Code::Exposure, id, message).against(figure, limit))
    };
    // A dark thing on a dark ground, or a white one on white, is meant so.
    if measures.background != Background::Busy && measures.subject.is_some() {
        return None;
    }
    if exposure.bright < threshold::dark {
        let message =
            format!("it is dark: nine pixels in ten are below lightness {:.0}", exposure.bright);
        return of(message, exposure.bright, threshold::dark);
    }
    let busy = measures.background == Background::Busy;
    if busy && exposure.blown > threshold::blown {
        let message = format!("it is blown: {} of it is pure white", percent(exposure.blown));
        return of(message, exposure.blown, threshold::blown);
    }
    if busy && exposure.range < threshold::washed_out {
        let message = format!("it is flat: lightness goes over {:.0} of 100", exposure.range);
        return of(message, exposure.range, threshold::washed_out);
    }
    None
}

fn faint(id: PictureId, measures: &Measures) -> Option<ReferenceFinding> {
    match measures.subject {
        Some(subject) if subject.contrast < threshold::subject_faint => {
            let message = format!(
                "the subject's colours are {:.0} from the background's on the average",
                subject.contrast
            );
            let finding = ReferenceFinding::new(Code::Faint, id, message);
            Some(finding.against(subject.contrast, threshold::subject_faint))
        }
        // Where all is dark, that is said.
        None if measures.background != Background::Busy
            && measures.exposure.bright >= threshold::dark =>
        {
            let message = "no subject is seen before its plain background";
            Some(ReferenceFinding::new(Code::Faint, id, message))
        }
        _ => None,
    }
}

fn small(id: PictureId, measures: &Measures) -> Option<ReferenceFinding> {
    let subject = measures.subject?;
    let extent = subject.extent();
    if extent >= threshold::subject_small {
        return None;
    }
    let message = format!(
        "the subject fills {} of the frame's width or height, and {} of its area",
        percent(extent),
        percent(subject.area)
    );
    let finding = ReferenceFinding::new(Code::SubjectSmall, id, message);
    Some(finding.against(extent, threshold::subject_small))
}

/// A person is usually cut below; what touches three edges is meant to be a close-up.
fn cut(id: PictureId, measures: &Measures, owner: &Owner) -> Option<ReferenceFinding> {
    let touches = measures.subject?.touches;
    let names = ["left", "upper", "right", "lower"];
    let worn = matches!(owner.kind, Some(SubjectKind::Character | SubjectKind::Outfit));
    let cut: Vec<usize> = (0..4).filter(|i| touches[*i] > threshold::subject_touches).collect();
    let counted: Vec<usize> = cut.iter().copied().filter(|i| *i != 3 || !worn).collect();
    if counted.is_empty() || cut.len() > 2 {
        return None;
    }
    let edges: Vec<&str> = counted.iter().map(|i| names[*i]).collect();
    let most = counted.iter().map(|i| touches[*i]).fold(0.0, f32::max);
    let edge = if edges.len() == 1 { "edge" } else { "edges" };
    let message = format!("the {} {edge} of the picture cuts the subject", edges.join(" and "));
    let finding = ReferenceFinding::new(Code::SubjectCut, id, message);
    Some(finding.against(most, threshold::subject_touches))
}

/// `42 %`; nothing that is there is said to be none.
pub(super) fn percent(share: f32) -> String {
    match share * 100.0 {
        all if all > 0.0 && all < 0.5 => "under 1 %".to_owned(),
        all => format!("{all:.0} %"),
    }
}
