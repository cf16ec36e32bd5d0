//! Writing and reading the file of a large plan: bytes a job, jobs a second, peak memory.
//!
//!     cargo bench --bench plan_file [-- SUBJECTS [SHOTS [TAKES]]]      default 100000 5 2
//!
//! Jobs are planned once before anything is measured and kept in memory, so that what is measured
//! is the file alone; peak memory is therefore that of the jobs for writing, and told for reading
//! by a second process (`-- read FILE`).

use std::error::Error;
use std::fmt::Write;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kinora::digest::Digest;
use kinora::ledger::KnownJobs;
use kinora::limits::Limits;
use kinora::manifest::{Catalogue, Reference, Role};
use kinora::media::{Facts, Format, Orientation, Traits};
use kinora::models::{ModelCard, Shelf};
use kinora::plan::file::{LedgerMark, Origin, PlanReader, PlanWriter};
use kinora::plan::{Access, Change, Plan, PlanInputs, PlannedJob, build};
use serde_json::json;

/// The same as the program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each is measured; the best counts, since others use the machine too.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [word, file] = words.as_slice()
        && word == "read"
    {
        return read(Path::new(file));
    }
    let number =
        |i: usize, usual: usize| words.get(i).and_then(|w| w.parse().ok()).unwrap_or(usual);
    let (subjects, shots, takes) = (number(0, 100_000), number(1, 5), number(2, 2));
    let catalogue = Arc::new(catalogue(subjects, shots, u32::try_from(takes)?)?);
    let (plan, jobs) = plan(&catalogue)?;
    println!("{subjects} subjects x {shots} shots x {takes} takes: {} jobs", jobs.len());

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("large.plan");
    for _ in 0..ROUNDS {
        write(&plan, &jobs, &catalogue, &path)?;
    }
    let bytes = path.metadata()?.len();
    println!("{bytes} bytes, {:.1} a job", bytes as f64 / jobs.len() as f64);
    drop((plan, jobs, catalogue));
    for _ in 0..ROUNDS {
        let me = std::env::current_exe()?;
        let ended = std::process::Command::new(me).arg("read").arg(&path).status()?;
        assert!(ended.success(), "the file is read");
    }
    Ok(())
}

/// The plan, and its jobs as a writer gets them.
type Planned = (Plan, Vec<(PlannedJob, Change)>);

fn plan(catalogue: &Arc<Catalogue>) -> Result<Planned, Box<dyn Error>> {
    let shelf: Shelf = [card()?].into_iter().collect();
    let inputs = PlanInputs {
        manifest: "kinora.yaml",
        known: &KnownJobs::new(),
        earlier: &|_| None,
        address: &|_| None,
        access: &Access::default(),
        used: Default::default(),
        pictures: Default::default(),
        narrowing: &Default::default(),
        history: Default::default(),
        missing: kinora::manifest::Missing::default(),
    };
    let mut jobs = Vec::new();
    let start = Instant::now();
    let (plan, findings) = build(catalogue, &shelf, &inputs, |job, change| {
        jobs.push((job.clone(), change.clone()));
    });
    println!("planned in {:.2} s", start.elapsed().as_secs_f64());
    Ok((plan.ok_or_else(|| format!("{findings:?}"))?, jobs))
}

fn write(
    plan: &Plan,
    jobs: &[(PlannedJob, Change)],
    catalogue: &Catalogue,
    path: &Path,
) -> Result<(), Box<dyn Error>> {
    let ledger = LedgerMark { lineage: Some("0".repeat(32)), serial: 0 };
    let manifest = "kinora.yaml".to_owned();
    let origin = Origin { manifest, files: vec![], cards: vec![], prices: vec![], ledger };
    let start = Instant::now();
    let mut writer = PlanWriter::new(origin)?;
    for (job, change) in jobs {
        writer.job(job, change, catalogue)?;
    }
    let made = start.elapsed().as_secs_f64();
    writer.finish(&plan.summary, std::io::BufWriter::new(File::create(path)?))?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "written in {seconds:.2} s ({made:.2} s before it is finished), {:.0} jobs/s",
        jobs.len() as f64 / seconds
    );
    Ok(())
}

