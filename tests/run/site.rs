//! A provider held in memory, which keeps its own bill. It outlives the runs, as a real one does.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use jiff::Timestamp;
use kinora::ledger::{JobState, Ledger};
use kinora::money::{Amount, Unit};
use kinora::plan::Request;
use kinora::providers::{
    Answer, AttemptKey, Failure, Fetched, Polled, Prepared, Provider, Refusal, RemoteId, Retry,
    Submission, Terms,
};

use crate::world::Fuse;

/// What the provider does with one submission.
#[derive(Debug, Clone)]
pub struct Script {
    pub submit: AtSubmit,
    /// Polls that say "running" before the end.
    pub running: u32,
    pub end: AtEnd,
    /// What it says it cost; `None`: nothing is said and the estimate is charged.
    pub cost: Option<Amount>,
    pub expires: Option<Timestamp>,
    /// What each fetch brings, in their order; then the clip.
    pub fetches: Vec<AtFetch>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AtSubmit {
    Accept,
    Refuse(&'static str, Retry),
    /// It takes the job, but its answer is lost.
    LoseReply,
    /// The request is lost on its way, and nobody can tell.
    LoseRequest,
    /// It never answers.
    Hang,
}

#[derive(Debug, Clone)]
pub enum AtEnd {
    Clip,
    Fail {
        cause: &'static str,
        charged: bool,
        retry: Retry,
    },
    /// It says "running" for ever.
    Never,
    /// It does not answer polls.
    Silent,
}

#[derive(Debug, Clone)]
pub enum AtFetch {
    Clip,
    Broken,
    /// Its place refuses it.
    Denied,
    Gone,
    Garbage,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            submit: AtSubmit::Accept,
            running: 1,
            end: AtEnd::Clip,
            cost: None,
            expires: None,
            fetches: Vec::new(),
        }
    }
}

/// What the n-th preparation is refused for, from 1.
pub type AtPrepare = fn(usize) -> Option<(&'static str, Retry)>;

pub type Director = Arc<dyn Fn(&Request, usize) -> Script + Send + Sync>;

/// One job as the provider knows it.
#[derive(Debug, Clone)]
pub struct Remote {
    pub address: String,
    pub model: String,
    pub script: Script,
    pub polls: u32,
    pub fetches: usize,
    pub ended: bool,
    /// What it takes for it, in millionths of a credit.
    pub charge: i64,
}

#[derive(Default)]
pub struct Site {
    pub remotes: BTreeMap<String, Remote>,
    /// Submissions seen, by address.
    pub seen: HashMap<String, usize>,
    pub submissions: Vec<String>,
    pub fetched: Vec<String>,
    /// Everything done at the site, in order: `submit ADDRESS`, `fetch ADDRESS`.
    pub log: Vec<String>,
    pub most_running: usize,
    pub most_running_by_model: BTreeMap<String, usize>,
}

/// A provider in memory. It outlives the runs, as a real one does.
pub struct FakeProvider {
    pub name: String,
    pub replays: bool,
    /// Whether it takes a request again under its key, and may refuse it then.
    pub by_key: bool,
    pub in_flight: usize,
    pub site: Mutex<Site>,
    pub director: Director,
    pub at_prepare: Mutex<AtPrepare>,
    pub prepared: Mutex<usize>,
    pub prices: Mutex<HashMap<String, i64>>,
    pub fuse: Mutex<Arc<Fuse>>,
    /// What is durable at the moment when something reaches the provider.
    pub witness: Mutex<Weak<Ledger>>,
}

impl FakeProvider {
    /// M3: whatever reaches the provider was written before.
    fn expect_durable(&self, request: &Request, state: JobState, id: Option<&RemoteId>) {
        let ledger = self.witness.lock().expect("never poisoned").upgrade().expect("running");
        let job = ledger.job(&request.address).expect("readable").expect("its intent is durable");
        assert_eq!(job.state, state, "{} is not durable as such", request.address);
        let attempt = ledger.attempt(job.attempt).expect("readable").expect("it has a row");
        assert_eq!(attempt.remote_id, id.map(RemoteId::to_stored));
        let sent = serde_json::to_string(request).expect("requests are JSON");
        assert_eq!(attempt.request, sent, "what is sent is what was written");
    }

    pub fn site(&self) -> std::sync::MutexGuard<'_, Site> {
        self.site.lock().expect("no test panics while it holds the site")
    }

    async fn tick(&self) {
        let fuse = Arc::clone(&self.fuse.lock().expect("never poisoned"));
        fuse.tick().await;
    }

    /// Takes a job in; by its content, when replays are safe.
    fn accept(&self, request: &Request, script: Script) -> RemoteId {
        let mut site = self.site();
        let id = if self.replays {
            format!("by-content-{}-{}", request.address, request.fingerprint.short())
        } else {
            format!("remote-{}", site.remotes.len())
        };
        let price = self.prices.lock().expect("never poisoned")[request.address.as_str()];
        let charge = script.cost.as_ref().map_or(price, |c| {
            if c.unit == Unit::new("USD") { price } else { c.to_micros().expect("small").get() }
        });
        site.remotes.entry(id.clone()).or_insert(Remote {
            address: request.address.to_string(),
            model: request.model.clone(),
            script,
            polls: 0,
            fetches: 0,
            ended: false,
            charge,
        });
        let running: Vec<String> =
            site.remotes.values().filter(|r| !r.ended).map(|r| r.model.clone()).collect();
        site.most_running = site.most_running.max(running.len());
        let of_model = running.iter().filter(|m| **m == request.model).count();
        let most = site.most_running_by_model.entry(request.model.clone()).or_default();
        *most = (*most).max(of_model);
        RemoteId::plain(id)
    }

    fn answer_poll(&self, id: &RemoteId) -> Polled {
        let mut site = self.site();
        let remote = site.remotes.get_mut(&id.id).expect("only known ids are polled");
        remote.polls += 1;
        match remote.script.end.clone() {
            AtEnd::Silent => Polled::NoAnswer { message: "no route to host".to_owned() },
            AtEnd::Never => running(10),
            _ if remote.polls <= remote.script.running => running(50),
            AtEnd::Clip => {
                remote.ended = true;
                Polled::Ready { expires: remote.script.expires, cost: remote.script.cost.clone() }
            }
            AtEnd::Fail { cause, charged, retry } => {
                remote.ended = true;
                if !charged {
                    remote.charge = 0;
                }
                let message = format!("it failed: {cause}");
                Polled::Failed(Failure { cause: cause.to_owned(), message, charged, retry })
            }
        }
    }

    fn answer_fetch(&self, id: &RemoteId, to: &Path) -> Fetched {
        assert!(!to.exists(), "a provider gets a path that does not exist yet");
        let mut site = self.site();
        let remote = site.remotes.get_mut(&id.id).expect("only known ids are fetched");
        let what = remote.script.fetches.get(remote.fetches).cloned().unwrap_or(AtFetch::Clip);
        remote.fetches += 1;
        let address = remote.address.clone();
        let clip = clip_bytes(&address);
        site.fetched.push(address.clone());
        site.log.push(format!("fetch {address}"));
        match what {
            AtFetch::Clip => write(to, &clip),
            AtFetch::Garbage => write(to, b"<html>try later</html>"),
            AtFetch::Broken => {
                write(to, &clip[..5]);
                return Fetched::Interrupted { message: "the connection broke".to_owned() };
            }
            AtFetch::Denied => return Fetched::Denied { message: "403".to_owned() },
            AtFetch::Gone => return Fetched::Gone { message: "404".to_owned() },
        }
        Fetched::Complete
    }
}

