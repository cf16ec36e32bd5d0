//! A labelled set of clips, filmed through the real H.264 writer and judged; and how long judging takes.
//!
//!     cargo bench --bench consistency -- evaluate [--train | --all] [--clips 2000] [--csv FILE]
//!     cargo bench --bench consistency -- film --kept FOLDER [--train | --all] [--clips 2000]
//!     cargo bench --bench consistency -- speed [--clips 200]
//!     cargo bench --bench consistency -- show KIND [--strength 1|2|3] [--count 4] [--out FOLDER]
//!     cargo bench --bench consistency -- pictures [--out FOLDER]
//!
//! Each clip is a picture seen by a moving camera under changing light, with one honest change that is
//! strong (a push, warm light, a hand passing …) or, on top of the same honest changes, one drift (the
//! label's letters, another colour, other proportions …), at three strengths each. The reference is the
//! picture. Everything follows from seeds.
//!
//! Groups of pictures (subfolders; pictures that lie in the folder itself are groups of their own) are
//! halved: `--train` takes the other half, with other seeds, and is what thresholds are chosen by.
//! Further switches: `--pictures FOLDER` instead of the examples; `--labels N` labels drawn onto each
//! picture with a plain ground (2 for the examples, else 0); `--only KIND,KIND`; `--seed N`;
//! `--no-baselines`; `--kept FOLDER` keeps the clips, so that a second run only decodes and compares.

mod baselines;
mod camera;
mod cover;
mod drift;
mod evaluate;
mod film;
mod honest;
mod label;
mod orb;
mod paint;
mod pool;
mod raster;
mod render;
mod report;
mod show;
mod speed;
mod subject;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use pool::{Half, Item};

/// The pictures that clips are made of, if no others are named.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/storefront/images");

/// Labels drawn onto each of the examples.
const LABELS: u64 = 2;

/// What was said on the command line.
struct Words(Vec<String>);

impl Words {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|a| a == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|a| a == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.parse().ok()
    }

    fn path(&self, name: &str, default: &str) -> PathBuf {
        PathBuf::from(self.value(name).unwrap_or(default))
    }

    fn half(&self) -> Half {
        match (self.has("--train"), self.has("--all")) {
            (true, _) => Half::Train,
            (_, true) => Half::All,
            _ => Half::Report,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words = Words(std::env::args().skip(1).filter(|a| a != "--bench").collect());
    let folder = words.path("--pictures", EXAMPLES);
    // Labels are drawn onto product pictures; onto pictures of anything, only if asked for.
    let default = if words.has("--pictures") { 0 } else { LABELS };
    let labels = words.number("--labels").unwrap_or(default);
    let items = pool::read(&folder, words.half(), labels);
    if items.is_empty() {
        return Err(format!("no pictures in {}", folder.display()).into());
    }
    let clips = words.number("--clips").and_then(|n| usize::try_from(n).ok());
    let kept = words.value("--kept").map(Path::new);
    match words.0.first().map(String::as_str) {
        Some("show") => {
            let kind = words.0.get(1).map_or("", String::as_str);
            let strength = words.number("--strength").and_then(|n| u8::try_from(n).ok());
            let count = words.number("--count").and_then(|n| usize::try_from(n).ok()).unwrap_or(4);
            show::show(kind, strength, &items, &words.path("--out", "shown"), count)
        }
        Some("pictures") => show::pictures(&items, &words.path("--out", "shown")),
        Some("speed") => speed::measure(&items, clips.unwrap_or(200), "speed", kept),
        Some(word @ ("evaluate" | "film")) => {
            let name = folder.file_name().map(|n| n.to_string_lossy().into_owned());
            let marked =
                if words.has("--pictures") { format!("labels{labels}-") } else { String::new() };
            let set = format!("{:?}-{marked}{}", words.half(), name.unwrap_or_default());
            let clips = clips.unwrap_or(2000);
            match (word, kept) {
                ("film", None) => Err("say --kept FOLDER, where the clips are to lie".into()),
                ("film", Some(kept)) => filmed(&words, &items, clips, &set, kept),
                _ => evaluate(&words, &items, clips, &set, kept),
            }
        }
        _ => {
            eprintln!(
                "say evaluate, film, speed, show or pictures; the head of benches/consistency/main.rs tells more"
            );
            Ok(())
        }
    }
}

/// The clips of the set that are asked for, and the set's name with its seed.
fn cases(words: &Words, items: &[Item], clips: usize, set: &str) -> (Vec<evaluate::Case>, String) {
    let seed = words.number("--seed").unwrap_or(if words.has("--train") { 1 } else { 2 });
    let mut cases = evaluate::cases(items, clips, seed);
    if let Some(only) = words.value("--only") {
        cases.retain(|c| only.split(',').any(|k| k == c.kind.word()));
    }
    (cases, format!("{set}-{seed}"))
}

/// Films the set and keeps it.
fn filmed(
    words: &Words,
    items: &[Item],
    clips: usize,
    set: &str,
    kept: &Path,
) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let (cases, set) = cases(words, items, clips, set);
    let done = AtomicUsize::new(0);
    cases.par_iter().with_max_len(1).try_for_each(|case| {
        evaluate::kept(case, items, &set, Some(kept)).map_err(|e| e.to_string())?;
        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
        if n.is_multiple_of(100) {
            eprintln!("{n} of {} after {:.0} s", cases.len(), begun.elapsed().as_secs_f32());
        }
        Ok::<(), String>(())
    })?;
    println!("{} clips in {}", cases.len(), kept.display());
    Ok(())
}

/// Films and judges the set, prints the tables and writes the rows.
fn evaluate(
    words: &Words,
    items: &[Item],
    clips: usize,
    set: &str,
    kept: Option<&Path>,
) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let (cases, set) = cases(words, items, clips, set);
    let learned: Vec<evaluate::Learned> =
        items.par_iter().map(|i| evaluate::learn(i, !words.has("--no-baselines"))).collect();
    let done = AtomicUsize::new(0);
    let rows: Vec<evaluate::Row> = cases
        .par_iter()
        .with_max_len(1)
        .map(|case| {
            let row = evaluate::judged(case, items, &learned, &set, kept);
            let n = done.fetch_add(1, Ordering::Relaxed) + 1;
            if n.is_multiple_of(100) {
                eprintln!("{n} of {} after {:.0} s", cases.len(), begun.elapsed().as_secs_f32());
            }
            row.map_err(|e| format!("clip {}: {e}", case.number))
        })
        .collect::<Result<_, _>>()?;
    let file = words.path("--csv", "consistency.csv");
    report::csv(&rows, &file)?;
    println!("{} pictures, {}", items.len(), report::tables(&rows));
    println!(
        "{} clips in {:.0} s; rows in {}",
        rows.len(),
        begun.elapsed().as_secs_f32(),
        file.display()
    );
    Ok(())
}
