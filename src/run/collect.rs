//! Collecting a clip that is made: into the line, fetched, checked, published.
//!
//! What never lives here: how files are put in place (that is `publish`).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::drive::{Attempt, Ended, Note};
use super::event::RunEvent;
use super::job::Event;
use super::publish::{Published, Target};
use super::setup::RunError;
use super::sidecar::Provenance;
use crate::digest::Digest;
use crate::ledger::{ClipRecord, JobState};
use crate::money::Micros;
use crate::plan::Request;
use crate::providers::{Failure, Fetched, Retry};

/// How often the same file that is no clip must come before it is given up.
const LOOKS_AT_A_BAD_CLIP: u32 = 3;

/// How long after its time a clip that is refused counts as gone: clocks differ, and places of
/// clips are down for a night now and then.
const GRACE: SignedDuration = SignedDuration::from_hours(24);

/// What a fetch brought.
enum Arrived {
    /// A clip, in its place.
    Clip(ClipRecord),
    /// Something that is no clip, kept aside.
    NotAClip { message: String, digest: Digest, target: Box<Target> },
    /// Not all of it.
    Broken(String),
    /// Nothing, for good.
    Gone(String),
    /// Nothing: the run was cut.
    Cut,
}

impl Attempt {
    /// Fetches a clip that is ready, until it stands in its place or is surely gone.
    pub(super) async fn collect(&mut self) -> Result<Ended, RunError> {
        let desk = Arc::clone(&self.desk);
        let mut broken = 0;
        let mut bad: Vec<Digest> = Vec::new();
        // An earlier run may have left part of it.
        let mut first = !self.resumed;
        if self.life.state == Some(JobState::Fetching) {
            self.step(Event::BreakFetch, Note::message("the process stopped meanwhile")).await?;
        }
        loop {
            let Some(place) = desk.unless_cut(desk.line.enter(self.expires)).await else {
                return self.leave("stopped; the clip waits at the provider").await;
            };
            // A fetch only reads, so it need not wait for its step.
            let (written, next) = self.hand_in(Event::BeginFetch)?;
            let (written, arrived) = tokio::join!(biased; written, self.fetch(first));
            first = false;
            written?;
            self.life = next;
            let message = match arrived? {
                Arrived::Clip(clip) => return self.done(clip).await,
                Arrived::Gone(message) => {
                    self.step(Event::Expire, Note::message(&message)).await?;
                    self.blame("lost", None).await;
                    desk.say(RunEvent::Lost { job: self.job(), message }).await;
                    return Ok(Ended::Lost);
                }
                Arrived::NotAClip { message, digest, target } => {
                    bad.push(digest);
                    let same = bad.iter().filter(|seen| **seen == digest).count();
                    if same >= LOOKS_AT_A_BAD_CLIP as usize {
                        return self.reject(message, target).await;
                    }
                    self.on_files(move |_| target.discard()).await?;
                    message
                }
                Arrived::Broken(message) => {
                    broken += 1;
                    message
                }
                Arrived::Cut => {
                    self.step(Event::BreakFetch, Note::default()).await?;
                    return self.leave("stopped; the clip waits at the provider").await;
                }
            };
            self.step(Event::BreakFetch, Note::message(&message)).await?;
            if broken == 1 {
                let (job, message) = (self.job(), message.clone());
                desk.say(RunEvent::NoAnswer { job, message }).await;
            }
            drop(place);
            // A clip that does not arrive must not keep everything else from starting.
            self.gate = None;
            let bad = u32::try_from(bad.len()).unwrap_or(u32::MAX);
            if self.once || broken + bad > desk.setup.pace.patience {
                return self.leave(&message).await;
            }
            // What a provider hands out instead of a clip is a page about its trouble most
            // often; that takes longer than a broken connection.
            let wait = match bad {
                0 => desk.backoff(broken),
                bad => desk.setup.pace.trouble * bad + desk.backoff(bad),
            };
            if desk.unless_closed(tokio::time::sleep(wait)).await.is_none() {
                return self.leave("stopped; the clip waits at the provider").await;
            }
        }
    }