/// Reads a file to its end, with everything that is verified.
fn read(path: &Path) -> Result<(), Box<dyn Error>> {
    let limits = Limits { jobs: u64::MAX, ..Limits::default() };
    let start = Instant::now();
    let mut jobs = 0u64;
    for job in PlanReader::open(path, &limits)? {
        job?;
        jobs += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = jobs as f64 / seconds;
    println!("read in {seconds:.2} s, {rate:.0} jobs/s; peak {} MiB", peak_mib());
    Ok(())
}

/// Peak resident memory so far, where the system tells.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// A shop as people have it, but for its pictures: they would be gigabytes, and the file holds no
/// more of them than their digests.
fn catalogue(subjects: usize, shots: usize, takes: u32) -> Result<Catalogue, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut manifest = "kinora: 1\nname: large\nlimits: {jobs: 1000000000}\n\
        defaults: {model: animatic}\nsubjects:\n  products: {kind: product, from: products.csv, \
        id: \"{{ sku }}\"}\n\
        out: \"clips/{{ subject.id }}/{{ shot.id }}-{{ job.short }}.mp4\"\nshots:\n"
        .to_owned();
    for number in 0..shots {
        writeln!(
            manifest,
            "  - {{id: shot-{number}, for: products, takes: {takes}, prompt: \"{{{{ title }}}} in \
             {{{{ colour }}}} turns slowly on marble {number}, the camera pushes in\"}}"
        )?;
    }
    let mut feed = "sku,title,colour,price\n".to_owned();
    for i in 0..subjects {
        writeln!(feed, "p{i},\"Product {i}, the {}th\",colour-{},12.50", i % 7, i % 31)?;
    }
    std::fs::write(folder.path().join("kinora.yaml"), manifest)?;
    std::fs::write(folder.path().join("products.csv"), feed)?;
    let loaded = kinora::manifest::load(&folder.path().join("kinora.yaml"), &Default::default());
    let mut catalogue = loaded.catalogue.ok_or_else(|| format!("{:?}", loaded.findings))?;
    let name: Arc<str> = "hero".into();
    for (i, subject) in catalogue.sets[0].subjects.iter_mut().enumerate() {
        let picture = catalogue.pictures.enter(&format!("images/{}/{}.jpg", i / 1000, subject.id));
        let (name, place) = (name.clone(), subject.place);
        let role = Role::Identity;
        subject.references =
            Box::new([Reference { name, group: None, role, picture, url: None, alt: None, place }]);
    }
    for (i, picture) in catalogue.pictures.items_mut().iter_mut().enumerate() {
        picture.facts = Some(Ok(Facts {
            digest: Digest::of(&i.to_le_bytes()),
            bytes: 40_000,
            format: Format::Jpeg,
            width: 1200,
            height: 1200,
            orientation: Orientation(1),
            traits: Traits::default(),
        }));
    }
    Ok(catalogue)
}

fn card() -> serde_json::Result<ModelCard> {
    serde_json::from_value(json!({
        "kinora_model": 1, "model": "animatic", "provider": "animatic", "title": "for measuring",
        "routes": {
            "text": {}, "image": {"min": 1, "max": 1},
            "references": {"min": 1, "max": 9, "mention": "@Image{n}"},
        },
        "durations": {"range": {"min": "1", "max": "60", "step": "1"}},
        "resolutions": {"720p": {"short_side": 720}},
        "fps": [24], "seed": true,
        "price": {
            "unit": "credits", "as_of": "2026-11-01", "source": "made up",
            "charges": [{"per": "second", "amount": "1.25"}],
        },
    }))
}
