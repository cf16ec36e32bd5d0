//! What a provider's card says that the provider answers is what the same card reads.
//!
//! Each shipped card's rehearsal replies go through its own pointers, states and error rules; a
//! real ComfyUI server's replies go through its card.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kinora::diagnostic::Sources;
use kinora::limits::Limits;
use kinora::protocol::{Class, ErrorRule, ProviderCard, Rack, Reply, Stage, State};
use kinora::wire::{Pointer, scope_of};
use serde_json::{Map, Value as Json, json};

const ID: &str = "6f2d1c0a-0f5e-8c41-9b1e-3f1f0b6a7c55";

fn cards() -> Vec<Arc<ProviderCard>> {
    let nowhere = Path::new("tests/conformance/no-workspace");
    let (rack, findings) = Rack::load(nowhere, &Limits::default(), &mut Sources::default());
    assert!(!findings.has_errors(), "{:?}", findings.items());
    rack.iter().cloned().collect()
}

/// What a reply's expressions see; `id` is that of the job.
fn names(card: &ProviderCard, code: &str) -> Json {
    let mut names = json!({
        "attempt": ID, "model": "maker/model/variant", "cost": 1.5, "now": 1_767_225_600,
        "progress": 0.5, "url": "http://127.0.0.1:9/clip.mp4", "code": code,
        "message": "what went wrong",
        "request": {"body": {"model": "maker/model/variant", "input": {"prompt": "p"}}, "path": {}, "query": {}},
    });
    let id = card.rehearsal.id.fill(&scope_of(&names)).expect("an id").expect("an id");
    names["id"] = json!(id);
    names
}

/// A rendered reply as expressions see it: `status`, `headers`, `body`.
fn said(reply: &Reply, names: &Json) -> Map<String, Json> {
    let scope = scope_of(names);
    let body = reply.body.as_ref().and_then(|body| body.render(&scope).expect("it renders"));
    let headers: BTreeMap<String, String> = reply
        .headers
        .iter()
        .filter_map(|(k, v)| Some((k.to_ascii_lowercase(), v.fill(&scope).expect("it fills")?)))
        .collect();
    let mut said = Map::new();
    said.insert("status".to_owned(), json!(reply.status.unwrap_or(200)));
    said.insert("headers".to_owned(), json!(headers));
    said.insert("body".to_owned(), body.unwrap_or(Json::Null));
    said.insert("id".to_owned(), names["id"].clone());
    said
}

fn state(card: &ProviderCard, said: &Map<String, Json>) -> Option<State> {
    let states = &card.poll.states;
    let scope = scope_of(said);
    if let Some(rule) = states.rules.iter().find(|rule| rule.when.holds(&scope)) {
        return Some(rule.is);
    }
    let word = states.at.as_ref()?.text(&said["body"])?;
    states.words.iter().find(|(_, words)| words.contains(&word)).map(|(state, _)| *state)
}

fn first(pointers: &[Pointer], body: &Json) -> Option<String> {
    pointers.iter().find_map(|pointer| pointer.text(body))
}

/// The class of an error: the first rule that fits, else what its status usually means.
fn class(card: &ProviderCard, stage: Stage, said: &Map<String, Json>) -> Class {
    let body = &said["body"];
    let header =
        |name: &String| said["headers"][name.to_ascii_lowercase()].as_str().map(str::to_owned);
    let code = first(&card.errors.code, body).or(card.errors.code_header.as_ref().and_then(header));
    let mut seen = said.clone();
    seen.insert("code".to_owned(), json!(code));
    seen.insert("message".to_owned(), json!(first(&card.errors.message, body)));
    let (scope, status) = (scope_of(&seen), said["status"].as_u64().unwrap_or_default());
    let fits = |rule: &&ErrorRule| {
        (rule.at.is_empty() || rule.at.contains(&stage))
            && (rule.status.is_empty() || rule.status.iter().any(|s| u64::from(*s) == status))
            && (rule.code.is_empty()
                || code.as_ref().is_some_and(|code| {
                    let matches = |p: &String| glob::Pattern::new(p).is_ok_and(|p| p.matches(code));
                    rule.code.iter().any(matches)
                }))
            && rule.when.as_ref().is_none_or(|when| when.holds(&scope))
    };
    if let Some(rule) = card.errors.rules.iter().find(fits) {
        return rule.class;
    }
    match status {
        401 | 403 => Class::Auth,
        402 => Class::Payment,
        429 => Class::RateLimited,
        408 | 500.. if stage == Stage::Submit => Class::OutcomeUnknown,
        408 | 500.. => Class::Transient,
        _ => Class::Invalid,
    }
}

