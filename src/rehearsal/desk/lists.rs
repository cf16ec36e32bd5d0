//! Requests about several jobs or none: batches, lookups, limits, uploads.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{Answer, Asked, Books, Desk, PAGE};
use crate::models::Route;
use crate::protocol::{Class, State};
use crate::rehearsal::job::{Job, Standing};
use crate::rehearsal::replies::{self, Said};
use crate::rehearsal::routes::{JobAt, Shared, UploadAt};
use crate::wire::scope_of;

impl Desk {
    pub(super) fn shared(
        &self,
        shared: &Shared,
        named: &BTreeMap<String, String>,
        asked: &Asked,
    ) -> Said {
        match shared {
            Shared::Poll => self.all(asked, false),
            Shared::Also => self.all(asked, true),
            Shared::Batch(parameter) => self.batch(parameter, asked),
            Shared::Lookup(parameter) => {
                let attempt = parameter.as_ref().and_then(|name| asked.address.parameter(name));
                self.lookup(attempt, asked)
            }
            Shared::Cancel => self.cancel_named(asked),
            Shared::Live => {
                let scope = self.general_scope(asked, &asked.sent.json, &[]);
                self.reply(self.card.rehearsal.live.as_ref(), &scope)
            }
            Shared::Prices(prices) => prices.list(&asked.address.query),
            Shared::Reckoned(prices) => prices.reckoned(&asked.sent.json),
            Shared::Other(number) => {
                let request = json!({ "path": named, "body": asked.sent.json, "found": [] });
                let scope = minijinja::context! {
                    request => scope_of(&request),
                    ..self.general_scope(asked, &asked.sent.json, &[])
                };
                self.reply(
                    self.card.rehearsal.others.get(*number).map(|other| &other.reply),
                    &scope,
                )
            }
            Shared::Submit(_) | Shared::Upload => {
                self.refusal(Class::NotFound, "there is nothing here", asked)
            }
        }
    }

    /// The states of all jobs that are not at their end, in one reply.
    pub(super) fn all(&self, asked: &Asked, also: bool) -> Said {
        let mut books = self.books();
        let mut all: Option<Said> = None;
        for at in 0..books.jobs.len() {
            let job = &mut books.jobs[at];
            let standing = job.standing(self.clock.now());
            if !also {
                job.give_fresh_url(&standing, self.card.output.refreshed_by_poll);
            }
            if !matches!(standing, Standing::Queued | Standing::Running(_)) {
                continue;
            }
            let said = match also {
                true => self.also_reply(job, at, &standing, asked),
                false => self.state_reply(job, at, &standing, asked),
            };
            all = Some(joined(all, said));
        }
        all.unwrap_or_else(|| {
            // Nothing is under way: as it is said of a job that is at its end.
            if also {
                return self.nothing_also(asked);
            }
            let scope = self.general_scope(asked, &Json::Null, &[]);
            let scope = minijinja::context! { id => "none", ..scope };
            Said::of(&self.card.rehearsal.succeeded, &scope)
        })
    }

    /// The second read of a job that is not there: as of one of which it says nothing yet.
    pub(super) fn nothing_also(&self, asked: &Asked) -> Said {
        let scope = self.general_scope(asked, &Json::Null, &[]);
        let reply = self.card.rehearsal.also.get(State::Queued.as_str());
        self.reply(reply, &minijinja::context! { id => "none", ..scope })
    }

    pub(super) fn batch(&self, parameter: &str, asked: &Asked) -> Said {
        let query = asked.address.query.iter().filter(|(name, _)| name == parameter);
        let ids: Vec<&str> = query.flat_map(|(_, value)| value.split(',')).collect();
        let mut books = self.books();
        let mut all = None;
        for id in ids {
            let Some(at) = books.by_id.get(id.trim()).copied() else { continue };
            let job = &mut books.jobs[at];
            let standing = job.standing(self.clock.now());
            job.give_fresh_url(&standing, self.card.output.refreshed_by_poll);
            all = Some(joined(all, self.state_reply(job, at, &standing, asked)));
        }
        all.unwrap_or_else(|| self.refusal(Class::NotFound, "no such job", asked))
    }

