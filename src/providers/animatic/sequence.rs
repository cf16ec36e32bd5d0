//! A request becomes a sequence: which shots, when each is seen, how one gives way to the next.
//!
//! What lives here: routes and roles. What never does: how a shot is composed.

use image::RgbaImage;
use rayon::prelude::*;

use super::camera::{Path, ease};
use super::matte::{CutOut, cut};
use super::raster::{Scratch, mix};
use super::slate::slate;
use super::stage::{self, Behind, Fit, Shot, Size};
use super::words::{self, Direction};
use crate::manifest::Role;
use crate::media::frame::Frame;
use crate::models::Route;
use crate::plan::Request;

/// Longest dissolve, in seconds.
const DISSOLVE: f32 = 0.6;
/// Shortest time that a picture of a sequence is worth, in seconds.
const SHORTEST: f32 = 0.7;

/// A picture of a request, ready to be staged.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Its name: pictures of a further subject have that subject's alias before a dot.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Upright, not larger than the clip needs.
    pub image: RgbaImage,
    /// Whether it has transparent parts.
    pub has_alpha: bool,
}

/// A shot and the part of the clip in which it is seen, from 0 to 1.
#[derive(Debug, Clone)]
struct Scheduled {
    shot: Shot,
    /// When its camera starts and stops.
    runs: (f32, f32),
    /// When it comes in over what was before.
    comes: (f32, f32),
}

/// All that a clip shows.
#[derive(Debug, Clone)]
pub struct Sequence {
    shots: Vec<Scheduled>,
}

impl Sequence {
    /// Draws the clip as it is at `t`, from 0 to 1.
    pub fn draw(&self, t: f32, frame: &mut Frame, scratch: &mut Scratch) {
        let hidden = self.shots.iter().rposition(|s| s.comes.1 <= t).unwrap_or(0);
        for (index, scheduled) in self.shots.iter().enumerate().skip(hidden) {
            let (from, to) = scheduled.runs;
            let own = if to > from { (t - from) / (to - from) } else { 0.0 };
            if index == hidden {
                scheduled.shot.draw(own, frame, scratch);
                continue;
            }
            let (begins, ends) = scheduled.comes;
            let weight = (ease((t - begins) / (ends - begins)) * 256.0).round() as u16;
            if weight > 0 {
                let mut above = Frame::black(frame.width, frame.height);
                scheduled.shot.draw(own, &mut above, scratch);
                mix(frame, &above, weight);
            }
        }
    }
}

/// What the sequence depends on besides pictures.
struct Brief<'a> {
    request: &'a Request,
    size: Size,
    seconds: f32,
    seed: u64,
    direction: Direction,
}

/// Plans the clip of a request. `seconds` is its length.
pub fn sequence(
    request: &Request,
    references: Vec<Reference>,
    size: Size,
    seconds: f32,
) -> Sequence {
    let brief = Brief {
        request,
        size,
        seconds,
        seed: seed(request),
        direction: words::read(&request.prompt),
    };
    let mut references = references;
    match request.route {
        Route::Frames if references.len() > 1 => brief.frames(&references),
        _ if references.is_empty() => brief.slate(),
        Route::Image | Route::Text | Route::Frames => {
            references.truncate(1);
            brief.pictures(references)
        }
        Route::References => brief.pictures(references),
    }
}

/// The seed as given; else one that only depends on what the clip is of.
fn seed(request: &Request) -> u64 {
    request.settings.seed.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&request.fingerprint.as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    })
}

