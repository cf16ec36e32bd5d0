//! The labelled set, judged.
//!
//! What lives here: which clips there are, making and judging each. What never does: tables.

use std::error::Error;
use std::path::Path;

use fastrand::Rng;
use image::{DynamicImage, RgbImage};
use kinora::consistency::{Frame, Reference, Role, compare};

use crate::baselines::Baselines;
use crate::drift::{self, Change, Drift};
use crate::film;
use crate::honest::{self, Honest, Recipe};
use crate::pool::Item;
use crate::render::Stage;

/// Raised whenever the same case makes another clip: kept clips of other versions are not taken.
pub const VERSION: u32 = 4;

/// Frames that are judged.
pub const SAMPLED: usize = 12;

/// What a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Honest(Honest),
    Drift(Drift),
}

impl Kind {
    pub fn all() -> Vec<Kind> {
        let honest = Honest::ALL.into_iter().map(Kind::Honest);
        honest.chain(Drift::ALL.into_iter().map(Kind::Drift)).collect()
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::Honest(h) => h.word(),
            Kind::Drift(d) => d.word(),
        }
    }
}

/// One clip of the set.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub number: usize,
    pub kind: Kind,
    /// 1 to 3.
    pub strength: u8,
    /// Which picture.
    pub item: usize,
    /// What is honest about it; for an honest kind, itself.
    pub base: (Honest, u8),
    /// Whether two pictures of other products are references too.
    pub crowd: bool,
    pub seed: u64,
}

/// Lists `count` clips or a few more, each kind at each strength equally often.
pub fn cases(items: &[Item], count: usize, seed: u64) -> Vec<Case> {
    let cells: Vec<(Kind, u8)> =
        Kind::all().into_iter().flat_map(|k| (1..=3).map(move |s| (k, s))).collect();
    let rounds = count.div_ceil(cells.len());
    let mut out = Vec::new();
    for round in 0..rounds {
        for (cell, &(kind, strength)) in cells.iter().enumerate() {
            let number = round * cells.len() + cell;
            let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (number as u64 * 0x5851_F42D);
            let mut rng = Rng::with_seed(seed);
            let fitting: Vec<usize> = (0..items.len())
                .filter(|&i| match kind {
                    Kind::Honest(h) => h.fits(&items[i]),
                    Kind::Drift(d) => d.fits(&items[i]) && !others(items, i).is_empty(),
                })
                .collect();
            if fitting.is_empty() {
                continue;
            }
            let item = fitting[rng.usize(..fitting.len())];
            let base = match kind {
                Kind::Honest(h) => (h, strength),
                Kind::Drift(_) => loop {
                    let h = Honest::ALL[rng.usize(..Honest::ALL.len())];
                    if h.fits(&items[item]) {
                        break (h, rng.u8(1..=3));
                    }
                },
            };
            let crowd = rng.f32() < 0.15;
            out.push(Case { number, kind, strength, item, base, crowd, seed: rng.u64(..) });
        }
    }
    out
}

/// Pictures of other products of the same sort: before a plain ground or not.
fn others(items: &[Item], of: usize) -> Vec<&Item> {
    let own = &items[of];
    items
        .iter()
        .filter(|i| i.group != own.group && i.mask.is_some() == own.mask.is_some())
        .filter(|i| own.mask.is_none() || i.free == own.free)
        .collect()
}

/// What a case comes to before it is filmed.
pub fn prepared(case: &Case, items: &[Item]) -> (Recipe, Option<Change>) {
    let item = &items[case.item];
    let change = match case.kind {
        Kind::Drift(d) => {
            let mut rng = Rng::with_seed(case.seed ^ 0xD21F7);
            Some(drift::change(d, case.strength, item, &others(items, case.item), &mut rng))
        }
        Kind::Honest(_) => None,
    };
    let (shown, room) = change.as_ref().map_or((None, None), |c| (c.shown, c.room));
    let mut rng = Rng::with_seed(case.seed);
    let recipe = honest::recipe(case.base.0, case.base.1, item, shown, room, &mut rng);
    (recipe, change)
}

