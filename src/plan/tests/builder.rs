//! Small catalogues and cards, built in code.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;

use crate::diagnostic::{Findings, Place, Source, SourceId, Sources};
use crate::digest::Digest;
use crate::ledger::{History, JobState, Known, KnownJobs};
use crate::limits::Limits;
use crate::manifest::{
    AttributeType, Axis, Budget, Catalogue, Columns, Concurrency, Guardrails, Placed, PricePolicy,
    Reference, Role, Row, Selection, Settings, Shot, Subject, SubjectKind, SubjectRef, SubjectSet,
    Template, Unknown, With,
};
use crate::media::{Facts, Format, Orientation, PictureTable, Traits};
use crate::models::{ModelCard, Shelf};
use crate::plan::{Access, Change, Narrowing, Plan, PlanInputs, PlannedJob, Reach, Used, build};

/// A catalogue in the making. Its one source holds every template, one after another.
pub struct Build {
    text: String,
    pub catalogue: Catalogue,
    pub access: Access,
    pub narrowing: Narrowing,
    pub history: History,
}

/// Everything that a plan gave.
pub struct Planned {
    pub plan: Option<Plan>,
    pub jobs: Vec<(PlannedJob, Change)>,
    pub findings: Findings,
    pub catalogue: Arc<Catalogue>,
}

impl Planned {
    pub fn codes(&self) -> Vec<&'static str> {
        self.findings.items().iter().map(|f| f.code).collect()
    }

    pub fn message(&self, code: &str) -> String {
        let found = self.findings.items().iter().find(|f| f.code == code);
        found.map(|f| f.message.clone()).unwrap_or_default()
    }

    pub fn help(&self, code: &str) -> String {
        let found = self.findings.items().iter().find(|f| f.code == code);
        found.and_then(|f| f.help.clone()).unwrap_or_default()
    }

    /// The text under a finding's label.
    pub fn marked(&self, code: &str) -> String {
        let found = self.findings.items().iter().find(|f| f.code == code);
        let place = found.and_then(|f| f.place.as_ref()).map(|(place, _)| *place);
        let place = place.expect("the finding has a place");
        let text = self.catalogue.sources.get(place.source).text.clone().expect("kept in memory");
        let start = usize::try_from(place.start).expect("a small file");
        text[start..start + place.length as usize].to_owned()
    }

    pub fn addresses(&self) -> Vec<&str> {
        self.jobs.iter().map(|(job, _)| job.address.as_str()).collect()
    }

    pub fn only(&self) -> &PlannedJob {
        assert_eq!(self.jobs.len(), 1, "{:?}", self.findings);
        &self.jobs[0].0
    }

    pub fn plan(&self) -> &Plan {
        self.plan.as_ref().unwrap_or_else(|| panic!("{:?}", self.findings))
    }

    /// The ledger after all these jobs reached `state`.
    pub fn known(&self, state: JobState) -> KnownJobs {
        let known = |(row, (job, _)): (i64, &(PlannedJob, Change))| {
            let mut fingerprint = [0; 16];
            fingerprint.copy_from_slice(&job.fingerprint.whole.as_bytes()[..16]);
            (job.key, Known { job: row, fingerprint, state, retake: 0, by_check: false })
        };
        (1..).zip(&self.jobs).map(known).collect()
    }
}

impl Build {
    pub fn new() -> Self {
        let mut build = Build {
            text: String::new(),
            access: access(),
            narrowing: Narrowing::default(),
            history: History::default(),
            catalogue: Catalogue {
                name: "test".into(),
                workspace: PathBuf::from("."),
                sources: Sources::default(),
                inputs: Digest::of(b""),
                sets: Vec::new(),
                shots: Vec::new(),
                pictures: PictureTable::default(),
                env: BTreeMap::new(),
                out: Template {
                    source: "".into(),
                    place: Place::new(SourceId(0), 0, 0),
                    literal: true,
                },
                limits: Limits::default(),
                concurrency: Concurrency::default(),
                budget: Budget::default(),
                guardrails: Guardrails::default(),
                defaults: Settings::default(),
                channels: Default::default(),
                approvers: None,
                providers: BTreeMap::new(),
                prices: PricePolicy::default(),
                retries: 0,
                pay_again: false,
                unknown: Unknown::Hold,
                unattended: None,
                fetch: Default::default(),
                judges: Vec::new(),
                export: Default::default(),
            },
        };
        build.catalogue.out = build.template("clips/{{ shot.id }}/{{ job.address }}.mp4");
        build
    }

