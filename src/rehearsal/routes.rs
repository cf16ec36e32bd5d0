//! Routes: which request is which step of which job. Every call of a card is filled in for each
//! job, as a client would do it, and its address entered; so a request is found by looking it
//! up, whatever the card's paths are made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::prices::Prices;
use super::submission::Candidate;
use crate::models::ModelCard;
use crate::protocol::{Built, Call, Method, PriceList, ProviderCard};
use crate::wire::{Filling, Scope, scope_of};

/// Position of a job.
pub(super) type JobAt = usize;

/// A step of a job's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Its state.
    Poll,
    /// The second read of its state.
    Also,
    /// A further read.
    Result(usize),
    /// The clip's bytes.
    Output,
    /// Cancels it.
    Cancel,
    /// Whether it arrived.
    Lookup,
}

/// What a request is for that is not about one job.
#[derive(Debug, Clone)]
pub(super) enum Shared {
    /// A submission, of one of these.
    Submit(Vec<Candidate>),
    /// The states of all jobs.
    Poll,
    /// The second read of the states of all jobs.
    Also,
    /// The states of the jobs that this query parameter names.
    Batch(String),
    /// The list of submissions, or those of the attempt that this query parameter names.
    Lookup(Option<String>),
    /// Cancels the jobs that the body names.
    Cancel,
    /// The account's limits.
    Live,
    /// What its models cost.
    Prices(Prices),
    /// What it reckons that so much costs.
    Reckoned(Prices),
    /// The first step of an upload.
    Upload,
    /// Something beside a job's life, by its position on the card.
    Other(usize),
}

/// A step of an upload that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UploadAt {
    /// Which upload.
    pub(super) upload: usize,
    /// Which step.
    pub(super) step: usize,
}

/// What a request is for.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// Steps of a job; the first answers.
    Job(JobAt, Vec<Step>),
    /// A step of an upload.
    Upload(UploadAt),
    /// Something else; with what the path named.
    Shared(Shared, BTreeMap<String, String>),
    /// A step of a job that is not there, by the id or attempt key in its path: a lookup, or the
    /// second read of a state.
    Missing(Step, String),
}

/// Stands for an id where only the form of an address is wanted; a character for private use,
/// so that no card writes it.
const MARK: &str = "\u{E000}";

/// The address of a request: method, path, and the query parameters that matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
}

/// What a method and path are for, where the query has these parameters.
type Entry = (BTreeMap<String, String>, Shared);

/// All routes of one provider.
#[derive(Debug, Default)]
pub(super) struct Routes {
    prefix: String,
    shared: HashMap<(Method, String), Vec<Entry>>,
    jobs: HashMap<Key, (JobAt, Vec<Step>)>,
    uploads: HashMap<Key, UploadAt>,
    /// Names of query parameters that are part of some key.
    parameters: BTreeSet<Vec<String>>,
    /// Steps that are answered of jobs that are not there: what stands before and after the id or
    /// attempt key in their paths.
    missing: Vec<(Step, Method, String, String)>,
    /// Method, path pattern and position of what clients ask for beside.
    others: Vec<(Method, String)>,
}

/// A request's address, as it came or as a card writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Method.
    pub(super) method: Method,
    /// Path without escapes.
    pub(super) path: String,
    /// Query parameters.
    pub(super) query: Vec<(String, String)>,
}

impl Address {
    /// From a method and a whole URL.
    pub(super) fn of(method: Method, url: &str) -> Option<Address> {
        let url = url::Url::parse(url).ok()?;
        let query = url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        Some(Address { method, path: unescaped(url.path()), query })
    }

    /// The value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn is_marked(&self) -> bool {
        self.path.contains(MARK) || self.query.iter().any(|(_, value)| value.contains(MARK))
    }

    fn marked_parameter(&self) -> Option<String> {
        self.query.iter().find(|(_, value)| value.contains(MARK)).map(|(name, _)| name.clone())
    }

    fn key(&self) -> Key {
        let mut query = self.query.clone();
        query.sort();
        Key { method: self.method, path: self.path.clone(), query }
    }
}

