//! What the cards send, compared with what the providers' own clients really sent.
//!
//! Each case names a recorded request and the logical job or step that it was. Both sides are
//! made comparable: nulls are dropped, JSON is compared as JSON, queries and forms by name,
//! noise headers (`accept`, `user-agent`, …) are left out. What a client adds that Kinora leaves
//! out on purpose is listed with the case.

#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/jobs.rs"]
mod jobs;

use std::collections::BTreeMap;
use std::path::Path;

use compare::{Case, Job, Picture, Recording, Sent, differences};
use jobs::Jobs;
use kinora::diagnostic::{Findings, Sources};
use kinora::limits::Limits;
use kinora::manifest::Role;
use kinora::models::{Route, Shelf};
use kinora::protocol::{Rack, Transport};
use serde::de::DeserializeOwned;

const FOLDER: &str = "tests/conformance";

fn shipped() -> (Rack, Shelf) {
    let nowhere = Path::new("tests/conformance/no-workspace");
    let mut sources = Sources::default();
    let (rack, findings) = Rack::load(nowhere, &Limits::default(), &mut sources);
    assert!(!findings.has_errors(), "{:?}", findings.items());
    let (shelf, findings) =
        Shelf::load(nowhere, jiff::civil::date(2026, 11, 23), &Limits::default(), &mut sources);
    assert!(!findings.has_errors(), "{:?}", findings.items());
    (rack, shelf)
}

fn read<T: DeserializeOwned>(file: &Path) -> T {
    let mut sources = Sources::default();
    let limits = Limits::default();
    let name = file.display().to_string();
    let (source, text) = kinora::yaml::read_file(file, &name, &limits, &mut sources)
        .unwrap_or_else(|e| {
            panic!("{name} can't be read: {e:?}");
        });
    let mut findings = Findings::default();
    let node = kinora::yaml::read(&text, source, &limits, &mut findings)
        .unwrap_or_else(|| panic!("{name}: {:?}", findings.items()));
    kinora::yaml::decode(&node).unwrap_or_else(|e| panic!("{name}: {e} at {:?}", e.place))
}