    async fn fetch(&self, first: bool) -> Result<Arrived, RunError> {
        let id = self.remote_id()?;
        let (desk, request) = (Arc::clone(&self.desk), Arc::clone(&self.request));
        let disk = Arc::clone(&desk.setup.files);
        let target = Target::of(disk, &desk.setup.workspace, &request.out, self.id)?;
        // Of a first try in a folder that this run made or saw, nothing can lie there.
        let target = match first && desk.knows_folder(target.folder()) {
            true => target,
            false => {
                let desk = Arc::clone(&desk);
                self.on_files(move |_| {
                    target.prepare(&desk.setup.workspace)?;
                    desk.know_folder(target.folder());
                    Ok(target)
                })
                .await?
            }
        };
        let (desk, request) = (Arc::clone(&self.desk), Arc::clone(&self.request));
        let fetch = async {
            let _leave = desk.request().await;
            self.provider.fetch(&id, &request, &target.temporary).await
        };
        match desk.unless_cut(fetch).await {
            Some(Fetched::Complete) => {}
            Some(Fetched::Interrupted { message }) => {
                self.on_files(move |_| target.discard()).await?;
                return Ok(Arrived::Broken(message));
            }
            Some(Fetched::Denied { message }) => {
                self.on_files(move |_| target.discard()).await?;
                return Ok(self.denied(message));
            }
            Some(Fetched::Gone { message }) => {
                self.on_files(move |_| target.discard()).await?;
                return Ok(Arrived::Gone(message));
            }
            None => {
                self.on_files(move |_| target.discard()).await?;
                return Ok(Arrived::Cut);
            }
        }
        let from = Provenance {
            attempt: self.number,
            remote_id: Some(id.id),
            unit: desk.setup.limits.unit.clone(),
            estimate: self.estimate,
            settled: self.life.settled,
            basis: self.basis,
            submitted: self.started,
            ready: self.ready,
        };
        self.on_files(move |_| {
            Ok(match target.publish(&*desk.setup.clips, &request, &from)? {
                Published::Clip(clip) => Arrived::Clip(clip),
                Published::NotAClip { message, digest } => {
                    Arrived::NotAClip { message, digest, target: Box::new(target) }
                }
            })
        })
        .await
    }

    /// Whether a clip that its place refuses is gone. Where nobody knows how long it is kept, that
    /// is for a person to say.
    fn denied(&self, message: String) -> Arrived {
        let overdue = |expires: &Timestamp| self.desk.now().duration_since(*expires) > GRACE;
        match self.expires.filter(overdue) {
            Some(expires) => {
                let until = expires.strftime("%Y-%m-%d %H:%M UTC");
                Arrived::Gone(format!("{message}, and the clip was kept until {until} only"))
            }
            None => Arrived::Broken(message),
        }
    }

    async fn done(&mut self, clip: ClipRecord) -> Result<Ended, RunError> {
        let note = Note { clip: Some(clip.clone()), ..Note::default() };
        self.step(Event::Publish, note).await?;
        let missed = missed(&self.request, &clip);
        self.desk
            .say(RunEvent::Done {
                job: self.job(),
                clip: clip.path,
                bytes: clip.bytes,
                cost: self.life.settled.to_decimal().to_string(),
                basis: self.basis,
            })
            .await;
        if let Some((channel, missed)) = missed {
            self.desk.say(RunEvent::Unsuited { job: self.job(), channel, missed }).await;
        }
        let to_check = self.request.consistency.is_some().then_some(self.id);
        Ok(Ended::Done { to_check })
    }

    /// Gives up a file that is no clip. It was paid for, so it is kept beside where the clip
    /// would be.
    async fn reject(&mut self, why: String, target: Box<Target>) -> Result<Ended, RunError> {
        let kept = self.on_files(move |_| target.keep_aside()).await?;
        let message = format!("what the provider made is no clip: {why}; it is kept as {kept}");
        self.step(Event::Reject, Note::message(&message)).await?;
        let charged = self.life.settled > Micros::ZERO;
        let cause = "not_a_clip".to_owned();
        self.failed(Failure { cause, message, charged, retry: Retry::Never }).await
    }
}

/// The channel that a clip is for, and what it lacks there; `None` where it suits. A job never
/// fails for it: its clip is paid for, and may do elsewhere.
fn missed(request: &Request, clip: &ClipRecord) -> Option<(String, Vec<String>)> {
    let ask = request.channel.as_ref()?;
    let missed = ask.missed_by(clip.measures());
    (!missed.is_empty()).then(|| (ask.channel.clone(), missed))
}