/// Films a case: an MP4.
pub fn filmed(case: &Case, items: &[Item]) -> Result<Vec<u8>, Box<dyn Error>> {
    let (recipe, change) = prepared(case, items);
    let stage = Stage::new(&items[case.item], &recipe, change.as_ref());
    let frames = (0..recipe.frames).map(|i| stage.frame(i, case.seed));
    film::written((recipe.width, recipe.height), frames, recipe.rate)
}

/// The same, taken from a folder if it is there, and left there if it was not.
pub fn kept(
    case: &Case,
    items: &[Item],
    set: &str,
    folder: Option<&Path>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let Some(folder) = folder else { return filmed(case, items) };
    let path = folder.join(format!("{set}-v{VERSION}-{:05}-{:016x}.mp4", case.number, case.seed));
    if let Ok(bytes) = std::fs::read(&path) {
        return Ok(bytes);
    }
    let bytes = filmed(case, items)?;
    std::fs::create_dir_all(folder)?;
    std::fs::write(&path, &bytes)?;
    Ok(bytes)
}

/// What was found of one clip.
#[derive(Debug, Clone)]
pub struct Row {
    pub case: Case,
    pub item: String,
    pub score: f32,
    pub parts: Vec<(&'static str, f32)>,
    pub measures: Vec<(&'static str, f32)>,
    pub baselines: [f32; 4],
    pub milliseconds: f32,
    pub note: String,
}

/// What is learned once per picture.
pub struct Learned {
    reference: Reference,
    baselines: Option<Baselines>,
}

pub fn learn(item: &Item, baselines: bool) -> Learned {
    Learned {
        reference: Reference::learn(&rgba(&item.picture), Role::Identity),
        baselines: baselines.then(|| Baselines::learn(&item.picture)),
    }
}

pub fn rgba(picture: &RgbImage) -> image::RgbaImage {
    DynamicImage::ImageRgb8(picture.clone()).to_rgba8()
}

/// Films (or takes) a clip and judges it.
pub fn judged(
    case: &Case,
    items: &[Item],
    learned: &[Learned],
    set: &str,
    folder: Option<&Path>,
) -> Result<Row, Box<dyn Error>> {
    let mp4 = kept(case, items, set, folder)?;
    compared(case, items, learned, &mp4)
}

/// Decodes a clip and judges it.
pub fn compared(
    case: &Case,
    items: &[Item],
    learned: &[Learned],
    mp4: &[u8],
) -> Result<Row, Box<dyn Error>> {
    let pictures = film::sampled(mp4, SAMPLED)?;
    let frames: Vec<Frame<'_>> =
        pictures.iter().map(|(at_ms, picture)| Frame { at_ms: *at_ms, picture }).collect();
    let mut references = vec![learned[case.item].reference.clone()];
    if case.crowd {
        let mut rng = Rng::with_seed(case.seed ^ 77);
        let away: Vec<usize> =
            (0..items.len()).filter(|&i| items[i].group != items[case.item].group).collect();
        for _ in 0..if away.is_empty() { 0 } else { 2 } {
            references.push(learned[away[rng.usize(..away.len())]].reference.clone());
        }
    }
    let begun = std::time::Instant::now();
    let all = compare(&references, &frames);
    let milliseconds = begun.elapsed().as_secs_f32() * 1000.0;
    // Beside references of other products, which are not in the clip, its own one counts.
    let own = all.references.first();
    let (score, parts, measures) = match own {
        Some(own) if case.crowd => (own.score, &own.parts, &own.measures),
        _ => (all.exact, &all.parts, &all.measures),
    };
    let seen: Vec<&RgbImage> = pictures.iter().map(|(_, p)| p).collect();
    let note = parts
        .iter()
        .filter(|p| !p.note.is_empty())
        .map(|p| format!("{}: {}", p.name.word(), p.note))
        .collect::<Vec<_>>()
        .join("; ");
    Ok(Row {
        case: *case,
        item: items[case.item].name.clone(),
        score,
        parts: parts.iter().map(|p| (p.name.word(), p.score)).collect(),
        measures: measures.clone(),
        baselines: learned[case.item].baselines.as_ref().map_or([0.0; 4], |b| b.of(&seen)),
        milliseconds,
        note,
    })
}