#[test]
fn an_accepted_submission_is_read_as_one() {
    for card in cards() {
        let names = names(&card, "");
        let reply = said(&card.rehearsal.accepted, &names);
        let id = card.submit.id.text(&reply["body"]);
        assert_eq!(id.as_deref(), names["id"].as_str(), "{}", card.provider);
        let accepted = card.submit.accepted.as_ref();
        assert!(accepted.is_none_or(|a| a.holds(&scope_of(&reply))), "{}", card.provider);
        for (name, pointer) in &card.submit.capture {
            assert!(pointer.first(&reply["body"]).is_some(), "{}: {name}", card.provider);
        }
        for cost in card.cost.at_create.iter().chain(&card.cost.at_submit) {
            assert_eq!(cost.at.text(&reply["body"]).as_deref(), Some("1.5"), "{}", card.provider);
        }
    }
}

#[test]
fn every_state_is_read_as_what_it_is() {
    for card in cards() {
        let rehearsal = &card.rehearsal;
        let code = rehearsal.policy_code.as_deref().unwrap_or("failed");
        let names = names(&card, code);
        let read = |reply: &Reply, word: &str| {
            let mut reply = said(reply, &names);
            if card.poll.also.is_some() {
                let also = rehearsal.also.get(word).map(|also| said(also, &names)["body"].clone());
                reply["body"]["also"] = also.unwrap_or_else(|| json!({}));
            }
            (state(&card, &reply), reply)
        };
        let expect = |reply: &Reply, word: &str, state: State| {
            assert_eq!(read(reply, word).0, Some(state), "{}: {word}", card.provider);
        };
        if let Some(queued) = &rehearsal.queued {
            expect(queued, "queued", State::Queued);
        }
        expect(&rehearsal.running, "running", State::Running);
        expect(&rehearsal.succeeded, "succeeded", State::Succeeded);
        expect(&rehearsal.failed, "failed", State::Failed);
        if rehearsal.policy_code.is_some() {
            let class = class(&card, Stage::Poll, &read(&rehearsal.failed, "failed").1);
            assert_eq!(class, Class::Policy, "{}: policy_code", card.provider);
        }
        if let Some(cancelled) = &rehearsal.cancelled {
            let ended = read(cancelled, "cancelled").0;
            let ends = [Some(State::Cancelled), Some(State::Failed)];
            assert!(ends.contains(&ended), "{}: cancelled is {ended:?}", card.provider);
        }
    }
}

#[test]
fn the_clip_is_found_where_it_is() {
    for card in cards() {
        let names = names(&card, "");
        let mut last = said(&card.rehearsal.succeeded, &names);
        for (hop, reply) in card.result.iter().zip(&card.rehearsal.result) {
            last = said(reply, &names);
            assert!(hop.accepted.as_ref().is_none_or(|a| a.holds(&scope_of(&last))));
            for (name, pointer) in &hop.capture {
                assert!(pointer.first(&last["body"]).is_some(), "{}: {name}", card.provider);
            }
        }
        let url = first(&card.output.url, &last["body"]);
        let found = url.as_deref() == names["url"].as_str() || card.output.request.is_some();
        assert!(found, "{}: {url:?}", card.provider);
        if let Some(cost) = &card.cost.after {
            let body = &said(&card.rehearsal.succeeded, &names)["body"];
            assert_eq!(cost.at.text(body).as_deref(), Some("1.5"), "{}", card.provider);
        }
    }
}

#[test]
fn every_refusal_is_classed_as_what_it_is() {
    for card in cards() {
        let names = names(&card, "");
        for (expected, reply) in &card.rehearsal.errors {
            let found = class(&card, Stage::Submit, &said(reply, &names));
            // What is the provider's own trouble leaves a submission's outcome unknown.
            let same = found == *expected
                || (*expected == Class::Transient && found == Class::OutcomeUnknown);
            assert!(same, "{}: {expected:?} is read as {found:?}", card.provider);
        }
    }
}

