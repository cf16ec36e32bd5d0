//! What a provider card says that can't be, beyond what its schema refuses.

use std::collections::BTreeSet;

use super::call::{Call, Encoding};
use super::card::{Auth, ProviderCard};
use super::images::{Transport, Upload};
use super::progress::State;
use crate::diagnostic::{Place, nearest};
use crate::wire::names_after;
use crate::yaml::Node;

/// Keys to a value, what is wrong with it, and what to do.
pub(super) type Problem = (Vec<String>, String, &'static str);

/// Every problem of a card.
pub(super) fn problems(card: &ProviderCard) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    if card.kinora_provider != 1 {
        let message = format!("version {} of the card language is not known", card.kinora_provider);
        found.add(&["kinora_provider"], message, "write `kinora_provider: 1`");
    }
    if card.provider.is_empty() || !card.provider.chars().all(is_name_char) {
        let message = "a provider's name is of letters, digits, `-`, `_` and `.`".to_owned();
        found.add(&["provider"], message, "");
    }
    connection(card, &mut found);
    calls(card, &mut found);
    if let Some(auth) = &card.auth {
        keys(auth, &mut found);
    }
    if card.submit.forms.is_empty() {
        let message = "a provider needs at least one request form".to_owned();
        found.add(&["submit", "forms"], message, "");
    }
    states(card, &mut found);
    pictures(card, &mut found);
    output(card, &mut found);
    rules(card, &mut found);
    rehearsal(card, &mut found);
    found.0
}

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, keys: &[&str], message: String, help: &'static str) {
        self.0.push((keys.iter().map(|k| (*k).to_owned()).collect(), message, help));
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

fn connection(card: &ProviderCard, found: &mut Found) {
    let base = card.base_url.source();
    let secure = base.starts_with("https://");
    let own_server = card.local && base.starts_with("http://");
    if !secure && !own_server {
        let help = "keys and pictures only travel over https; a server of your own may say \
                    `local: true`";
        found.add(&["base_url"], format!("`{base}` is not an https URL"), help);
    }
    if base.ends_with('/') {
        found.add(&["base_url"], "a base URL ends without `/`".to_owned(), "remove the `/`");
    }
    for (i, host) in card.key_hosts.iter().enumerate() {
        let plain = host.strip_prefix("*.").unwrap_or(host);
        if !plain.contains('.') || !plain.chars().all(is_name_char) {
            let message = format!("`{host}` is no host such as api.example.com or *.example.com");
            found.add(&["key_hosts", &i.to_string()], message, "");
        }
    }
    for (name, variable) in &card.variables {
        let unknown = variable
            .default
            .as_ref()
            .filter(|d| !variable.choices.is_empty() && !variable.choices.contains_key(*d));
        if let Some(default) = unknown {
            let message = format!("`{default}` is not one of the variable's choices");
            found.add(&["variables", name, "default"], message, "name one of `choices:`");
        }
    }
}

fn calls(card: &ProviderCard, found: &mut Found) {
    let mut all: Vec<(Vec<&str>, &Call)> = Vec::new();
    for (name, form) in &card.submit.forms {
        all.push((vec!["submit", "forms", name], form));
    }
    all.push((vec!["poll", "request"], &card.poll.request));
    all.extend(card.poll.also.iter().map(|call| (vec!["poll", "also"], call)));
    let batch = card.poll.batch.iter();
    all.extend(batch.map(|batch| (vec!["poll", "batch", "request"], &batch.request)));
    const HOPS: [&str; 4] = ["0", "1", "2", "3"];
    for (hop, at) in card.result.iter().zip(HOPS) {
        all.push((vec!["result", at, "request"], &hop.request));
    }
    all.extend(card.output.request.iter().map(|call| (vec!["output", "request"], call)));
    let cancel = card.cancel.iter();
    all.extend(cancel.map(|cancel| (vec!["cancel", "request"], &cancel.request)));
    let lookup = card.lookup.iter();
    all.extend(lookup.map(|lookup| (vec!["lookup", "request"], &lookup.request)));
    let live = card.limits.live.iter();
    all.extend(live.map(|live| (vec!["limits", "live", "request"], &live.request)));
    for (mut keys, call) in all {
        if call.encoding == Encoding::Json && call.body.as_ref().is_some_and(|b| b.has_file()) {
            let mut keys = keys.clone();
            keys.push("body");
            let help = "say `encoding: multipart`, or hand the picture over as `uri`";
            found.add(&keys, "a picture's bytes can't stand in JSON".to_owned(), help);
        }
        keys.push("path");
        path(call.path.source(), &keys, found);
    }
    if let Some(prices) = &card.prices {
        path(prices.path.source(), &["prices", "path"], found);
        if let Some(estimate) = &prices.estimate {
            path(estimate.source(), &["prices", "estimate"], found);
        }
    }
    if let Some(upload) = &card.images.upload {
        for (i, step) in upload.steps.iter().enumerate() {
            let keys = ["images", "upload", "steps", &i.to_string(), "path"];
            path(step.path.source(), &keys, found);
        }
    }
}