    /// Writes a value into the source and gives its place.
    pub fn place(&mut self, text: &str) -> Place {
        let start = self.text.len() as u64;
        self.text.push_str(text);
        self.text.push('\n');
        Place::new(SourceId(0), start, u32::try_from(text.len()).expect("a short text"))
    }

    pub fn template(&mut self, source: &str) -> Template {
        Template { source: source.into(), place: self.place(source), literal: true }
    }

    pub fn picture(&mut self, path: &str) -> crate::media::PictureId {
        let id = self.catalogue.pictures.enter(path);
        let facts = Facts {
            digest: Digest::of(path.as_bytes()),
            bytes: 1000,
            format: Format::Jpeg,
            width: 800,
            height: 600,
            orientation: Orientation(1),
            traits: Traits::default(),
        };
        self.catalogue.pictures.items_mut()[id.0 as usize].facts = Some(Ok(facts));
        id
    }

    pub fn reference(&mut self, name: &str, role: Role, path: &str) -> Reference {
        let (picture, place) = (self.picture(path), self.place(path));
        // `detail-1` is one of the glob `detail`.
        let group = name.rsplit_once('-').filter(|(_, n)| n.parse::<u32>().is_ok());
        let group = group.map(|(group, _)| group.into());
        Reference { name: name.into(), group, role, picture, url: None, alt: None, place }
    }

    /// A set with attributes `title`, `colour` and `price`.
    pub fn set(mut self, name: &str, kind: SubjectKind) -> Self {
        let columns = ["title", "colour", "price"].map(|n| (n.to_owned(), AttributeType::Auto));
        let place = self.place(name);
        let (name, columns) = (name.into(), Columns::new(columns));
        self.catalogue.sets.push(SubjectSet {
            feed: None,
            name,
            kind,
            columns,
            updated: None,
            subjects: Vec::new(),
            place,
        });
        self
    }

    /// A subject of the latest set; each reference is `name` or `name:role`.
    pub fn subject(mut self, id: &str, cells: [Option<&str>; 3], references: &[&str]) -> Self {
        let references = references.iter().map(|written| {
            let (name, role) = written.split_once(':').unwrap_or((written, "identity"));
            let role = serde_json::from_value(json!(role)).expect("a role");
            self.reference(name, role, &format!("{id}/{name}.jpg"))
        });
        let references = references.collect::<Vec<_>>().into();
        let (row, place) = (Row::pack(cells), self.place(id));
        let tags = Box::new(["new".into()]);
        let set = self.catalogue.sets.last_mut().expect("a set comes first");
        set.subjects.push(Subject {
            first_row: 0,
            id: id.into(),
            row,
            tags,
            real_person: false,
            consent: None,
            references,
            place,
        });
        self
    }

    /// Products `mug` and `cup`, each with the same references.
    pub fn products(self, references: &[&str]) -> Self {
        self.set("products", SubjectKind::Product)
            .subject("mug", [Some("Terra Mug"), Some("red"), Some("24")], references)
            .subject("cup", [Some("Luna Cup"), Some("blue"), Some("18")], references)
    }

    /// A shot for the whole first set, or alone where there is none.
    pub fn shot(mut self, id: &str, prompt: &str, change: impl FnOnce(&mut Shot)) -> Self {
        let any = !self.catalogue.sets.is_empty();
        let shot = Shot {
            id: id.into(),
            place: self.place(id),
            selects: any.then_some(Selection { set: 0, subject: None }).into_iter().collect(),
            condition: None,
            tags: Vec::new(),
            with: Vec::new(),
            prompt: self.template(prompt),
            negative_prompt: None,
            references: Vec::new(),
            uses: None,
            route: None,
            settings: Settings::default(),
            axes: Vec::new(),
            takes: 1,
            seeds: Vec::new(),
            out: None,
        };
        self.catalogue.shots.push(shot);
        change(self.catalogue.shots.last_mut().expect("just pushed"));
        self
    }

