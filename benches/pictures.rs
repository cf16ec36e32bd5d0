//! Pictures side by side with other tools, in one run on one machine:
//!
//!     cargo bench --bench pictures -- prepare [COUNT]     default 200: 4000x3000 JPEG, Lanczos to 1280, JPEG
//!     cargo bench --bench pictures -- probe [COUNT]       default 100000: headers and digests, then from the cache
//!     cargo bench --bench pictures -- avif [SIDE]         default 2000: one AVIF of that side (needs avifenc)
//!
//! Peers are `vipsthumbnail`, `convert` (ImageMagick) and `b3sum`, where they are installed; what is absent
//! is said. Every tool gets all files in one process. CPU seconds are those of the process (from
//! `/proc/self/stat`, so on Linux alone), wall seconds beside them. Pictures are made in a folder of
//! their own under `KINORA_BENCH_DIR` (else the system's temporary folder) and removed afterwards.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use image::{Rgb, RgbImage};
use kinora::ledger::{Ledger, Mode};
use kinora::limits::Limits;
use kinora::media::decode::{PictureLimits, decode};
use kinora::media::prepare::{PictureNeeds, prepare, recipe};
use kinora::media::{Format, PictureCache, PictureTable, Stamp, probe, probe_all};
use rayon::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rounds of everything that is compared: the best one counts, and the worst is shown.
const ROUNDS: usize = 3;

/// The longer side of what is prepared, as in the peers' `1280x1280`.
const SIDE: u32 = 1280;

/// The first quality of [`prepare`], which peers are given too.
const QUALITY: &str = "92";

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = args.get(1).and_then(|a| a.parse().ok());
    match args.first().map(String::as_str) {
        Some("prepare") => preparing(number.unwrap_or(200)),
        Some("probe") => probing(number.unwrap_or(100_000)),
        Some("avif") => one_avif(u32::try_from(number.unwrap_or(2000))?),
        _ => {
            preparing(number.unwrap_or(200))?;
            probing(number.unwrap_or(100_000))?;
            one_avif(2000)
        }
    }
}

/// A folder that is removed at the end.
fn folder() -> Outcome<tempfile::TempDir> {
    let under = std::env::var_os("KINORA_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    Ok(tempfile::Builder::new().prefix("kinora-pictures-").tempdir_in(under)?)
}

/// Something like a photograph: soft light, edges, and a sensor's noise; another one for each seed.
fn photograph(seed: u64, width: u32, height: u32, noise: u8) -> RgbImage {
    let mut random = fastrand::Rng::with_seed(seed);
    let spots: Vec<(f32, f32, f32, [f32; 3])> = (0..12)
        .map(|_| {
            let colour = [random.f32() * 255.0, random.f32() * 255.0, random.f32() * 255.0];
            let (x, y) = (random.f32() * width as f32, random.f32() * height as f32);
            (x, y, (0.05 + random.f32() * 0.2) * width as f32, colour)
        })
        .collect();
    let spread = f32::from(noise);
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let base = 90.0 + 120.0 * y / height as f32;
        let mut light = [base, base * 0.95, base * 0.9];
        for (sx, sy, radius, colour) in &spots {
            if (x - sx).abs() < *radius && (y - sy).abs() < *radius * 0.7 {
                light = *colour;
                let shade = 0.7 + 0.3 * ((x - sx) / radius);
                light.iter_mut().for_each(|l| *l *= shade);
            }
        }
        let grain = (random.f32() - 0.5) * spread;
        Rgb(light.map(|l| (l + grain).clamp(0.0, 255.0) as u8))
    })
}

fn jpeg(image: &RgbImage, quality: u8) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    let (width, height) = (u16::try_from(image.width())?, u16::try_from(image.height())?);
    encoder.encode(image.as_raw(), width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(bytes)
}

/// One way of doing the work.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

