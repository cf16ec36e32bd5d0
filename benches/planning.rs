//! Planning a large catalogue, built in memory: jobs a second and peak memory.
//!
//!     cargo bench --bench planning [-- SUBJECTS [SHOTS]]      default 100000 10

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use kinora::diagnostic::{Place, Source, SourceId, Sources};
use kinora::digest::Digest;
use kinora::ledger::{JobState, Known, KnownJobs};
use kinora::limits::Limits;
use kinora::manifest::{
    AttributeType, Budget, Catalogue, Columns, Concurrency, Guardrails, PricePolicy, Reference,
    Role, Row, Selection, Settings, Shot, Subject, SubjectKind, SubjectSet, Template, Unknown,
};
use kinora::media::{Facts, Format, Orientation, PictureTable, Traits};
use kinora::models::{ModelCard, Shelf};
use kinora::plan::{Access, Narrowing, PlanInputs, Used, build};
use serde_json::json;

const SOURCE: SourceId = SourceId(0);

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let subjects = numbers.first().copied().unwrap_or(100_000);
    let shots = numbers.get(1).copied().unwrap_or(10);
    let catalogue = Arc::new(catalogue(subjects, shots));
    let shelf: Shelf = [card()?].into_iter().collect();
    println!("{subjects} subjects x {shots} shots; catalogue: {} MiB", peak_mib());

    let mut known = KnownJobs::new();
    let first = plan("first plan", &catalogue, &shelf, &KnownJobs::new(), Some(&mut known))?;
    println!("with a ledger of {} jobs: {} MiB", known.len(), peak_mib());
    let again = plan("all done", &catalogue, &shelf, &known, None)?;
    assert_eq!(first, again, "the digest does not depend on the ledger");
    Ok(())
}

fn plan(
    what: &str,
    catalogue: &Arc<Catalogue>,
    shelf: &Shelf,
    known: &KnownJobs,
    mut learn: Option<&mut KnownJobs>,
) -> Result<Digest, Box<dyn Error>> {
    let inputs = PlanInputs {
        manifest: "kinora.yaml",
        known,
        earlier: &|_| None,
        address: &|_| None,
        access: &Access::default(),
        used: Used::default(),
        pictures: Default::default(),
        narrowing: &Narrowing::default(),
        history: Default::default(),
        missing: kinora::manifest::Missing::default(),
    };
    let start = Instant::now();
    let (plan, findings) = build(catalogue, shelf, &inputs, |job, _| {
        if let Some(known) = &mut learn {
            let mut fingerprint = [0; 16];
            fingerprint.copy_from_slice(&job.fingerprint.whole.as_bytes()[..16]);
            let row = known.len() as i64;
            known.insert(
                job.key,
                Known { job: row, fingerprint, state: JobState::Done, retake: 0, by_check: false },
            );
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let plan = plan.ok_or_else(|| format!("{findings:?}"))?;
    let jobs = plan.summary.all.jobs;
    println!(
        "{what}: {jobs} jobs in {seconds:.2} s, {:.0} jobs/s; {} to run; peak {} MiB",
        jobs as f64 / seconds,
        plan.summary.to_run.jobs,
        peak_mib()
    );
    Ok(plan.digest)
}

/// Peak resident memory so far, where the system tells.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn place() -> Place {
    Place::new(SOURCE, 0, 1)
}

fn template(source: &str) -> Template {
    Template { source: source.into(), place: place(), literal: false }
}

fn catalogue(subjects: usize, shots: usize) -> Catalogue {
    let mut sources = Sources::default();
    let text = Some("x".into());
    sources.add(Source { name: "kinora.yaml".into(), path: PathBuf::new(), text });
    let mut pictures = PictureTable::default();
    let columns = ["sku", "title", "colour", "price"];
    let columns = Columns::new(columns.map(|name| (name.to_owned(), AttributeType::Auto)));
    let name: Arc<str> = "hero".into();
    let subjects = (0..subjects).map(|i| {
        let id = format!("p{i}");
        let (title, colour) =
            (format!("Product {i}, the {}th", i % 7), format!("colour-{}", i % 31));
        let cells = [id.as_str(), &title, &colour, "12.50"];
        let picture = pictures.enter(&format!("images/{}/{id}.jpg", i / 1000));
        let reference = Reference {
            name: name.clone(),
            group: None,
            role: Role::Identity,
            picture,
            url: None,
            alt: None,
            place: place(),
        };
        Subject {
            row: Row::pack(cells.map(Some)),
            id: id.into(),
            tags: Box::new(["new".into(), "spring".into()]),
            references: Box::new([reference]),
            real_person: false,
            consent: None,
            first_row: 0,
            place: place(),
        }
    });
    let subjects = subjects.collect();
    for (i, picture) in pictures.items_mut().iter_mut().enumerate() {
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
    let set = SubjectSet {
        name: "products".into(),
        kind: SubjectKind::Product,
        columns,
        updated: None,
        feed: None,
        subjects,
        place: place(),
    };
    Catalogue {
        name: "large".into(),
        workspace: PathBuf::from("."),
        sources,
        inputs: Digest::of(b"large"),
        judges: Vec::new(),
        sets: vec![set],
        shots: (0..shots).map(shot).collect(),
        pictures,
        env: BTreeMap::new(),
        out: template("clips/{{ subject.id }}/{{ shot.id }}-{{ job.short }}.mp4"),
        limits: Limits { jobs: u64::MAX, ..Limits::default() },
        concurrency: Concurrency::default(),
        budget: Budget::default(),
        guardrails: Guardrails::default(),
        approvers: None,
        prices: PricePolicy::default(),
        defaults: Settings::default(),
        channels: Default::default(),
        providers: BTreeMap::new(),
        retries: 0,
        pay_again: false,
        unknown: Unknown::Hold,
        unattended: None,
        fetch: Default::default(),
        export: Default::default(),
    }
}

fn shot(number: usize) -> Shot {
    let prompt = format!(
        "{{{{ title }}}} in {{{{ colour }}}}, @hero turns slowly on marble {number}, \
         the camera pushes in"
    );
    Shot {
        id: format!("shot-{number}").into(),
        place: place(),
        selects: vec![Selection { set: 0, subject: None }],
        condition: Some(template("price >= 0")),
        tags: Vec::new(),
        with: Vec::new(),
        prompt: template(&prompt),
        negative_prompt: None,
        references: Vec::new(),
        uses: None,
        route: None,
        settings: Settings::default(),
        axes: Vec::new(),
        takes: 1,
        seeds: Vec::new(),
        out: None,
    }
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