fn path(source: &str, keys: &[&str], found: &mut Found) {
    if !source.starts_with('/') && !source.starts_with("${") && !source.starts_with("https://") {
        let message = format!("the path `{source}` does not begin with `/`");
        found.add(keys, message, "write the path below `base_url`, or `${captured.…}`");
    }
}

/// Names after `variables.` and `captured.` that the card does not have, each at its place.
pub(super) fn names(card: &ProviderCard, node: &Node) -> Vec<(Place, String, String)> {
    let variables: BTreeSet<&str> = card.variables.keys().map(String::as_str).collect();
    let upload = card.images.upload.iter().flat_map(|upload| &upload.steps);
    let by_upload = upload.flat_map(|step| step.capture.keys().chain(step.capture_headers.keys()));
    let captured: BTreeSet<&str> = card
        .submit
        .capture
        .keys()
        .chain(card.poll.capture.keys())
        .chain(card.result.iter().flat_map(|hop| hop.capture.keys()))
        .chain(by_upload)
        .map(String::as_str)
        .collect();
    let mut found = Vec::new();
    look_for(node, "variables.", &variables, "variable", &mut found);
    look_for(node, "captured.", &captured, "captured value", &mut found);
    found
}

fn look_for(
    node: &Node,
    before: &str,
    known: &BTreeSet<&str>,
    what: &str,
    found: &mut Vec<(Place, String, String)>,
) {
    for (place, name) in names_after(node, before) {
        if known.contains(name.as_str()) {
            continue;
        }
        let help = match nearest(&name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => String::new(),
        };
        found.push((place, format!("the card has no {what} `{name}`"), help));
    }
}

fn keys(auth: &Auth, found: &mut Found) {
    if !auth.value.contains("{key}") || auth.value.contains("${") {
        let message = "the header's text has no place for the key".to_owned();
        let help = "write `{key}`, without a `$`, where it goes: `Bearer {key}`";
        found.add(&["auth", "value"], message, help);
    }
    if auth.keys.is_empty() {
        let message = "no environment variable is named for the key".to_owned();
        found.add(&["auth", "keys"], message, "write `keys: [{env: [NAME]}]`");
    }
    for (i, source) in auth.keys.iter().enumerate() {
        let at = i.to_string();
        for name in &source.env {
            let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                let message = format!("`{name}` is no name of an environment variable");
                let help = "a card names the variable; the key itself never stands on a card";
                found.add(&["auth", "keys", &at, "env"], message, help);
            }
        }
        if source.jwt.is_some() && source.env.len() != 2 {
            let message = "a signed token needs two variables: access key and secret".to_owned();
            found.add(&["auth", "keys", &at, "env"], message, "");
        }
        if source.jwt.is_none() && source.join.is_none() && source.env.len() > 1 {
            let message = "several variables need `join`, the text between them".to_owned();
            found.add(&["auth", "keys", &at, "env"], message, "");
        }
    }
}

fn states(card: &ProviderCard, found: &mut Found) {
    let states = &card.poll.states;
    if states.rules.is_empty() && states.words.is_empty() {
        let message = "nothing says how a job's state is read".to_owned();
        found.add(&["poll", "states"], message, "write `at` with `words`, or `rules`");
    }
    if !states.words.is_empty() && states.at.is_none() {
        let message = "the states have words, but no pointer to the word".to_owned();
        found.add(&["poll", "states"], message, "write `at: $.status`");
    }
    let mut seen: Vec<(&str, State)> = Vec::new();
    for (state, words) in &states.words {
        for word in words {
            if let Some((_, first)) = seen.iter().find(|(known, _)| known == word) {
                let message = format!("`{word}` already means `{}`", first.as_str());
                found.add(&["poll", "states", "words", state.as_str()], message, "");
            }
            seen.push((word, *state));
        }
    }
    for word in &states.throttled {
        let waits = [State::Queued, State::Running].iter().filter_map(|s| states.words.get(s));
        if !waits.flatten().any(|known| known == word) {
            let message = format!("`{word}` is no word of `queued` or `running`");
            let help = "a job that is throttled waits; say so below `words` too";
            found.add(&["poll", "states", "throttled"], message, help);
        }
    }
    let succeeds = states.words.contains_key(&State::Succeeded)
        || states.rules.iter().any(|rule| rule.is == State::Succeeded);
    let said = !states.rules.is_empty() || !states.words.is_empty();
    if said && !succeeds {
        let message = "no word and no rule means `succeeded`".to_owned();
        found.add(&["poll", "states"], message, "");
    }
    if card.poll.progress_of.is_some_and(|of| of != 1 && of != 100) {
        let message = "`progress_of` is 1 or 100".to_owned();
        found.add(&["poll", "progress_of"], message, "");
    }
}