/// Seconds of CPU that this process and the ended ones that it started have used so far.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may have blanks, the fields begin with the third.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    // utime, stime, cutime and cstime are the fields 14 to 17, in hundredths of a second.
    fields.skip(11).take(4).filter_map(|f| f.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn measured(work: impl FnOnce() -> Outcome<()>) -> Outcome<Cost> {
    let (start, before) = (Instant::now(), cpu_seconds());
    work()?;
    Ok(Cost { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - before })
}

/// A program with its arguments; `None` where it is not installed.
fn run(
    program: &str,
    args: &[OsString],
    set: &[(&str, &str)],
    dir: &Path,
) -> Outcome<Option<Cost>> {
    let mut command = Command::new(program);
    command.args(args).envs(set.iter().copied()).current_dir(dir);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let (start, before) = (Instant::now(), cpu_seconds());
    let child = match command.spawn() {
        Ok(child) => child,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{program} failed: {}", said.lines().next().unwrap_or("")).into());
    }
    Ok(Some(Cost { wall: start.elapsed().as_secs_f64(), cpu: cpu_seconds() - before }))
}

/// Prints one line of rounds; gives the best one.
fn line(what: &str, rounds: &[Cost], count: usize) -> Option<Cost> {
    let by_cpu = |a: &&Cost, b: &&Cost| a.cpu.total_cmp(&b.cpu);
    let (best, worst) = (*rounds.iter().min_by(by_cpu)?, *rounds.iter().max_by(by_cpu)?);
    println!(
        "{what:28} CPU {:8.2} s best {:8.2} worst, wall {:8.2} s best, {:9.1} pictures/CPU s",
        best.cpu,
        worst.cpu,
        rounds.iter().map(|c| c.wall).fold(f64::INFINITY, f64::min),
        count as f64 / best.cpu
    );
    Some(best)
}

fn preparing(count: usize) -> Outcome<()> {
    let folder = folder()?;
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::create_dir_all(&from)?;
    fs::create_dir_all(&to)?;
    // Drawing takes longer than encoding, so twenty drawings are encoded, each in several qualities.
    let drawings = count.min(20);
    let names: Vec<String> = (0..count).map(|i| format!("{i:03}.jpg")).collect();
    let made: Result<Vec<u64>, String> = (0..drawings)
        .into_par_iter()
        .map(|drawing| {
            let image = photograph(drawing as u64, 4000, 3000, 24);
            let mut total = 0;
            for i in (drawing..count).step_by(drawings) {
                let quality = 84 + (i / drawings) as u8;
                let bytes = jpeg(&image, quality).map_err(|e| e.to_string())?;
                total += bytes.len() as u64;
                fs::write(from.join(&names[i]), bytes).map_err(|e| e.to_string())?;
            }
            Ok(total)
        })
        .collect();
    let bytes: u64 = made?.iter().sum();
    println!(
        "prepare: {count} JPEGs of 4000x3000, {} kB each on average, to {SIDE}",
        bytes / 1000 / count as u64
    );

    let mut args: Vec<OsString> = Vec::new();
    let out = format!("{}/vips-%s.jpg[Q={QUALITY},subsample-mode=off]", to.display());
    args.extend(["--size", "1280x1280", "-o", &out].map(OsString::from));
    args.extend(names.iter().map(OsString::from));
    let magick: Vec<OsString> = ["-path", &to.display().to_string(), "-auto-orient", "-filter"]
        .into_iter()
        .chain(["Lanczos", "-resize", "1280x1280", "-sampling-factor", "4:4:4"])
        .chain(["-quality", QUALITY])
        .map(OsString::from)
        .chain(names.iter().map(OsString::from))
        .collect();
    let mut ours = Vec::new();
    let mut vips = Vec::new();
    let mut convert = Vec::new();
    for round in 0..ROUNDS {
        ours.push(measured(|| prepare_all(&from, &to, &names))?);
        vips.extend(run("vipsthumbnail", &args, &[("VIPS_CONCURRENCY", "1")], &from)?);
        // One round of the slowest will do: it takes minutes.
        if round == 0 {
            convert.extend(run("mogrify", &magick, &[("MAGICK_THREAD_LIMIT", "1")], &from)?);
        }
    }
    let kinora = line("kinora", &ours, count).ok_or("nothing was measured")?;
    for (name, rounds) in [("vipsthumbnail", vips), ("ImageMagick (mogrify)", convert)] {
        match line(name, &rounds, count) {
            Some(peer) => {
                println!("{:28} kinora is {:.2} times as fast per core", "", peer.cpu / kinora.cpu)
            }
            None => println!("{name:28} is not installed"),
        }
    }
    Ok(())
}

/// As `prepare` does it for a receiver that takes no side above 1280, on one thread.
fn prepare_all(from: &Path, to: &Path, names: &[String]) -> Outcome<()> {
    let limits = Limits::default();
    let needs = PictureNeeds {
        max_side: Some(SIDE),
        formats: vec![Format::Jpeg],
        ..PictureNeeds::default()
    };
    for name in names {
        let path = from.join(name);
        let facts = probe(&path, &limits)?;
        let bytes = fs::read(&path)?;
        let made = prepare(&bytes, &recipe(&facts, &needs)?, &PictureLimits::from(&limits))?;
        assert_eq!((made.width, made.height), (SIDE, SIDE * 3 / 4));
        fs::write(to.join(name), made.bytes)?;
    }
    Ok(())
}

fn probing(count: usize) -> Outcome<()> {
    let folder = folder()?;
    let names: Vec<String> = (0..count).map(|i| format!("{i:05}.jpg")).collect();
    let drawings: Vec<RgbImage> = (0..40u32)
        .into_par_iter()
        .map(|i| photograph(u64::from(i), 560 + i * 4, 480, 20))
        .collect();
    let made: Result<Vec<u64>, String> = names
        .par_iter()
        .enumerate()
        .map(|(i, name)| {
            let mut image = drawings[i % drawings.len()].clone();
            // A picture of its own: its number in its first pixels.
            let number = (i as u32).to_le_bytes();
            (0..32)
                .for_each(|x| *image.get_pixel_mut(x, 0) = Rgb([number[0], number[1], number[2]]));
            let bytes =
                jpeg(&image, 55 + (i / drawings.len() % 30) as u8).map_err(|e| e.to_string())?;
            fs::write(folder.path().join(name), &bytes).map_err(|e| e.to_string())?;
            Ok(bytes.len() as u64)
        })
        .collect();
    let made = made?;
    let (least, most) = (made.iter().min().unwrap_or(&0), made.iter().max().unwrap_or(&0));
    let total: u64 = made.iter().sum();
    println!("probe: {count} JPEGs, {} MB, {least} to {most} bytes each", total / 1_000_000);

    let limits = Limits::default();
    let table = || {
        let mut table = PictureTable::default();
        names.iter().for_each(|name| {
            table.enter(name);
        });
        table
    };
    let args: Vec<OsString> = names.iter().map(OsString::from).collect();
    let ledger = Ledger::open(folder.path(), Mode::Write)?;
    // Everything is read once before anything is measured.
    let mut first_table = table();
    stamp_all(&mut first_table, folder.path());
    let fresh = probe_all(&mut first_table, folder.path(), &PictureCache::new(), &limits).fresh;
    ledger.store_picture_facts(fresh)?;

    let (mut first, mut second, mut b3sum) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut fresh = table();
        first.push(measured(|| {
            stamp_all(&mut fresh, folder.path());
            let done = probe_all(&mut fresh, folder.path(), &PictureCache::new(), &limits);
            assert_eq!((done.read, done.cached), (count as u64, 0));
            Ok(())
        })?);
        b3sum.extend(run("b3sum", &args, &[], folder.path())?);
        let mut again = table();
        second.push(measured(|| {
            stamp_all(&mut again, folder.path());
            let known = ledger.picture_facts()?;
            let done = probe_all(&mut again, folder.path(), &known, &limits);
            assert_eq!((done.read, done.cached), (0, count as u64));
            Ok(())
        })?);
        assert!(fresh.iter().zip(again.iter()).all(|((_, a), (_, b))| a.facts == b.facts));
    }
    line("kinora, first time", &first, count);
    line("kinora, second time", &second, count);
    let wall = |rounds: &[Cost]| rounds.iter().map(|c| c.wall).fold(f64::INFINITY, f64::min);
    match line("b3sum", &b3sum, count) {
        Some(_) => {
            println!("first time takes {:.2} times as long as b3sum", wall(&first) / wall(&b3sum))
        }
        None => println!("b3sum is not installed (cargo install b3sum)"),
    }
    println!("second time is {:.1} times as fast as the first", wall(&first) / wall(&second));
    Ok(())
}