fn write(to: &Path, bytes: &[u8]) {
    std::fs::write(to, bytes).expect("the folder is there");
}

fn running(percent: u8) -> Polled {
    Polled::Running { percent: Some(percent), unknown_word: None, throttled: false }
}

pub fn clip_bytes(address: &str) -> Vec<u8> {
    format!("CLIP of {address}").into_bytes()
}

impl Provider for FakeProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn replay_window(&self) -> Option<Duration> {
        (self.replays || self.by_key).then_some(Duration::MAX)
    }

    fn knows_by_content(&self) -> bool {
        self.replays
    }

    fn terms(&self) -> Terms {
        Terms { in_flight: self.in_flight as u32, per_minute: None, per_day: None }
    }

    fn poll_interval_ms(&self) -> u64 {
        1
    }

    fn prepare<'a>(&'a self, _: &'a Request) -> Answer<'a, Result<Prepared, Refusal>> {
        let mut prepared = self.prepared.lock().expect("never poisoned");
        *prepared += 1;
        let refused = (self.at_prepare.lock().expect("never poisoned"))(*prepared);
        Box::pin(std::future::ready(match refused {
            None => Ok(Prepared::nothing()),
            Some((cause, retry)) => {
                let message = format!("pictures can't be handed over: {cause}");
                Err(Refusal { retry, cause: cause.to_owned(), message })
            }
        }))
    }

    fn submit<'a>(
        &'a self,
        request: &'a Request,
        _: &'a AttemptKey,
        _: Prepared,
    ) -> Answer<'a, Submission> {
        Box::pin(async move {
            self.tick().await;
            self.expect_durable(request, JobState::Submitting, None);
            let script = {
                let mut site = self.site();
                let address = request.address.to_string();
                site.submissions.push(address.clone());
                site.log.push(format!("submit {address}"));
                let nth = site.seen.entry(address).or_default();
                *nth += 1;
                (self.director)(request, *nth)
            };
            let evidence = "the answer timed out after 30 s".to_owned();
            let answer = match script.submit.clone() {
                AtSubmit::Accept => {
                    Submission::Accepted { id: self.accept(request, script), most: None }
                }
                AtSubmit::Refuse(cause, retry) => Submission::Refused(Refusal {
                    retry,
                    cause: cause.to_owned(),
                    message: format!("it was refused: {cause}"),
                }),
                AtSubmit::LoseReply => {
                    self.accept(request, script);
                    Submission::Unknown { evidence }
                }
                AtSubmit::LoseRequest => Submission::Unknown { evidence },
                AtSubmit::Hang => std::future::pending().await,
            };
            self.tick().await;
            answer
        })
    }

    fn poll<'a>(&'a self, id: &'a RemoteId, request: &'a Request) -> Answer<'a, Polled> {
        Box::pin(async move {
            self.expect_durable(request, JobState::Submitted, Some(id));
            let answer = self.answer_poll(id);
            self.tick().await;
            answer
        })
    }

    fn fetch<'a>(&'a self, id: &'a RemoteId, _: &'a Request, to: &'a Path) -> Answer<'a, Fetched> {
        Box::pin(async move {
            self.tick().await;
            let answer = self.answer_fetch(id, to);
            self.tick().await;
            answer
        })
    }
}
