//! How long a clip takes: decoded whole, sampled, compared with three references, on one core; and
//! many small clips on one thread and on two.
//!
//! What lives here: clocks. What never does: scores.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use fastrand::Rng;
use image::{RgbImage, imageops};
use kinora::consistency::{Frame, Reference, Role, compare};
use rayon::prelude::*;

use crate::evaluate::{self, SAMPLED};
use crate::film;
use crate::honest::{self, Honest};
use crate::pool::Item;
use crate::render::Stage;

/// Rounds of everything; the best one and the worst are shown.
const ROUNDS: usize = 5;

/// Seconds that this thread was on a processor, where the system tells (Linux); else wall time.
fn on_processor(since: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|s| s.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| since.elapsed().as_secs_f64(), |nanos| nanos / 1e9)
}

/// At most 640 pixels long, as frames are compared.
fn small(picture: &RgbImage) -> RgbImage {
    let longest = picture.width().max(picture.height());
    if longest <= kinora::consistency::WORKING {
        return picture.clone();
    }
    let side = |n: u32| (n * kinora::consistency::WORKING / longest).max(1);
    imageops::thumbnail(picture, side(picture.width()), side(picture.height()))
}

/// The clip that the figures are about: 5 s of 1080×1920 at 24 frames a second.
fn long_clip(item: &Item) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut rng = Rng::with_seed(5);
    let mut recipe = honest::recipe(Honest::Push, 1, item, None, None, &mut rng);
    let scale = (1080.0 / recipe.aim.width).min(1920.0 / recipe.aim.height);
    (recipe.width, recipe.height, recipe.frames) = (1080, 1920, 120);
    (recipe.aim.width, recipe.aim.height) = (1080.0, 1920.0);
    recipe.aim.scale *= scale;
    let stage = Stage::new(item, &recipe, None);
    let frames: Vec<RgbImage> =
        (0..recipe.frames).into_par_iter().map(|i| stage.frame(i, 9)).collect();
    film::written((1080, 1920), frames.into_iter(), recipe.rate)
}

/// Measures and prints.
pub fn measure(
    items: &[Item],
    clips: usize,
    set: &str,
    kept: Option<&Path>,
) -> Result<(), Box<dyn Error>> {
    let item = items.iter().find(|i| i.free).unwrap_or(&items[0]);
    let mut others = items.iter().filter(|i| i.group != item.group);
    let three: Vec<&Item> =
        std::iter::once(item).chain(others.by_ref().step_by(3).take(2)).collect();
    let mp4 = long_clip(item)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let wall = Instant::now();
        let begun = on_processor(wall);
        let references: Vec<Reference> = three
            .iter()
            .map(|i| Reference::learn(&evaluate::rgba(&i.picture), Role::Identity))
            .collect();
        let learned = on_processor(wall);
        let pictures: Vec<(u64, RgbImage)> =
            film::sampled(&mp4, SAMPLED)?.iter().map(|(t, p)| (*t, small(p))).collect();
        let decoded = on_processor(wall);
        let frames: Vec<Frame<'_>> =
            pictures.iter().map(|(at_ms, picture)| Frame { at_ms: *at_ms, picture }).collect();
        let score = compare(&references, &frames).references[0].score;
        let compared = on_processor(wall);
        rounds.push([learned - begun, decoded - learned, compared - decoded, compared - begun]);
        eprintln!("score {score:.1}, wall {:.2} s", wall.elapsed().as_secs_f64());
    }
    println!(
        "5 s, 1080×1920, 24 frames a second ({} kB), {SAMPLED} frames of it against three references; seconds of one core:\n",
        mp4.len() / 1000
    );
    println!("| | best | worst |\n|---|---|---|");
    for (k, name) in ["learning three references", "decoding all 120 frames", "comparing", "in all"]
        .iter()
        .enumerate()
    {
        let of = |pick: fn(f64, f64) -> f64| {
            rounds.iter().map(|r| r[k]).reduce(pick).unwrap_or(f64::NAN)
        };
        println!("| {name} | {:.2} | {:.2} |", of(f64::min), of(f64::max));
    }
    let cases = evaluate::cases(items, clips, 2);
    let cases = &cases[..clips.min(cases.len())];
    let learned: Vec<evaluate::Learned> =
        items.par_iter().map(|i| evaluate::learn(i, false)).collect();
    // Made first, so that only decoding and comparing are timed.
    let filmed = cases
        .par_iter()
        .with_max_len(1)
        .map(|c| evaluate::kept(c, items, set, kept).map_err(|e| e.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    println!(
        "\n| {} clips, decoded and compared | seconds | clips a second |\n|---|---|---|",
        cases.len()
    );
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
        let begun = Instant::now();
        let faults: usize = pool.install(|| {
            cases
                .par_iter()
                .zip(&filmed)
                .with_max_len(1)
                .map(|(c, mp4)| usize::from(evaluate::compared(c, items, &learned, mp4).is_err()))
                .sum()
        });
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "| {threads} threads ({faults} failed) | {seconds:.1} | {:.2} |",
            cases.len() as f64 / seconds
        );
    }
    Ok(())
}
