//! Finding a submission whose answer was lost.
//!
//! A list proves something only about what can't change any more: that a submission never arrived
//! is said once it can't arrive any more, by a whole list that still reaches back so far.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::compose::Handed;
use super::driver::Driver;
use super::errors::{Said, by_rule};
use super::outcome::captured;
use super::pictures::ReadyPicture;
use super::times::time_of;
use super::transport::{choose, encoded_length, parcel, value};
use crate::models::ModelCard;
use crate::plan::Request;
use crate::protocol::{
    Body, Class, HttpCall, Lookup as Recipe, Match, Method, Stage, TimeFilter, Transport,
};
use crate::providers::{AttemptKey, Lookup, RemoteId};
use crate::wire::{Pointer, Scope};

/// Pages that one lookup reads.
const MOST_PAGES: u32 = 50;

/// How far two clocks may differ.
pub(super) const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// For how long bytes that the system had taken may still be delivered after a connection was
/// given up: Linux tries for about 100 seconds (tcp(7), `tcp_orphan_retries`), proxies likewise.
pub(super) const ON_THE_WAY: SignedDuration = SignedDuration::from_secs(120);

/// Bytes of a request beside its pictures, at most.
const BESIDE_PICTURES: u64 = 1 << 20;

/// Bytes of a request of which nothing is known.
pub(super) const LARGEST: u64 = 32 << 20;

/// What an entry is compared with.
enum Wanted<'a> {
    Marker(&'a Pointer, &'a str),
    Echo {
        at: &'a Pointer,
        ours: Json,
        model: Option<(&'a Pointer, &'a str)>,
    },
    Count(&'a Pointer, &'a str),
}

impl Driver {
    /// Looks for the submission of a request that was begun at `started`. Ids in `taken` are known
    /// to be of other attempts.
    pub async fn lookup(
        &self,
        request: &Request,
        key: &AttemptKey,
        started: Timestamp,
        taken: &BTreeSet<String>,
    ) -> Lookup {
        let failed = |message: String| Lookup::Failed { message: self.mask.clean(&message) };
        let Some(recipe) = &self.card.lookup else {
            return failed(format!("{} lists no submissions", self.card.provider));
        };
        let Some(model) = self.model(request) else {
            return failed(format!("there is no model card `{}`", request.model));
        };
        // Only what an echo is compared with needs the pictures; how long they take to leave is
        // known well enough without them.
        let ready = match request.references.is_empty() {
            true => Ok(Vec::new()),
            false => self.pictures_of(request).await,
        };
        let (since, until) = self.span(request, started, ready.as_deref().ok());
        let wanted = match self.wanted(recipe, (request, model), key, ready) {
            Ok(wanted) => wanted,
            Err(message) => return failed(message),
        };
        let asked = self.clock.now();
        let known = minijinja::context! {
            attempt => key.as_str(),
            since => written(&recipe.time, since),
            until => written(&recipe.time, until),
            ..self.facts.of(request).names.clone()
        };
        let ours = Ours { wanted, since, until, taken };
        let found = match self.matches(recipe, &ours, &known).await {
            Ok(found) => found,
            Err(message) => return failed(message),
        };
        // From here on nothing can be added to what was listed.
        let settled = asked > until;
        let listed = recipe.window_s.is_none_or(|window| {
            let age = asked.duration_since(since).as_secs();
            u64::try_from(age).is_ok_and(|age| age < window)
        });
        let counted = matches!(recipe.matching, Match::Count { .. });
        let mut ids = found.ids.into_values();
        match (ids.next(), ids.len()) {
            (None, _) => {
                let conclusive = recipe.conclusive && found.whole && listed && settled;
                Lookup::Absent { conclusive }
            }
            // The only one so far may be another's, while ours is still on its way.
            (Some(id), 0) if !counted || (found.whole && settled) => Lookup::Found(id),
            (Some(_), others) => Lookup::Ambiguous(others + 1),
        }
    }