#[test]
fn every_card_sends_what_the_provider_s_own_client_sent() {
    let (rack, shelf) = shipped();
    let mut recordings: BTreeMap<String, Recording> = BTreeMap::new();
    let mut problems = String::new();
    let mut compared = 0;
    let mut files: Vec<_> = std::fs::read_dir(format!("{FOLDER}/cases"))
        .expect("the cases are there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    for file in files {
        for case in read::<Vec<Case>>(&file) {
            let recording = recordings
                .entry(case.recorded.clone())
                .or_insert_with(|| Recording::read(FOLDER, &case.recorded));
            let recorded = recording.request(case.request);
            let sent = Sent::of(&case, &rack, &shelf);
            for difference in differences(&case, recorded, &sent) {
                problems += &format!(
                    "{} #{} ({}): {difference}\n",
                    case.recorded,
                    case.request,
                    case.what()
                );
            }
            compared += 1;
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
    assert!(compared > 0, "no case was compared");
}

/// The same job asked of the client and of Kinora gives the same request, picture bytes and all.
#[test]
fn every_logical_job_is_sent_as_the_provider_s_own_client_sent_it() {
    let (rack, shelf) = shipped();
    let (mut problems, mut compared) = (String::new(), 0);
    for jobs in read::<Vec<Jobs>>(Path::new(&format!("{FOLDER}/jobs.yaml"))) {
        let recording = Recording::read(FOLDER, &jobs.recorded);
        for (at, recorded) in recording.requests().enumerate() {
            let Some(case) = jobs.case(at, recorded, &shelf) else { continue };
            let sent = Sent::of(&case, &rack, &shelf);
            for difference in differences(&case, recorded, &sent) {
                problems += &format!("{} #{at} ({}): {difference}\n", case.recorded, case.what());
            }
            compared += 1;
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
    assert!(compared > 0, "no job was compared");
}

/// What the plan shows as sent is sent, and counted in the prompt as it is in the request: also
/// where one of the pictures is a first frame by its role.
#[test]
fn every_picture_of_a_references_job_is_in_the_request_in_its_order() {
    let (rack, shelf) = shipped();
    let by_references = |card: &&std::sync::Arc<kinora::models::ModelCard>| {
        card.routes.get(&Route::References).is_some_and(|ability| ability.max >= 2)
    };
    let mut looked_at = 0;
    for card in shelf.iter().filter(by_references).filter(|card| card.provider != "animatic") {
        let provider = rack.get(&card.provider).expect("it has a card");
        let by_url = provider.images.transports.contains(&Transport::Url);
        let picture = |role, name: &str| {
            let text = Some(format!("https://shop.example/{name}.png"));
            let (url, base64) = if by_url { (text, None) } else { (None, text) };
            Picture { name: Some(name.to_owned()), role, url, base64, ..Picture::default() }
        };
        let seconds = card.durations.nearest(5.into()).expect("a length");
        let job = Job {
            route: Route::References,
            prompt: "it stands there".to_owned(),
            duration: seconds.to_string(),
            aspect: card.aspects.first().map_or("16:9".to_owned(), ToString::to_string),
            resolution: card.usual_resolution().expect("a resolution").to_owned(),
            pictures: vec![picture(Role::FirstFrame, "one"), picture(Role::Identity, "two")],
            negative_prompt: None,
            seed: None,
            fps: None,
            options: Vec::new(),
            values: BTreeMap::new(),
        };
        let case = Case { model: Some(card.model.clone()), job: Some(job), ..Case::default() };
        let sent = Sent::of(&case, &rack, &shelf).body();
        let at = |name: &str| sent.find(&format!("shop.example/{name}.png"));
        assert!(at("one").is_some() && at("one") < at("two"), "{}: {sent}", card.model);
        looked_at += 1;
    }
    assert!(looked_at > 15, "{looked_at}");
}

/// A card says that a clip follows its picture exactly where its request is the same for every
/// aspect.
#[test]
fn a_route_that_asks_for_no_aspect_says_that_clips_follow_their_picture() {
    let (rack, shelf) = shipped();
    let mut wrong = Vec::new();
    for card in shelf.iter().filter(|card| card.provider != "animatic") {
        let [one, other, ..] = &card.aspects[..] else { continue };
        let provider = rack.get(&card.provider).expect("it has a card");
        let file = provider.images.transports.contains(&Transport::File);
        for route in [Route::Image, Route::Frames] {
            let Some(ability) = card.routes.get(&route) else { continue };
            let picture = |role| {
                let text = Some("https://shop.example/one.png".to_owned());
                let (url, by_file) = if file { (None, text) } else { (text, None) };
                Picture { role, url, file: by_file, ..Picture::default() }
            };
            let pictures = || match route {
                Route::Frames => vec![picture(Role::FirstFrame), picture(Role::LastFrame)],
                _ => vec![picture(Role::FirstFrame)],
            };
            let body = |aspect: &kinora::models::AspectRatio| {
                let job = Job {
                    route,
                    prompt: "it turns".to_owned(),
                    duration: card.durations.nearest(5.into()).expect("a length").to_string(),
                    aspect: aspect.to_string(),
                    resolution: card.usual_resolution().expect("a resolution").to_owned(),
                    pictures: pictures(),
                    negative_prompt: None,
                    seed: None,
                    fps: None,
                    options: Vec::new(),
                    values: BTreeMap::new(),
                };
                let model = Some(card.model.clone());
                let case = Case { model, job: Some(job), ..Case::default() };
                Sent::of(&case, &rack, &shelf).body()
            };
            if (body(one) == body(other)) != ability.follows_picture {
                wrong.push(format!("{} {route}", card.model));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whatever a card offers is said in its request by every route that it is offered on, and a
/// request without it says something else.
#[test]
fn every_option_changes_the_request() {
    let (rack, shelf) = shipped();
    let (mut silent, mut looked_at) = (Vec::new(), 0);
    for card in shelf.iter() {
        for (name, option) in &card.options {
            let offered =
                |route: &&Route| option.routes.is_empty() || option.routes.contains(*route);
            for route in card.routes.keys().filter(offered) {
                let picture = |role| {
                    let transports =
                        &rack.get(&card.provider).expect("it has a card").images.transports;
                    let text = Some("https://shop.example/one.png".to_owned());
                    let (url, file) = match transports.contains(&Transport::File) {
                        true => (None, text),
                        false => (text, None),
                    };
                    Picture { role, url, file, ..Picture::default() }
                };
                let pictures = match route {
                    Route::Text => Vec::new(),
                    Route::Image => vec![picture(Role::FirstFrame)],
                    Route::Frames => vec![picture(Role::FirstFrame), picture(Role::LastFrame)],
                    Route::References => vec![picture(Role::Identity)],
                };
                let body = |options: Vec<String>| {
                    let job = Job {
                        route: *route,
                        prompt: "it turns".to_owned(),
                        duration: card.durations.longest().expect("a length").to_string(),
                        aspect: card.aspects.first().map_or("16:9".to_owned(), ToString::to_string),
                        resolution: card.usual_resolution().expect("a resolution").to_owned(),
                        pictures: pictures.iter().map(|p| picture(p.role)).collect(),
                        negative_prompt: None,
                        seed: None,
                        fps: None,
                        options,
                        values: BTreeMap::new(),
                    };
                    let model = Some(card.model.clone());
                    Sent::of(&Case { model, job: Some(job), ..Case::default() }, &rack, &shelf)
                        .body()
                };
                if body(vec![name.clone()]) == body(Vec::new()) {
                    silent.push(format!("{} {route} {name}", card.model));
                }
                looked_at += 1;
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new());
    assert!(looked_at > 60, "{looked_at}");
}