    /// An axis of the latest shot.
    pub fn axis(mut self, name: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| ((*value).into(), self.place(value))).collect();
        let shot = self.catalogue.shots.last_mut().expect("a shot comes first");
        shot.axes.push(Axis { name: name.into(), values });
        shot.axes.sort_by(|a, b| a.name.cmp(&b.name));
        self
    }

    /// A further subject of the latest shot.
    pub fn with(mut self, alias: &str, choices: &[(u32, u32)]) -> Self {
        let choices =
            choices.iter().map(|(set, subject)| SubjectRef { set: *set, subject: *subject });
        let (choices, place) = (choices.collect(), self.place(alias));
        let shot = self.catalogue.shots.last_mut().expect("a shot comes first");
        shot.with.push(With { alias: alias.into(), choices, place });
        self
    }

    /// The model of the latest shot.
    pub fn model(mut self, model: &str) -> Self {
        let place = self.place(model);
        let shot = self.catalogue.shots.last_mut().expect("a shot comes first");
        shot.settings.model = Some(Placed { value: model.to_owned(), place });
        self
    }

    /// A `where:` of the latest shot.
    pub fn condition(mut self, source: &str) -> Self {
        let template = self.template(source);
        self.catalogue.shots.last_mut().expect("a shot comes first").condition = Some(template);
        self
    }

    /// The `use:` of the latest shot.
    pub fn uses(mut self, names: &[&str]) -> Self {
        let names = names.iter().map(|name| ((*name).to_owned(), self.place(name))).collect();
        self.catalogue.shots.last_mut().expect("a shot comes first").uses = Some(names);
        self
    }

    pub fn change(mut self, change: impl FnOnce(&mut Build)) -> Self {
        change(&mut self);
        self
    }

    pub fn plan(self) -> Planned {
        self.plan_with(&shelf(), &KnownJobs::new(), Used::default())
    }

    pub fn plan_after(self, known: &KnownJobs) -> Planned {
        self.plan_with(&shelf(), known, Used::default())
    }

    pub fn plan_with(mut self, shelf: &Shelf, known: &KnownJobs, used: Used) -> Planned {
        self.catalogue.sources.add(Source {
            name: "kinora.yaml".into(),
            path: PathBuf::from("kinora.yaml"),
            text: Some(self.text.as_str().into()),
        });
        let catalogue = Arc::new(self.catalogue);
        let inputs = PlanInputs {
            manifest: "kinora.yaml",
            known,
            earlier: &|_| Some([0; 4]),
            address: &|row| Some(format!("row {row}")),
            access: &self.access,
            used,
            pictures: Default::default(),
            narrowing: &self.narrowing,
            history: self.history,
            missing: Default::default(),
        };
        let mut jobs = Vec::new();
        let (plan, findings) = build(&catalogue, shelf, &inputs, |job, change| {
            jobs.push((job.clone(), change.clone()));
        });
        Planned { plan, jobs, findings, catalogue }
    }
}

pub fn amount(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// The provider of the cards below can be used.
pub fn access() -> Access {
    [("test", Reach::Ready)].into_iter().collect()
}

pub fn card(model: &str, change: impl FnOnce(&mut serde_json::Value)) -> ModelCard {
    let mut card = json!({
        "kinora_model": 1, "model": model, "provider": "test", "title": model,
        "routes": {
            "text": {}, "image": {"min": 1, "max": 1}, "frames": {"min": 2, "max": 2},
            "references": {"min": 1, "max": 4, "mention": "@Image{n}"},
        },
        "durations": {"range": {"min": "2", "max": "10", "step": "1"}},
        "resolutions": {"480p": {"short_side": 480}, "720p": {"short_side": 720}},
        "fps": [24, 30], "seed": true, "negative_prompt": true,
        "price": {
            "unit": "credits", "as_of": "2026-11-01", "source": "test",
            "charges": [
                {"per": "second", "amount": "1"},
                {"per": "image", "amount": "0.5", "routes": ["references"]},
            ],
        },
    });
    change(&mut card);
    serde_json::from_value(card).expect("a card")
}

/// `animatic` does everything; the others lack one thing each.
pub fn shelf() -> Shelf {
    let without_references = |card: &mut serde_json::Value| {
        card["routes"].as_object_mut().expect("routes").remove("references");
    };
    [
        card("animatic", |_| {}),
        card("first-frame", without_references),
        card("references-only", |c| {
            c["routes"].as_object_mut().expect("routes").retain(|name, _| name == "references");
        }),
        card("no-mentions", |c| c["routes"]["references"]["mention"] = json!(null)),
        card("narrow", |c| {
            c["aspects"] = json!(["16:9"]);
            c["durations"] = json!({"values": ["4", "8"]});
            c["prompt_max_chars"] = json!(20);
            c["only"] = json!([{"resolutions": ["480p"], "durations": {"values": ["8"]}}]);
            c["seed"] = json!(false);
            c["negative_prompt"] = json!(false);
            c["routes"]["image"] = json!({"min": 1, "max": 1, "formats": ["png"], "min_side": 300});
        }),
        card("unpriced", |c| c["price"] = json!(null)),
        card("in-usd", |c| c["price"]["unit"] = json!("USD")),
    ]
    .into_iter()
    .collect()
}