    fn wanted<'a>(
        &'a self,
        recipe: &'a Recipe,
        (request, model): (&Request, &'a ModelCard),
        key: &'a AttemptKey,
        ready: Result<Vec<ReadyPicture>, String>,
    ) -> Result<Wanted<'a>, String> {
        let name = model.api_id(request.route);
        Ok(match &recipe.matching {
            Match::Marker(at) => Wanted::Marker(at, key.as_str()),
            Match::Count { model: at } => Wanted::Count(at, name),
            Match::Echo { at, of, model: at_model } => {
                let body = self.body_sent(request, model, key, &ready?)?;
                let part = of.as_ref().map_or(Some(&body), |of| of.first(&body)).cloned();
                let ours = part.ok_or_else(|| "the request has nothing to compare".to_owned())?;
                Wanted::Echo { at, ours, model: at_model.as_ref().map(|at| (at, name)) }
            }
        })
    }

    async fn pictures_of(&self, request: &Request) -> Result<Vec<ReadyPicture>, String> {
        let _turn = self.handing_over.acquire().await;
        let (source, references) = (self.pictures.clone(), request.references.clone());
        let work =
            move || references.iter().map(|r| source.ready(r)).collect::<Result<Vec<_>, _>>();
        tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?
    }

    /// From when to when the submission can have arrived, by a clock that may differ: from its
    /// intent until its time was up, and what was on its way then has come or is lost.
    fn span(
        &self,
        request: &Request,
        started: Timestamp,
        ready: Option<&[ReadyPicture]>,
    ) -> (Timestamp, Timestamp) {
        let bytes = ready.map_or(LARGEST, |ready| {
            let pairs: Vec<_> = request.references.iter().zip(ready).collect();
            let chosen = choose(&self.card.images, self.card.limits.body_bytes, &pairs);
            let of = |(picture, transport): (&ReadyPicture, Transport)| match transport {
                Transport::File => picture.bytes.len() as u64,
                inside => encoded_length(inside, picture).unwrap_or(0),
            };
            chosen.map_or(LARGEST, |chosen| ready.iter().zip(chosen).map(of).sum())
        });
        let longest = self.client.longest_submission(bytes + BESIDE_PICTURES);
        let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
        let since = started.checked_sub(CLOCKS_DIFFER).unwrap_or(started);
        let margin = CLOCKS_DIFFER + ON_THE_WAY;
        let until = started.checked_add(longest.checked_add(margin).unwrap_or(longest));
        (since, until.unwrap_or(Timestamp::MAX))
    }

    /// The body as it was sent. With a handle in it, it can't be known any more.
    fn body_sent(
        &self,
        request: &Request,
        model: &ModelCard,
        key: &AttemptKey,
        ready: &[ReadyPicture],
    ) -> Result<Json, String> {
        let pairs: Vec<_> = request.references.iter().zip(ready).collect();
        let transports = choose(&self.card.images, self.card.limits.body_bytes, &pairs)?;
        if transports.contains(&Transport::Upload) {
            return Err(format!(
                "{} lists what was sent to it, but the pictures of this request were uploaded                  before, and under which name is not known any more; only somebody who looks at                  its website can tell whether it has the job",
                self.card.provider
            ));
        }
        let handed = pairs.iter().zip(transports).map(|((reference, picture), transport)| {
            let parcel = parcel(reference, picture);
            Handed {
                transport,
                value: value(transport, reference, picture),
                media_type: parcel.media_type,
                file_name: parcel.file_name,
                width: picture.width,
                height: picture.height,
                bytes: parcel.bytes.len() as u64,
            }
        });
        let handed: Vec<Handed> = handed.collect();
        let call = self.written(request, model, key.as_str(), &handed);
        match call.map_err(|e| self.unwritable(&e))?.body {
            Body::Json(json) => Ok(json),
            _ => Err("the request is no JSON that could be compared".to_owned()),
        }
    }

    /// Every entry that fits, over all pages.
    async fn matches(
        &self,
        recipe: &Recipe,
        ours: &Ours<'_>,
        known: &Scope,
    ) -> Result<Found, String> {
        let mut found = Found { ids: BTreeMap::new(), whole: true };
        let first = self.built().call(&recipe.request, Method::Get, None, known);
        let first = first.map_err(|e| self.unwritable(&e))?;
        let mut number = recipe.paging.as_ref().map_or(0, |paging| paging.first);
        let mut call = first.clone();
        if let Some(paging) = recipe.paging.as_ref().filter(|paging| paging.next.is_none()) {
            set_query(&mut call.url, &paging.parameter, &number.to_string())?;
        }
        for read in 1..=MOST_PAGES {
            let Some(mut body) = self.page(&call, known).await? else { return Ok(found) };
            if let Some(also) = recipe.also.as_ref().filter(|_| read == 1) {
                let call = self.built().call(also, Method::Get, None, known);
                let call = call.map_err(|e| self.unwritable(&e))?;
                let second = self.page(&call, known).await?;
                match (&mut body, second) {
                    (Json::Object(body), Some(second)) => {
                        body.insert("also".to_owned(), second);
                    }
                    (body, Some(second)) => *body = json!({ "also": second }),
                    (_, None) => {}
                }
            }
            let items = recipe.items.all(&body);
            for item in &items {
                let Some(id) = recipe.id.text(item) else { continue };
                if !ours.taken.contains(&id) && ours.in_time(recipe, item) && ours.fits(item) {
                    let captured = captured(&self.card.submit.capture, item, &self.mask);
                    found.ids.insert(id.clone(), RemoteId { id, captured });
                }
            }
            let Some(paging) = &recipe.paging else { return Ok(found) };
            let before = call.url.clone();
            if let Some(next) = &paging.next {
                let Some(next) = next.text(&body) else { return Ok(found) };
                // Some give the whole URL of what follows.
                if !next.contains("://") {
                    set_query(&mut call.url, &paging.parameter, &next)?;
                } else if same_origin(&first.url, &next) {
                    call.url = next;
                } else {
                    return Err("the list goes on at another host, which is not asked".to_owned());
                }
            } else if items.is_empty() {
                return Ok(found);
            } else {
                number += 1;
                set_query(&mut call.url, &paging.parameter, &number.to_string())?;
            }
            if call.url == before {
                // It goes on where it is: whether that was all, nobody knows.
                found.whole = false;
                return Ok(found);
            }
        }
        found.whole = false;
        Ok(found)
    }

    /// One page; absent when the provider says by a rule that there is nothing.
    async fn page(&self, call: &HttpCall, known: &Scope) -> Result<Option<Json>, String> {
        let reply = self.client.read(call).await.map_err(|t| t.message().to_owned())?;
        let said = Said::of(&self.card.errors, &reply, &self.mask);
        let verdict = by_rule(&self.card.errors, Stage::Result, &reply, &said, known);
        if verdict.is_some_and(|verdict| verdict.class == Class::NotFound) {
            return Ok(None);
        }
        if !reply.is_ok() {
            return Err(self.http_error(&reply));
        }
        match reply.trouble() {
            Some(why) => Err(why),
            None => Ok(reply.json),
        }
    }
}

