//! Finding a submission whose answer was lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
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
use crate::providers::{AttemptKey, RemoteId};
use crate::wire::{Pointer, scope_of};

/// Pages that one lookup reads.
const MOST_PAGES: u32 = 50;

/// How far two clocks may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(60);

/// What was found of a lost submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The provider has it.
    Found(RemoteId),
    /// The provider does not list it.
    Absent {
        /// Whether that proves that it never arrived.
        conclusive: bool,
    },
    /// So many might be it.
    Ambiguous(usize),
    /// It could not be asked.
    Failed {
        /// What happened.
        message: String,
    },
}

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
        let ours = Ours { wanted, taken, since, until };
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
            1 => found.ids.into_values().next().map_or(Lookup::Ambiguous(0), Lookup::Found),
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
        let mut page = recipe.paging.as_ref().map_or(0, |paging| paging.first);
        let mut cursor: Option<String> = None;
        for read in 0..MOST_PAGES {
            let body = match self.page(recipe, known, page, cursor.as_deref()).await? {
                Some(body) => body,
                None => return Ok(found),
            };
            let items = recipe.items.all(&body);
            for item in &items {
                let Some(id) = recipe.id.text(item) else { continue };
                if ours.may_be(recipe, &id, item) {
                    let captured = captured(&self.card.submit.capture, item, &self.mask);
                    found.ids.insert(id.clone(), RemoteId { id, captured });
                }
            }
            let Some(paging) = &recipe.paging else { return Ok(found) };
            let empty = items.is_empty();
            match &paging.next {
                Some(next) => match next.text(&body).filter(|c| Some(c) != cursor.as_ref()) {
                    Some(next) => cursor = Some(next),
                    None => return Ok(found),
                },
                None if empty => return Ok(found),
                None => page += 1,
            }
            found.whole = read + 1 < MOST_PAGES;
        }
        Ok(found)
    }

    /// One page; absent when the provider says by a rule that there is nothing.
    async fn page(
        &self,
        recipe: &Recipe,
        known: &Map<String, Json>,
        page: u32,
        cursor: Option<&str>,
    ) -> Result<Option<Json>, String> {
        let call = self.built().call(&recipe.request, Method::Get, None, &scope_of(known));
        let mut call = call.map_err(|e| self.unwritable(&e))?;
        if let Some(paging) = &recipe.paging {
            match (&paging.next, cursor) {
                // Some give the whole URL of what follows.
                (Some(_), Some(next)) if next.contains("://") => call.url = next.to_owned(),
                (Some(_), Some(next)) => set_query(&mut call.url, &paging.parameter, next)?,
                (Some(_), None) => {}
                (None, _) => set_query(&mut call.url, &paging.parameter, &page.to_string())?,
            }
        }
        let Some(mut body) = self.list(&call, known).await? else { return Ok(None) };
        if let Some(also) = &recipe.also {
            let call = self.built().call(also, Method::Get, None, &scope_of(known));
            let second = self.list(&call.map_err(|e| self.unwritable(&e))?, known).await?;
            let Json::Object(first) = &mut body else {
                return Err("the first reply is no mapping".to_owned());
            };
            first.insert("also".to_owned(), second.unwrap_or_default());
        }
        Ok(Some(body))
    }

    /// What a list says; absent when the provider says by a rule that there is nothing.
    async fn list(
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

/// What is known of the submission that is looked for.
struct Ours<'a> {
    wanted: Wanted<'a>,
    /// Ids of other attempts.
    taken: &'a BTreeSet<String>,
    since: Timestamp,
    until: Timestamp,
}

impl Ours<'_> {
    /// Whether an entry may be ours. One whose time can't be read may be.
    fn may_be(&self, recipe: &Recipe, id: &str, item: &Json) -> bool {
        let time = recipe.submitted.as_ref().and_then(|at| at.text(item)).and_then(|t| read(&t));
        let in_time = time.is_none_or(|time| (self.since..=self.until).contains(&time));
        in_time && !self.taken.contains(id) && fits(&self.wanted, item)
    }
}

/// A time as providers write it in lists: RFC 3339, Unix seconds or milliseconds.
fn read(text: &str) -> Option<Timestamp> {
    /// As seconds, this is beyond the year 5000; as milliseconds, in 1973.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    match text.parse::<i64>() {
        Ok(number) if number >= MILLISECONDS_FROM => Timestamp::from_millisecond(number).ok(),
        Ok(number) => Timestamp::from_second(number).ok(),
        Err(_) => text.parse().ok(),
    }
}

fn fits(wanted: &Wanted<'_>, item: &Json) -> bool {
    match wanted {
        Wanted::Marker(at, text) | Wanted::Count(at, text) => {
            at.text(item).is_some_and(|found| found == *text)
        }
        Wanted::Echo(at, ours) => at.first(item).is_some_and(|theirs| echoes(ours, theirs)),
    }
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
    fn times_in_lists_are_read_in_three_forms() {
        let time: Timestamp = "2026-11-22T20:00:00Z".parse().expect("a time");
        for text in ["2026-11-22T20:00:00Z", "1795377600", "1795377600000"] {
            assert_eq!(read(text), Some(time), "{text}");
        }
        assert_eq!(read("yesterday"), None);
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