    pub(super) fn cancel_named(&self, asked: &Asked) -> Said {
        let shape = self.card.cancel.as_ref().and_then(|cancel| cancel.request.body.as_ref());
        let seen = shape.map(|shape| shape.read(&asked.sent.json).sightings).unwrap_or_default();
        let mut books = self.books();
        for sighting in seen.iter().filter(|s| s.expr.names().any(|name| name == "id")) {
            let at = sighting.value.as_str().and_then(|id| books.by_id.get(id).copied());
            if let Some(at) = at {
                let job = &mut books.jobs[at];
                let standing = job.standing(self.clock.now());
                self.cancel(job, at, &standing, asked);
            }
        }
        let scope = self.general_scope(asked, &asked.sent.json, &[]);
        self.reply(self.card.rehearsal.cancel.as_ref(), &scope)
    }

    /// The submissions, the latest first; of an attempt, only those under its key.
    pub(super) fn lookup(&self, attempt: Option<&str>, asked: &Asked) -> Said {
        let now = self.clock.now();
        let paging = self.card.lookup.as_ref().and_then(|lookup| lookup.paging.as_ref());
        let page = paging.and_then(|paging| {
            let first = usize::try_from(paging.first).ok()?;
            asked.address.parameter(&paging.parameter)?.parse::<usize>().ok()?.checked_sub(first)
        });
        let books = self.books();
        let jobs = books.jobs.iter().enumerate().rev();
        let listed =
            jobs.filter(|(_, job)| attempt.is_none_or(|a| job.asked.attempt.as_deref() == Some(a)));
        let found: Vec<Json> = listed
            .filter(|(at, job)| self.is_listed(job, *at, now))
            .skip(page.unwrap_or(0).saturating_mul(PAGE))
            .take(PAGE)
            .map(|(at, job)| self.entry(job, at, now))
            .collect();
        drop(books);
        let scope = self.general_scope(asked, &asked.sent.json, &found);
        self.reply(self.card.rehearsal.lookup.as_ref(), &scope)
    }

    pub(super) fn entry(&self, job: &Job, at: JobAt, now: Timestamp) -> Json {
        let route: Route = job.asked.route;
        let attempt = job.asked.attempt.clone().unwrap_or_else(|| self.dice.uuid("job", at as u64));
        json!({
            "id": job.id, "model": job.asked.model.api_id(route), "attempt": attempt,
            "body": job.body, "at": job.accepted.to_string(), "at_s": job.accepted.as_second(),
            "state": job.standing(now).state().as_str(),
        })
    }

    pub(super) fn upload(&self, at: Option<UploadAt>, asked: &Asked) -> Answer {
        let scope = self.general_scope(asked, &asked.sent.json, &[]);
        let mut books = self.books();
        let Books { uploads, routes, begun_uploads, .. } = &mut *books;
        let mut id = || {
            *begun_uploads += 1;
            self.dice.uuid("upload", *begun_uploads)
        };
        let at = match at {
            Some(at) => uploads.at(at, id),
            None => uploads.begin(id()),
        };
        let (said, kept) = uploads.step(&self.card, &self.built(), routes, at, &asked.sent, &scope);
        drop(books);
        if let Some(kept) = kept
            && let Err(error) = self.pictures.uploaded(&kept.handle, &kept.bytes)
        {
            let message = format!("the rehearsal can't keep the picture: {error}");
            return Answer::Said(Said::plain(500, &message));
        }
        Answer::Said(said)
    }
}

fn joined(all: Option<Said>, said: Said) -> Said {
    match all {
        Some(Said { status, headers, body: Some(mut body) }) => {
            replies::merge(&mut body, said.body.unwrap_or_default());
            Said { status, headers, body: Some(body) }
        }
        _ => said,
    }
}