/// A reply of a real ComfyUI server.
fn comfyui(name: &str) -> Json {
    let path = format!("tests/comfyui/replies/{name}.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn a_real_comfyui_server_is_understood() {
    let cards = cards();
    let card = cards.iter().find(|card| card.provider == "comfyui").expect("it ships");
    let empty = json!({"queue_running": [], "queue_pending": []});
    let read = |name: &str, queue: &Json| {
        let reply = comfyui(name);
        let id = reply["asked"]["path"].as_str().and_then(|p| p.rsplit('/').next()).expect("an id");
        let mut body = queue.clone();
        body["also"] = reply["json"].clone();
        let mut seen = Map::new();
        seen.insert("status".to_owned(), json!(200));
        seen.insert("headers".to_owned(), json!({}));
        seen.insert("body".to_owned(), body);
        seen.insert("id".to_owned(), json!(id));
        seen
    };
    for (name, expected) in [
        ("history_success", State::Succeeded),
        ("history_cached", State::Succeeded),
        ("history_error", State::Failed),
        ("history_interrupted", State::Cancelled),
        ("history_unknown", State::Vanished),
    ] {
        assert_eq!(state(card, &read(name, &empty)), Some(expected), "{name}");
    }

    let queue = comfyui("queue")["json"].clone();
    let waiting = |list: &str, expected: State| {
        let id = queue[list][0][1].as_str().expect("an entry").to_owned();
        let mut seen = read("history_unknown", &queue);
        seen.insert("id".to_owned(), json!(id));
        assert_eq!(state(card, &seen), Some(expected), "{list}");
        id
    };
    let running = waiting("queue_running", State::Running);
    waiting("queue_pending", State::Queued);

    let error = read("history_error", &empty);
    assert_eq!(class(card, Stage::Poll, &error), Class::Invalid);
    let message = first(&card.errors.message, &error["body"]);
    assert!(message.is_some_and(|m| !m.is_empty()), "the node's own words");

    let lookup = card.lookup.as_ref().expect("it looks up");
    let mut listed = queue.clone();
    listed["also"] = comfyui("history_success")["json"].clone();
    let ids: Vec<_> = lookup.items.all(&listed).iter().filter_map(|i| lookup.id.text(i)).collect();
    assert!(ids.contains(&running), "{ids:?}");
    let finished = comfyui("history_success")["asked"]["path"].clone();
    let finished = finished.as_str().and_then(|p| p.rsplit('/').next()).expect("an id").to_owned();
    assert!(ids.contains(&finished), "{ids:?}");

    let outputs = comfyui("history_success")["json"].clone();
    let captured = |name: &str| card.result[0].capture[name].first(&outputs).cloned();
    assert!(captured("filename").is_some_and(|n| n.as_str().is_some_and(|n| n.ends_with(".mp4"))));
    assert!(captured("subfolder").is_some());
    assert_eq!(captured("type"), Some(json!("output")));

    let upload = comfyui("upload")["json"].clone();
    let images = card.images.upload.as_ref().expect("it uploads");
    let mut kept = Map::new();
    for (name, pointer) in &images.steps[0].capture {
        kept.insert(name.clone(), pointer.first(&upload).cloned().unwrap_or(Json::Null));
    }
    let handle = images.handle.fill(&scope_of(&json!({ "captured": kept }))).expect("it fills");
    assert!(handle.is_some_and(|h| h.starts_with("kinora/")), "{upload}");

    for name in ["refused_unknown_node", "refused_value_not_in_list", "refused_picture_missing"] {
        let reply = comfyui(name);
        let mut seen = Map::new();
        seen.insert("status".to_owned(), reply["status"].clone());
        seen.insert("headers".to_owned(), json!({}));
        seen.insert("body".to_owned(), reply["json"].clone());
        assert_eq!(class(card, Stage::Submit, &seen), Class::Invalid, "{name}");
        assert!(first(&card.errors.message, &reply["json"]).is_some(), "{name}");
    }
}
