//! Finding a submission whose answer was lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value as Json, json};

use super::client::Client;
use super::compose::{Handed, job_scope, submission};
use super::driver::Driver;
use super::errors::{Said, by_rule};
use super::outcome::captured;
use super::transport::{choose, parcel, value};
use crate::models::ModelCard;
use crate::plan::Request;
use crate::protocol::{
    Body, Class, HttpCall, Lookup as Recipe, Match, Method, Stage, TimeFilter, Transport,
};
use crate::providers::{AttemptKey, Lookup, RemoteId};
use crate::wire::{Pointer, scope_of};

/// Pages that one lookup reads.
const MOST_PAGES: u32 = 50;

/// Numbers above are milliseconds: as seconds they would be beyond the year 5000.
const MOST_SECONDS: f64 = 1e11;

/// How far two clocks may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// What an entry is compared with.
enum Wanted<'a> {
    Marker(&'a Pointer, &'a str),
    Echo(&'a Pointer, Json),
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
        let wanted = match self.wanted(recipe, request, model, key).await {
            Ok(wanted) => wanted,
            Err(message) => return failed(message),
        };
        let now = self.clock.now();
        let (since, until) = span(started, &self.client);
        let mut known = self.known(Some((request, model)), None);
        known.insert("attempt".to_owned(), json!(key.as_str()));
        known.insert("since".to_owned(), json!(written(&recipe.time, since)));
        known.insert("until".to_owned(), json!(written(&recipe.time, until)));
        let ours = Ours { wanted, since, until, taken };
        let found = match self.matches(recipe, &ours, &known).await {
            Ok(found) => found,
            Err(message) => return failed(message),
        };
        let listed = recipe.window_s.is_none_or(|window| {
            let age = now.duration_since(started).as_secs();
            u64::try_from(age).unwrap_or(0) < window
        });
        match found.ids.len() {
            0 => Lookup::Absent { conclusive: recipe.conclusive && found.whole && listed },
            1 if found.whole || !matches!(recipe.matching, Match::Count { .. }) => {
                found.ids.into_values().next().map_or(Lookup::Ambiguous(0), Lookup::Found)
            }
            several => Lookup::Ambiguous(several),
        }
    }

    async fn wanted<'a>(
        &self,
        recipe: &'a Recipe,
        request: &Request,
        model: &'a ModelCard,
        key: &'a AttemptKey,
    ) -> Result<Wanted<'a>, String> {
        Ok(match &recipe.matching {
            Match::Marker(at) => Wanted::Marker(at, key.as_str()),
            Match::Count { model: at } => Wanted::Count(at, model.api_id(request.route)),
            Match::Echo { at, of } => {
                let body = self.body(request, model, key).await?;
                let part = of.as_ref().map_or(Some(&body), |of| of.first(&body)).cloned();
                let part = part.ok_or_else(|| "the request has nothing to compare".to_owned())?;
                Wanted::Echo(at, part)
            }
        })
    }

    /// The body as it was sent. With a handle in it, it can't be known any more.
    async fn body(
        &self,
        request: &Request,
        model: &ModelCard,
        key: &AttemptKey,
    ) -> Result<Json, String> {
        let (source, references) = (self.pictures.clone(), request.references.clone());
        let work =
            move || references.iter().map(|r| source.ready(r)).collect::<Result<Vec<_>, _>>();
        let ready = tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())??;
        let pairs: Vec<_> = request.references.iter().zip(&ready).collect();
        let transports = choose(&self.card.images, self.card.limits.body_bytes, &pairs)?;
        if transports.contains(&Transport::Upload) {
            return Err("its pictures were uploaded, so what was sent can't be compared".to_owned());
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
        let scope = job_scope(&self.card, model, request, key, &handed, &self.variables);
        let call = scope
            .and_then(|scope| submission(&self.card, model, request, &scope, &self.base_url))
            .map_err(|e| self.unwritable(&e))?;
        match call.body {
            Body::Json(json) => Ok(json),
            _ => Err("the request is no JSON that could be compared".to_owned()),
        }
    }

    /// Every entry that fits, over all pages.
    async fn matches(
        &self,
        recipe: &Recipe,
        ours: &Ours<'_>,
        known: &Map<String, Json>,
    ) -> Result<Found, String> {
        let mut found = Found { ids: BTreeMap::new(), whole: true };
        let first = self.built().call(&recipe.request, Method::Get, None, &scope_of(known));
        let first = first.map_err(|e| self.unwritable(&e))?;
        let mut number = recipe.paging.as_ref().map_or(0, |paging| paging.first);
        let mut call = first.clone();
        if let Some(paging) = recipe.paging.as_ref().filter(|paging| paging.next.is_none()) {
            set_query(&mut call.url, &paging.parameter, &number.to_string())?;
        }
        for read in 1..=MOST_PAGES {
            let Some(mut body) = self.page(&call, known).await? else { return Ok(found) };
            if let Some(also) = recipe.also.as_ref().filter(|_| read == 1) {
                let call = self.built().call(also, Method::Get, None, &scope_of(known));
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
                return Ok(found);
            }
        }
        found.whole = false;
        Ok(found)
    }

    /// One page; absent when the provider says by a rule that there is nothing.
    async fn page(
        &self,
        call: &HttpCall,
        known: &Map<String, Json>,
    ) -> Result<Option<Json>, String> {
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
            Wanted::Echo(at, ours) => at.first(item).is_some_and(|theirs| echoes(ours, theirs)),
        }
    }
}

/// A time as providers write it: Unix seconds or milliseconds, or RFC 3339.
fn time_of(text: &str) -> Option<Timestamp> {
    let Ok(number) = text.parse::<f64>() else { return text.parse().ok() };
    let milliseconds = if number.abs() > MOST_SECONDS { number } else { number * 1000.0 };
    let milliseconds = Decimal::from_f64_retain(milliseconds)?.round().to_i64()?;
    Timestamp::from_millisecond(milliseconds).ok()
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

/// From when to when the submission can have arrived, by a clock that may differ.
fn span(started: Timestamp, client: &Client) -> (Timestamp, Timestamp) {
    let longest = SignedDuration::try_from(client.limits().submit).unwrap_or_default();
    let since = started.checked_sub(CLOCKS_DIFFER).unwrap_or(started);
    let until = started.checked_add(CLOCKS_DIFFER + longest).unwrap_or(started);
    (since, until)
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
    fn times_are_read_as_providers_write_them() {
        let time: Timestamp = "2026-11-22T20:00:00Z".parse().expect("a time");
        for text in ["1795377600", "1795377600000", "1795377600.0", "2026-11-22T21:00:00+01:00"] {
            assert_eq!(time_of(text), Some(time), "{text}");
        }
        for text in ["yesterday", "", "NaN", "1e300"] {
            assert_eq!(time_of(text), None, "{text}");
        }
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