impl Brief<'_> {
    fn path(&self, seconds: f32, turn: u64) -> Path {
        Path::new(&self.direction, seconds, self.seed.wrapping_add(turn))
    }

    fn slate(&self) -> Sequence {
        let slate = slate(&self.request.prompt, &self.request.shot, self.size, self.seed);
        // Lettering must stay inside the frame and still to the eye: it drifts.
        let path = self.path(self.seconds, 0).scaled(0.3);
        let shot = stage::drawn(&slate.ground, &slate.lettering, self.size, path);
        alone(shot)
    }

    fn frames(&self, references: &[Reference]) -> Sequence {
        let by = |role, other: usize| {
            references.iter().find(|r| r.role == role).unwrap_or(&references[other])
        };
        let (first, last) = (by(Role::FirstFrame, 0), by(Role::LastFrame, 1));
        let path = self.path(self.seconds, 0).scaled(0.5).there_and_back();
        let (first, last) = rayon::join(|| self.exact(first, path), || self.exact(last, path));
        Sequence {
            shots: vec![
                Scheduled { shot: first, runs: (0.0, 1.0), comes: (0.0, 0.0) },
                Scheduled { shot: last, runs: (0.0, 1.0), comes: (0.22, 0.78) },
            ],
        }
    }

    /// A picture fitted to the frame: a plain background is extended, any other is cropped.
    fn exact(&self, reference: &Reference, path: Path) -> Shot {
        let image = over_white(reference);
        let fitted = cut(&image, false).map(|cut| stage::extended(&image, &cut, self.size));
        stage::whole(fitted.as_ref().unwrap_or(&image), self.size, path, Fit::Exact)
    }

    fn pictures(&self, references: Vec<Reference>) -> Sequence {
        let (behind, mut shown): (Vec<_>, Vec<_>) = references
            .into_par_iter()
            .map(|reference| {
                let cut = cut(&reference.image, reference.has_alpha);
                Staged { reference, cut }
            })
            .partition(|s| is_setting(s.reference.role));
        let setting = behind.iter().min_by_key(|s| s.reference.role).cloned();
        if shown.is_empty() || shown.iter().all(|s| s.cut.is_none()) {
            // Nothing can stand before a setting: it is a picture like the others.
            shown.splice(0..0, behind);
            let most = (self.seconds / SHORTEST).max(1.0) as usize;
            shown.truncate(most);
            return self.one_after_another(&shown, None, None);
        }
        let pair = pair(&shown);
        let most = (self.seconds / SHORTEST).max(1.0) as usize;
        let kept: Vec<Staged> = match pair {
            Some((host, product)) => {
                let rest = shown.iter().enumerate();
                rest.filter(|(i, _)| *i != host && *i != product)
                    .map(|(_, s)| s.clone())
                    .take(most.saturating_sub(1))
                    .collect()
            }
            None => shown.iter().take(most).cloned().collect(),
        };
        let pair = pair.map(|(host, product)| (&shown[host], &shown[product]));
        self.one_after_another(&kept, pair, setting.as_ref())
    }

    fn one_after_another(
        &self,
        pictures: &[Staged],
        pair: Option<(&Staged, &Staged)>,
        setting: Option<&Staged>,
    ) -> Sequence {
        let count = pictures.len() + usize::from(pair.is_some());
        let slot = self.seconds / count as f32;
        let dissolve = DISSOLVE.min(slot * 0.35);
        let behind = setting.map_or(Behind::Own, |s| Behind::Picture(&s.reference.image));
        let offset = usize::from(pair.is_some());
        let first = pair.and_then(|(host, product)| {
            let (host, product) = (host.cut.as_ref()?, product.cut.as_ref()?);
            let path = self.path(slot, 0).scaled(0.7);
            Some(stage::pair(host, product, behind, self.size, path))
        });
        let rest: Vec<Shot> = pictures
            .par_iter()
            .enumerate()
            .map(|(i, staged)| {
                let path = self.path(slot + dissolve, (i + offset) as u64);
                match &staged.cut {
                    Some(cut) => stage::subject(cut, behind, self.size, path),
                    None => stage::whole(&staged.reference.image, self.size, path, Fit::Moving),
                }
            })
            .collect();
        let part = |seconds: f32| seconds / self.seconds;
        let shots = first
            .into_iter()
            .chain(rest)
            .enumerate()
            .map(|(i, shot)| {
                let (begins, ends) = (slot * i as f32, slot * (i + 1) as f32);
                let half = dissolve / 2.0;
                let runs = (
                    part(if i == 0 { 0.0 } else { begins - half }),
                    part(if i + 1 == count { ends } else { ends + half }),
                );
                let comes =
                    if i == 0 { (0.0, 0.0) } else { (part(begins - half), part(begins + half)) };
                Scheduled { shot, runs, comes }
            })
            .collect();
        Sequence { shots }
    }
}

#[derive(Debug, Clone)]
struct Staged {
    reference: Reference,
    cut: Option<CutOut>,
}

fn alone(shot: Shot) -> Sequence {
    Sequence { shots: vec![Scheduled { shot, runs: (0.0, 1.0), comes: (0.0, 0.0) }] }
}

fn is_setting(role: Role) -> bool {
    matches!(role, Role::Environment | Role::Mood | Role::Style)
}

/// A host and a product of different subjects that can be shown together: the one is cut by the
/// lower edge like a portrait, the other stands free.
fn pair(shown: &[Staged]) -> Option<(usize, usize)> {
    let owner = |s: &Staged| s.reference.name.split_once('.').map_or("", |(o, _)| o).to_owned();
    let find = |below: bool, not: Option<&str>| {
        shown.iter().position(|s| {
            s.reference.role == Role::Identity
                && s.cut.as_ref().is_some_and(|c| c.cut_below == below && !c.cut_aside)
                && not.is_none_or(|n| owner(s) != n)
        })
    };
    let host = find(true, None)?;
    let product = find(false, Some(&owner(&shown[host])))?;
    Some((host, product))
}

/// A picture without transparent parts: they become white.
fn over_white(reference: &Reference) -> RgbaImage {
    let mut image = reference.image.clone();
    if reference.has_alpha {
        for pixel in image.pixels_mut() {
            let alpha = u32::from(pixel.0[3]);
            for c in 0..3 {
                let mixed = u32::from(pixel.0[c]) * alpha + 255 * (255 - alpha);
                pixel.0[c] = ((mixed + 127) / 255) as u8;
            }
            pixel.0[3] = 255;
        }
    }
    image
}