/// The calls of a job's life.
pub(super) fn steps(card: &ProviderCard) -> Vec<(Step, &Call, Method)> {
    let mut steps = vec![(Step::Poll, &card.poll.request, Method::Get)];
    steps.extend(card.poll.also.iter().map(|call| (Step::Also, call, Method::Get)));
    let results = card.result.iter().enumerate();
    steps.extend(results.map(|(at, hop)| (Step::Result(at), &hop.request, Method::Get)));
    steps.extend(card.output.request.iter().map(|call| (Step::Output, call, Method::Get)));
    steps.extend(card.cancel.iter().map(|c| (Step::Cancel, &c.request, Method::Post)));
    steps.extend(card.lookup.iter().map(|l| (Step::Lookup, &l.request, Method::Get)));
    steps
}

/// What an expression sees where only the form of an address is wanted.
fn marked(card: &ProviderCard, scope: &Scope) -> Scope {
    let hops = card.result.iter().flat_map(|hop| hop.capture.keys());
    let names = card.submit.capture.keys().chain(card.poll.capture.keys()).chain(hops);
    // What is captured may be a whole URL or part of one.
    let value = format!("https://mark.invalid/{MARK}");
    let captured: BTreeMap<&String, &str> = names.map(|name| (name, value.as_str())).collect();
    minijinja::context! {
        id => MARK, attempt => MARK, ids => vec![MARK], captured => scope_of(&captured), ..scope.clone()
    }
}

impl Routes {
    /// The routes that are there before any job. `scopes` are those of every model and route.
    pub(super) fn new(
        card: &ProviderCard,
        built: &Built<'_>,
        prefix: &str,
        scopes: &[(Candidate, Scope)],
    ) -> Routes {
        let mut routes = Routes { prefix: prefix.to_owned(), ..Routes::default() };
        for (candidate, scope) in scopes {
            let form = card.submit.forms.get(candidate.model.form(candidate.route));
            if let Some(address) = form.and_then(|call| address(built, call, Method::Post, scope)) {
                routes.enter_candidate(address, candidate);
            }
            let scope = marked(card, scope);
            for (step, call, usual) in steps(card) {
                if let Some(address) = address(built, call, usual, &scope) {
                    routes.enter_form(step, address);
                }
            }
            if let Some(batch) = &card.poll.batch
                && let Some(address) = address(built, &batch.request, Method::Get, &scope)
                && let Some(parameter) = address.marked_parameter()
            {
                routes.enter(address, Shared::Batch(parameter));
            }
            if let Some(live) = &card.limits.live
                && let Some(address) = address(built, &live.request, Method::Get, &scope)
            {
                routes.enter(address, Shared::Live);
            }
            if let Some(list) = &card.prices {
                routes.enter_prices(list, built, scope.clone(), scopes);
            }
            if let Some(upload) = card.images.upload.as_ref().and_then(|u| u.steps.first())
                && let Ok(url) = built.url(&upload.path, &upload.query, &scope)
                && let Some(address) = Address::of(upload.method.unwrap_or(Method::Post), &url)
            {
                routes.enter(address, Shared::Upload);
            }
        }
        let others = card.rehearsal.others.iter();
        routes.others = others.map(|other| (other.method, other.path.clone())).collect();
        routes
    }

    fn enter_prices(
        &mut self,
        list: &PriceList,
        built: &Built<'_>,
        scope: Scope,
        scopes: &[(Candidate, Scope)],
    ) {
        let models: BTreeMap<&str, &Arc<ModelCard>> =
            scopes.iter().map(|(of, _)| (&of.model.model[..], &of.model)).collect();
        let prices = Prices {
            dialect: list.dialect,
            needs_key: list.needs_key,
            models: models.into_values().cloned().collect(),
        };
        let address = |path: &Filling, method| {
            Address::of(method, &built.url(path, &BTreeMap::new(), &scope).ok()?)
        };
        if let Some(address) = address(&list.path, Method::Get) {
            self.enter(address, Shared::Prices(prices.clone()));
        }
        let estimate = list.estimate.as_ref().and_then(|path| address(path, Method::Post));
        if let Some(address) = estimate {
            self.enter(address, Shared::Reckoned(prices));
        }
    }