/// How an entry is known to be ours.
struct Ours<'a> {
    wanted: Wanted<'a>,
    since: Timestamp,
    until: Timestamp,
    taken: &'a BTreeSet<String>,
}

impl Ours<'_> {
    /// Whether an entry can be of our time. One that does not say when it was submitted can.
    fn in_time(&self, recipe: &Recipe, item: &Json) -> bool {
        let said = recipe.submitted.as_ref().and_then(|at| at.text(item));
        let time = said.and_then(|text| time_of(&text));
        time.is_none_or(|time| (self.since..=self.until).contains(&time))
    }

    fn fits(&self, item: &Json) -> bool {
        match &self.wanted {
            Wanted::Marker(at, text) | Wanted::Count(at, text) => {
                at.text(item).is_some_and(|found| found == *text)
            }
            Wanted::Echo { at, ours, model } => {
                let of_model =
                    |(at, name): &(&Pointer, &str)| at.text(item).is_some_and(|n| n == *name);
                model.as_ref().is_none_or(of_model)
                    && at.first(item).is_some_and(|theirs| echoes(ours, theirs))
            }
        }
    }
}

fn same_origin(one: &str, other: &str) -> bool {
    let origin = |text| url::Url::parse(text).map(|url| url.origin());
    matches!((origin(one), origin(other)), (Ok(one), Ok(other)) if one == other)
}

