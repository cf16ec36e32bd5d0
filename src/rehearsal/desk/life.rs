//! A job's life: its state, its result, its end.

use serde_json::json;

use super::{Answer, Asked, Books, Desk};
use crate::protocol::{Class, Reply, State};
use crate::rehearsal::job::{Job, Standing};
use crate::rehearsal::replies::Said;
use crate::rehearsal::routes::{JobAt, Step};
use crate::wire::{Scope, scope_of};

impl Desk {
    pub(super) fn step(&self, at: JobAt, found: &[Step], asked: &Asked) -> Answer {
        let mut books = self.books();
        let Books { jobs, routes, .. } = &mut *books;
        let job = &mut jobs[at];
        let now = self.clock.now();
        let standing = job.standing(now);
        let Some(first) = found.first() else {
            return Answer::Said(self.refusal(Class::NotFound, "no such job", asked));
        };
        let said = match first {
            Step::Output => return self.output(job, &standing, asked),
            Step::Poll => {
                job.give_fresh_url(&standing, self.card.output.refreshed_by_poll);
                self.state_reply(job, at, &standing, asked)
            }
            Step::Also => self.also_reply(job, at, &standing, asked),
            Step::Result(number) => self.result_reply(job, at, *number, &standing, asked),
            Step::Cancel => self.cancel(job, at, &standing, asked),
            Step::Lookup => {
                let listed = self.is_listed(job, at, now).then(|| self.entry(job, at, now));
                let found: Vec<_> = listed.into_iter().collect();
                let scope = minijinja::context! {
                    request => scope_of(&json!({ "found": found, "body": job.body })),
                    ..self.reply_scope(job, at, asked, &[])
                };
                self.reply(self.card.rehearsal.lookup.as_ref(), &scope)
            }
        };
        for step in found {
            let wanted = match step {
                Step::Poll => &self.card.poll.capture,
                Step::Result(number) => &self.card.result[*number].capture,
                _ => continue,
            };
            job.captured.extend(said.captures(wanted));
        }
        let scope = self.job_scope(job, at);
        routes.enter_job(&self.card, &self.built(), &scope, at);
        Answer::Said(said)
    }

    pub(super) fn reply(&self, reply: Option<&Reply>, scope: &Scope) -> Said {
        reply
            .map_or_else(|| Said { status: 200, ..Said::default() }, |reply| Said::of(reply, scope))
    }

    pub(super) fn poll_scope(&self, job: &Job, at: JobAt, asked: &Asked) -> Scope {
        let cost = &self.card.cost;
        let costs = [cost.after.as_ref(), cost.at_submit.as_ref(), cost.at_create.as_ref()];
        self.reply_scope(job, at, asked, &costs)
    }

    pub(super) fn state_reply(
        &self,
        job: &Job,
        at: JobAt,
        standing: &Standing,
        asked: &Asked,
    ) -> Said {
        let rehearsal = &self.card.rehearsal;
        let reply = match standing {
            Standing::Queued => rehearsal.queued.as_ref().unwrap_or(&rehearsal.running),
            Standing::Running(_) => &rehearsal.running,
            Standing::Succeeded(_) => &rehearsal.succeeded,
            Standing::Failed(_) => &rehearsal.failed,
            Standing::Cancelled => rehearsal.cancelled.as_ref().unwrap_or(&rehearsal.failed),
        };
        Said::of(reply, &self.poll_scope(job, at, asked))
    }

    pub(super) fn also_reply(
        &self,
        job: &Job,
        at: JobAt,
        standing: &Standing,
        asked: &Asked,
    ) -> Said {
        let also = &self.card.rehearsal.also;
        let running = also.get(State::Running.as_str());
        let reply = match also.get(standing.state().as_str()) {
            None if *standing == Standing::Queued => running,
            reply => reply,
        };
        self.reply(reply, &self.poll_scope(job, at, asked))
    }

    pub(super) fn result_reply(
        &self,
        job: &Job,
        at: JobAt,
        number: usize,
        standing: &Standing,
        asked: &Asked,
    ) -> Said {
        match standing {
            Standing::Succeeded(_) => {
                let reply = self.card.rehearsal.result.get(number);
                self.reply(reply, &self.poll_scope(job, at, asked))
            }
            Standing::Failed(doom) => self.refusal(Class::Policy, &doom.message, asked),
            Standing::Cancelled => self.refusal(Class::Invalid, "it was cancelled", asked),
            Standing::Queued | Standing::Running(_) => {
                self.refusal(Class::Invalid, "it is still in progress", asked)
            }
        }
    }

    pub(super) fn cancel(
        &self,
        job: &mut Job,
        at: JobAt,
        standing: &Standing,
        asked: &Asked,
    ) -> Said {
        let state = standing.state();
        if let Some(cancel) = self.card.cancel.as_ref().filter(|c| c.stops.contains(&state)) {
            job.cancelled = Some(cancel.charged && state == State::Running);
        }
        let scope = self.poll_scope(job, at, asked);
        self.reply(self.card.rehearsal.cancel.as_ref(), &scope)
    }
}