    fn enter_candidate(&mut self, address: Address, candidate: &Candidate) {
        let entries = self.shared.entry((address.method, address.path)).or_default();
        for (_, shared) in entries.iter_mut() {
            if let Shared::Submit(candidates) = shared {
                candidates.push(candidate.clone());
                return;
            }
        }
        entries.push((BTreeMap::new(), Shared::Submit(vec![candidate.clone()])));
    }

    /// Enters the form of a step's address: shared by all jobs, or with a mark where each job's
    /// own will be entered.
    fn enter_form(&mut self, step: Step, address: Address) {
        let shared = match step {
            Step::Lookup | Step::Also if address.path.contains(MARK) => {
                if let Some((before, after)) = address.path.split_once(MARK) {
                    let (before, after) = (before.to_owned(), after.to_owned());
                    let pattern = (step, address.method, before, after);
                    if !self.missing.contains(&pattern) {
                        self.missing.push(pattern);
                    }
                }
                return;
            }
            Step::Lookup => Shared::Lookup(address.marked_parameter()),
            _ if address.is_marked() => return,
            Step::Poll => Shared::Poll,
            Step::Also => Shared::Also,
            Step::Cancel => Shared::Cancel,
            Step::Result(_) | Step::Output => return,
        };
        self.enter(address, shared);
    }

    fn enter(&mut self, address: Address, shared: Shared) {
        let entries = self.shared.entry((address.method, address.path)).or_default();
        let kind = std::mem::discriminant(&shared);
        if entries.iter().any(|(_, known)| std::mem::discriminant(known) == kind) {
            return;
        }
        let fixed = address.query.into_iter().filter(|(_, value)| !value.contains(MARK)).collect();
        // What differs from model to model or from time to time may not decide.
        let varies = matches!(shared, Shared::Lookup(_) | Shared::Upload);
        let fixed = if varies { BTreeMap::new() } else { fixed };
        entries.push((fixed, shared));
    }

    /// Enters the addresses of a job, as far as they can be filled in by now.
    pub(super) fn enter_job(
        &mut self,
        card: &ProviderCard,
        built: &Built<'_>,
        scope: &Scope,
        job: JobAt,
    ) {
        let marked = marked(card, scope);
        for (step, call, usual) in steps(card) {
            let form = address(built, call, usual, &marked).filter(Address::is_marked);
            let (Some(form), Some(address)) = (form, address(built, call, usual, scope)) else {
                continue;
            };
            // What is not captured yet leaves its parameter out; without any of them the address
            // would be that of every job.
            let said = |name: &String| address.query.iter().any(|(other, _)| other == name);
            let mut own = form.query.iter().filter(|(_, value)| value.contains(MARK));
            if !form.path.contains(MARK) && !own.any(|(name, _)| said(name)) {
                continue;
            }
            self.enter_step(&address, job, step);
        }
    }

    /// Enters one address of a job.
    pub(super) fn enter_step(&mut self, address: &Address, job: JobAt, step: Step) {
        let key = address.key();
        self.parameters.insert(key.query.iter().map(|(name, _)| name.clone()).collect());
        let (_, steps) = self.jobs.entry(key).or_insert_with(|| (job, Vec::new()));
        if !steps.contains(&step) {
            steps.push(step);
        }
    }

    /// Enters a step of an upload; the last upload at one address has it.
    pub(super) fn enter_upload(&mut self, address: &Address, at: UploadAt) {
        let key = address.key();
        self.parameters.insert(key.query.iter().map(|(name, _)| name.clone()).collect());
        self.uploads.insert(key, at);
    }

