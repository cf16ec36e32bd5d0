//! A clip's frames against its references.
//!
//! What lives here: the order of the work, what a clip does over time as a score, and evidence.
//! What never does: a measure of its own.

use super::calibrate::scored;
use super::keypoints::Pattern;
use super::learn::Reference;
use super::look::{self, Statistics};
use super::seen::Seen;
use super::sighting::{Sighting, badness, drifted, measured, sightings};
use super::squares::{SQUARE, Tables, grid};
use super::time::{lasting, median, over_time};
use super::types::{Compared, Consistency, Found, Frame, Mark, OverTime, Part, PartName, Role};

/// A likeness from which the subject counts as there.
const THERE: f32 = 0.3;
/// Squares that differ less are not marked; so many at most are.
const MARKED: f32 = 0.4;
const MOST_MARKS: usize = 24;
/// A colour that is off by this much is marked as strongly as structure that is another.
const COLOUR_MARK: f32 = 30.0;
/// The score of a clip in which nothing moves.
const STILL: f32 = 40.0;

/// Compares a clip's frames, in order of time, with its references. Frames larger than
/// [`super::WORKING`] work, slowly. Without a frame nothing is found, so that every reference scores 0.
pub fn compare(references: &[Reference], frames: &[Frame<'_>]) -> Consistency {
    let (pattern, tables) = (Pattern::new(), Tables::new());
    // Frames without pixels are none; places are those of the list that was given.
    let places: Vec<usize> = (0..frames.len())
        .filter(|i| frames[*i].picture.width() > 0 && frames[*i].picture.height() > 0)
        .collect();
    let shown: Vec<Frame<'_>> = places.iter().map(|i| frames[*i]).collect();
    let seen: Vec<Seen> = shown.iter().map(|f| Seen::of(f.picture)).collect();
    let mut time = over_time(&shown);
    let mut compared: Vec<Compared> = Vec::new();
    for (place, reference) in references.iter().enumerate() {
        let mut found = if seen.is_empty() {
            nothing(place, reference.role)
        } else if reference.role == Role::Look {
            of_look(place, reference, &shown)
        } else {
            let sightings = sightings(reference, &seen, &pattern, &tables);
            if reference.role == Role::Identity {
                time.drift = time.drift.max(100.0 * drifted(&sightings));
            }
            of_subject(place, reference, &sightings)
        };
        if let Some(worst) = &mut found.worst {
            worst.frame = places[worst.frame];
        }
        compared.push(found);
    }
    summed(compared, time)
}

/// All references and the clip itself.
fn summed(compared: Vec<Compared>, time: OverTime) -> Consistency {
    let mut parts = weakest(&compared);
    let motion = if time.still { STILL } else { 100.0 };
    let words = if time.still { "nothing moves" } else { "" };
    parts.push(Part { name: PartName::Motion, score: motion, note: words.to_owned() });
    parts.push(steadiness(&time));
    let all = compared.iter().map(|c| c.score).fold(motion, f32::min);
    let exact = all.clamp(0.0, 100.0);
    let mut least: Option<&Compared> = None;
    for one in &compared {
        if least.is_none_or(|l| one.score < l.score) {
            least = Some(one);
        }
    }
    let mut measures = least.map(|c| c.measures.clone()).unwrap_or_default();
    measures.extend([
        ("drift", time.drift),
        ("jumps", time.jumps as f32),
        ("flicker", time.flicker),
        ("still", f32::from(u8::from(time.still))),
    ]);
    Consistency {
        // Rounded down, so that a whole number never passes what the exact one does not.
        score: exact.floor() as u8,
        exact,
        parts,
        references: compared,
        over_time: time,
        measures,
    }
}

/// Jumps and flicker as a part; a cut may be meant, so it takes no part in the whole score.
fn steadiness(time: &OverTime) -> Part {
    let bad = 12.0 * time.jumps as f32 + 6.0 * (time.flicker - 0.5).max(0.0);
    let mut notes = Vec::new();
    if time.jumps > 0 {
        notes.push(format!("{} jumps", time.jumps));
    }
    if time.flicker > 1.0 {
        notes.push("light flickers".to_owned());
    }
    let score = (100.0 - bad).clamp(0.0, 100.0);
    Part { name: PartName::Steadiness, score, note: notes.join(", ") }
}

/// The weakest of each part.
fn weakest(compared: &[Compared]) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in compared.iter().flat_map(|c| &c.parts) {
        match out.iter_mut().find(|p| p.name == part.name) {
            Some(known) if known.score <= part.score => {}
            Some(known) => *known = part.clone(),
            None => out.push(part.clone()),
        }
    }
    out.sort_by_key(|p| p.name);
    out
}