fn pictures(card: &ProviderCard, found: &mut Found) {
    let images = &card.images;
    if images.transports.is_empty() {
        let message = "there is no way to hand over a picture".to_owned();
        let help = "name one of url, data_uri, base64, upload and file";
        found.add(&["images", "transports"], message, help);
        return;
    }
    let uploads = images.transports.contains(&Transport::Upload);
    match (&images.upload, uploads) {
        (None, true) => {
            let message = "`upload` is a transport, but nothing says how".to_owned();
            found.add(&["images", "transports"], message, "write `upload:` with its steps");
        }
        (Some(_), false) => {
            let message = "how to upload is written, but `upload` is no transport".to_owned();
            found.add(&["images", "upload"], message, "add `upload` to `transports`");
        }
        (Some(upload), true) => upload_steps(upload, found),
        (None, false) => {}
    }
}

fn upload_steps(upload: &Upload, found: &mut Found) {
    if upload.steps.is_empty() {
        let message = "an upload needs at least one step".to_owned();
        found.add(&["images", "upload", "steps"], message, "");
    }
    if upload.handle.is_plain() {
        let message = "the handle is the same for every picture".to_owned();
        let help = "fill in what a step captured: `${captured.url}`";
        found.add(&["images", "upload", "handle"], message, help);
    }
}

fn output(card: &ProviderCard, found: &mut Found) {
    if card.output.url.is_empty() && card.output.request.is_none() {
        let message = "nothing says where the clip is".to_owned();
        found.add(&["output"], message, "write `url: [$.output[0]]`, or `request`");
    }
    if card.output.finished_at.is_some() && card.output.lifetime_s.is_none() {
        let message = "when a clip was made is of no use without `lifetime_s`".to_owned();
        found.add(&["output", "finished_at"], message, "write `lifetime_s`, or remove it");
    }
}

fn rules(card: &ProviderCard, found: &mut Found) {
    for (i, rule) in card.errors.rules.iter().enumerate() {
        let at = i.to_string();
        if let Some(status) = rule.status.iter().find(|s| !(100..600).contains(*s)) {
            let message = format!("{status} is no HTTP status");
            found.add(&["errors", "rules", &at, "status"], message, "");
        }
        let empty = rule.status.is_empty() && rule.code.is_empty() && rule.when.is_none();
        if empty && i + 1 < card.errors.rules.len() {
            let message = "this rule fits every error, so the ones after it never count".to_owned();
            found.add(&["errors", "rules", &at], message, "move it to the end");
        }
        for code in &rule.code {
            if let Err(error) = glob::Pattern::new(code) {
                let message = format!("`{code}` is no pattern ({})", error.msg);
                found.add(&["errors", "rules", &at, "code"], message, "");
            }
        }
    }
}

fn rehearsal(card: &ProviderCard, found: &mut Found) {
    let rehearsal = &card.rehearsal;
    let count = |keys: &[&str], has: usize, needs: usize, what: &str, found: &mut Found| {
        if has != needs {
            let message = format!("the number of replies is {has}, that of {what} {needs}");
            found.add(keys, message, "write one reply for each, in their order");
        }
    };
    let steps = card.images.upload.as_ref().map_or(0, |upload| upload.steps.len());
    count(&["rehearsal", "upload"], rehearsal.upload.len(), steps, "upload steps", found);
    let reads = card.result.len();
    count(&["rehearsal", "result"], rehearsal.result.len(), reads, "reads of the result", found);
    if card.cancel.is_some() != rehearsal.cancel.is_some() {
        let message = "`cancel` and its reply in the rehearsal come together".to_owned();
        found.add(&["rehearsal"], message, "");
    }
    if card.lookup.is_some() != rehearsal.lookup.is_some() {
        let message = "`lookup` and its reply in the rehearsal come together".to_owned();
        found.add(&["rehearsal"], message, "");
    }
}