struct Found {
    ids: BTreeMap<String, RemoteId>,
    /// Whether every page was read.
    whole: bool,
}

/// A time as the provider writes it.
fn written(filter: &TimeFilter, time: Timestamp) -> String {
    let offset = Offset::from_hours(filter.utc_offset_h).unwrap_or(Offset::UTC);
    let zoned = offset.to_time_zone();
    match &filter.format {
        Some(format) => {
            let time = time.to_zoned(zoned);
            // A format that can't be written gives the usual form; the provider will say so.
            jiff::fmt::strtime::format(format, &time).unwrap_or_else(|_| time.to_string())
        }
        None => time.display_with_offset(offset).to_string(),
    }
}

fn set_query(url: &mut String, name: &str, value: &str) -> Result<(), String> {
    let mut parsed = url::Url::parse(url).map_err(|e| e.to_string())?;
    let kept: Vec<(String, String)> =
        parsed.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    parsed.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, value);
    *url = parsed.into();
    Ok(())
}

/// Whether everything of ours is there. Providers add their defaults.
fn echoes(ours: &Json, theirs: &Json) -> bool {
    match (ours, theirs) {
        (Json::Object(ours), Json::Object(theirs)) => ours
            .iter()
            .all(|(name, value)| theirs.get(name).is_some_and(|other| echoes(value, other))),
        (Json::Array(ours), Json::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| echoes(a, b))
        }
        (Json::Number(ours), Json::Number(theirs)) => {
            ours == theirs || ours.as_f64() == theirs.as_f64()
        }
        (ours, theirs) => ours == theirs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_provider_wants_them() {
        let time: Timestamp = "2026-11-22T20:00:00Z".parse().expect("a time");
        let beijing = TimeFilter { format: Some("%Y%m%d%H%M%S".to_owned()), utc_offset_h: 8 };
        assert_eq!(written(&beijing, time), "20261123040000");
        assert_eq!(written(&TimeFilter::default(), time), "2026-11-22T20:00:00+00:00");
        let seconds = TimeFilter { format: Some("%s".to_owned()), utc_offset_h: 0 };
        assert_eq!(written(&seconds, time), "1795377600");
    }

    #[test]
    fn an_echo_may_have_more_than_was_sent_but_nothing_else() {
        let ours = json!({"prompt": "p", "duration": 5, "images": ["a"]});
        assert!(echoes(&ours, &json!({"prompt": "p", "duration": 5.0, "images": ["a"], "x": 1})));
        assert!(!echoes(&ours, &json!({"prompt": "q", "duration": 5, "images": ["a"]})));
        assert!(!echoes(&ours, &json!({"prompt": "p", "duration": 5, "images": ["a", "b"]})));
        assert!(!echoes(&ours, &json!({"prompt": "p", "duration": 5})));
    }

    #[test]
    fn a_parameter_is_set_once() {
        let mut url = "https://a.example/list?page=1&since=x%20y".to_owned();
        assert_eq!(set_query(&mut url, "page", "2"), Ok(()));
        assert_eq!(url, "https://a.example/list?since=x+y&page=2");
    }
}