fn nothing(place: usize, role: Role) -> Compared {
    let name = if role == Role::Look { PartName::Look } else { PartName::Presence };
    let part = Part { name, score: 0.0, note: "there is no frame to look at".to_owned() };
    Compared {
        reference: place,
        role,
        score: 0.0,
        parts: vec![part],
        worst: None,
        present: 0.0,
        colour: None,
        measures: Vec::new(),
    }
}

fn of_look(place: usize, reference: &Reference, frames: &[Frame<'_>]) -> Compared {
    let far: Vec<look::Distance> =
        frames.iter().map(|f| reference.statistics.apart(&Statistics::of(f.picture))).collect();
    let list = |of: fn(&look::Distance) -> f32| lasting(&far.iter().map(of).collect::<Vec<_>>());
    let lasted = look::Distance {
        palette: list(|d| d.palette),
        texture: list(|d| d.texture),
        layout: list(|d| d.layout),
    };
    let score = lasted.score();
    let worst = (0..far.len()).max_by(|a, b| far[*a].whole().total_cmp(&far[*b].whole()));
    let found = |frame| Found {
        reference: place,
        frame,
        corners: None,
        score: far[frame].score(),
        marks: Vec::new(),
    };
    Compared {
        reference: place,
        role: reference.role,
        score,
        parts: vec![Part { name: PartName::Look, score, note: String::new() }],
        worst: worst.map(found),
        present: 1.0,
        colour: None,
        measures: vec![
            ("palette", lasted.palette),
            ("texture", lasted.texture),
            ("layout", lasted.layout),
        ],
    }
}

fn of_subject(place: usize, reference: &Reference, sightings: &[Sighting]) -> Compared {
    let m = measured(reference, sightings);
    let (score, parts) = scored(&m, reference.role);
    let bad = |s: &Sighting| badness(s) + (1.0 - s.likeness) / 4.0;
    let worst = sightings.iter().max_by(|a, b| bad(a).total_cmp(&bad(b)));
    let there: Vec<&Sighting> = sightings.iter().filter(|s| s.likeness > THERE).collect();
    Compared {
        reference: place,
        role: reference.role,
        score,
        parts,
        worst: worst.map(|s| evidence(place, reference, s)),
        present: there.len() as f32 / sightings.len().max(1) as f32,
        colour: (!there.is_empty()).then(|| {
            [0, 1, 2].map(|c| median(there.iter().map(|s| s.observed.colour[c]).collect()))
        }),
        measures: m.named(),
    }
}

/// What a person is shown of one frame.
fn evidence(place: usize, reference: &Reference, s: &Sighting) -> Found {
    let corner = |u: f64, v: f64| s.warp.at(u, v).map(|c| c as f32);
    let [w, h] = reference.aspect;
    let there = s.likeness > THERE;
    let corners = [corner(-w, -h), corner(w, -h), corner(w, h), corner(-w, h)];
    let mut marks = if there { marks(reference, s, corner) } else { Vec::new() };
    marks.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    marks.truncate(MOST_MARKS);
    let (alone, _) = scored(&measured(reference, std::slice::from_ref(s)), reference.role);
    Found {
        reference: place,
        frame: s.frame,
        corners: there.then_some(corners),
        score: alone,
        marks,
    }
}

/// The squares that differ, where they lie in the frame.
fn marks(reference: &Reference, s: &Sighting, corner: impl Fn(f64, f64) -> [f32; 2]) -> Vec<Mark> {
    let (across, _) = grid(reference);
    let (width, height) = (reference.width as f64, reference.height as f64);
    let half = width.max(height) / 2.0;
    let size = SQUARE as f64;
    let at_pixel = |x: f64, y: f64| {
        let (x, y) = (x.min(width), y.min(height));
        corner((x - width / 2.0) / half, (y - height / 2.0) / half)
    };
    let mut marks = Vec::new();
    for (at, square) in s.observed.squares.iter().enumerate().filter(|(_, c)| c.weight > 0.15) {
        let colour = (square.colour / COLOUR_MARK).min(1.0);
        let weight = square.detail.max(colour);
        if weight < MARKED {
            continue;
        }
        let (x, y) = ((at % across) as f64 * size, (at / across) as f64 * size);
        let part = if square.detail >= colour { PartName::Detail } else { PartName::Colour };
        let corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)];
        marks.push(Mark { corners: corners.map(|(x, y)| at_pixel(x, y)), part, weight });
    }
    marks
}