    /// What a request is for, with the card's prefix or without it.
    pub(super) fn find(&self, asked: &Address) -> Option<Target> {
        let with_prefix = || {
            let path = format!("{}{}", self.prefix, asked.path);
            self.find_exactly(&Address { path, ..asked.clone() })
        };
        self.find_exactly(asked).or_else(
            || {
                if self.prefix.is_empty() { None } else { with_prefix() }
            },
        )
    }

    fn find_exactly(&self, asked: &Address) -> Option<Target> {
        for names in &self.parameters {
            let mut query: Vec<(String, String)> =
                asked.query.iter().filter(|(name, _)| names.contains(name)).cloned().collect();
            query.sort();
            let key = Key { method: asked.method, path: asked.path.clone(), query };
            if let Some((job, steps)) = self.jobs.get(&key) {
                return Some(Target::Job(*job, steps.clone()));
            }
            if let Some(at) = self.uploads.get(&key) {
                return Some(Target::Upload(*at));
            }
        }
        let shared = self.shared.get(&(asked.method, asked.path.clone()));
        for (fixed, shared) in shared.into_iter().flatten() {
            // What names jobs by a parameter is not meant where another one names them.
            let named = match shared {
                Shared::Batch(name) | Shared::Lookup(Some(name)) => asked.parameter(name).is_some(),
                _ => true,
            };
            if named && fixed.iter().all(|(name, value)| asked.parameter(name) == Some(value)) {
                return Some(Target::Shared(shared.clone(), BTreeMap::new()));
            }
        }
        for (step, method, before, after) in &self.missing {
            let key = asked.path.strip_prefix(&before[..]).and_then(|p| p.strip_suffix(&after[..]));
            if let Some(key) = key.filter(|key| *method == asked.method && !key.is_empty()) {
                return Some(Target::Missing(*step, key.to_owned()));
            }
        }
        self.others.iter().enumerate().find_map(|(at, (method, pattern))| {
            let named = matched(pattern, &asked.path).filter(|_| *method == asked.method)?;
            Some(Target::Shared(Shared::Other(at), named))
        })
    }
}

fn address(built: &Built<'_>, call: &Call, usual: Method, scope: &Scope) -> Option<Address> {
    let url = built.url(&call.path, &call.query, scope).ok()?;
    Address::of(call.method.unwrap_or(usual), &url)
}

/// What `{name}` and `{*name}` of a pattern stand for in a path.
fn matched(pattern: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut named = BTreeMap::new();
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        let name = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
        match name.map(|name| name.strip_prefix('*').ok_or(name)) {
            Some(Ok(rest)) => {
                let left: Vec<&str> = segments.collect();
                named.insert(rest.to_owned(), left.join("/"));
                return (!left.is_empty()).then_some(named);
            }
            Some(Err(name)) => {
                let segment = segments.next().filter(|s| !s.is_empty())?;
                named.insert(name.to_owned(), segment.to_owned());
            }
            None => {
                segments.next().filter(|segment| *segment == part)?;
            }
        }
    }
    segments.next().is_none().then_some(named)
}

/// A path without its escapes; what is no escape stays.
pub(super) fn unescaped(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match byte.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_segments_and_the_rest() {
        let named = |pattern, path| {
            matched(pattern, path).map(|m| m.into_iter().collect::<Vec<(String, String)>>())
        };
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(named("/a/{x}/b", "/a/1/b"), Some(vec![pair("x", "1")]));
        assert_eq!(named("/a/{*x}", "/a/1/b"), Some(vec![pair("x", "1/b")]));
        assert_eq!(named("/a", "/a"), Some(vec![]));
        assert_eq!(named("/a/{x}", "/a/"), None);
        assert_eq!(named("/a", "/a/b"), None);
    }

    #[test]
    fn escapes_are_taken_out_of_paths() {
        assert_eq!(unescaped("/m%2Fa%3Ab%C3%A9/%zz%"), "/m/a:bé/%zz%");
    }
}