/// As loading a manifest does it.
fn stamp_all(table: &mut PictureTable, folder: &Path) {
    table.items_mut().par_iter_mut().for_each(|picture| {
        let found = fs::symlink_metadata(folder.join(&*picture.path));
        picture.stamp = found.ok().map(|file| Stamp::of(&file));
    });
}

fn one_avif(side: u32) -> Outcome<()> {
    let folder = folder()?;
    let png = folder.path().join("picture.png");
    photograph(1, side, side, 8).save(&png)?;
    for (depth, layout) in [("8", "420"), ("10", "420"), ("8", "444")] {
        let avif = folder.path().join(format!("{depth}-{layout}.avif"));
        let args: Vec<OsString> = ["-s", "8", "-d", depth, "-y", layout, "picture.png"]
            .into_iter()
            .map(OsString::from)
            .chain([avif.clone().into_os_string()])
            .collect();
        let Some(_) = run("avifenc", &args, &[], folder.path())? else {
            println!("avif: avifenc is not installed");
            return Ok(());
        };
        let bytes = fs::read(&avif)?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(measured(|| {
                assert_eq!(decode(&bytes, &PictureLimits::default())?.image.width(), side);
                Ok(())
            })?);
        }
        let wall = rounds.iter().map(|c| c.wall).fold(f64::INFINITY, f64::min);
        let pixels = f64::from(side) * f64::from(side) / 1e6;
        println!(
            "avif: {side}x{side}, {depth} bit {layout}, {} kB: {wall:.3} s, {:.1} megapixels/s, {:.2} MB/s",
            bytes.len() / 1000,
            pixels / wall,
            bytes.len() as f64 / 1e6 / wall
        );
    }
    Ok(())
}
