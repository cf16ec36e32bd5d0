//! Many pictures: how many at once, from one host and in all; tries, pauses, and hosts that do not
//! answer; what is kept and entered in the lock.
//!
//! Workers only download. Whatever is written beside parts of downloads is written by the one who
//! waits for them, in the order in which pictures come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use url::Url;

use super::client::Client;
use super::download::{Came, Downloader, Whole};
use super::filling::Filling;
use super::guard::{Guard, place};
use super::problem::{Problem, Trouble};
use super::store::Store;
use crate::clock::{Chance, Clock};
use crate::digest::Digest;
use crate::environment::Environment;
use crate::limits::Limits;
use crate::manifest::{FetchSettings, HeaderText};
use crate::media::Locked;
use crate::net;

/// What became of a picture, by its number: it came, or did not after so many tries.
type Outcome = (usize, Result<Came, (Problem, u32)>);

/// Tries in a row that bring little.
const TRIES: u32 = 4;

/// Tries at all, of a picture that comes in small pieces.
const MOST_TRIES: u32 = 20;

/// A try that brings as much is not in vain.
const WORTH: u64 = 256 << 10;

/// Before the second try; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);

/// Longest that a server is waited for as it asks.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Pictures of one host that could not be asked for, one after another, before it is left alone.
const SILENT: u32 = 3;

/// Pictures of one host in a row that were given up, before it is left alone. Each takes minutes
/// where it comes too slowly, and a shop has a hundred thousand.
const USELESS: u32 = 12;

/// A picture that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its URL, as the lock file has it.
    pub url: String,
    /// What the lock file says of it.
    pub known: Option<Locked>,
    /// Whether its bytes are here, and are those.
    pub here: bool,
}

/// How it is fetched.
pub struct Setup<'a> {
    /// What the manifest says.
    pub settings: &'a FetchSettings,
    /// Limits of pictures.
    pub limits: &'a Limits,
    /// For headers whose values stand in the environment, and for proxies.
    pub environment: &'a dyn Environment,
    /// For the day in the lock file, and for waits until a time.
    pub clock: Arc<dyn Clock>,
    /// For pauses, so that many do not come back at once.
    pub chance: Chance,
    /// Whether servers are asked about what is here.
    pub revalidate: bool,
    /// Which pictures must be what the lock file names.
    pub bound: Bound,
}

/// Which pictures must be what the lock file names. Other bytes for those are a failure, and the
/// lock file keeps what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// None: the lock file follows what servers give.
    Nothing,
    /// Those that it names. Others are entered.
    Named,
    /// All: those that it doesn't name are not fetched, and nothing in it changes.
    All,
}

/// What became of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It was here, and nobody was asked.
    Here,
    /// It was here, and the server says that it is still the same.
    Same,
    /// It came for the first time.
    New {
        /// How many bytes.
        bytes: u64,
    },
    /// It is what the lock file names, and was not here.
    Restored {
        /// How many bytes.
        bytes: u64,
    },
    /// It is another picture than the lock file named.
    Changed {
        /// What it named.
        before: Digest,
        /// What it names now.
        now: Digest,
        /// How many bytes.
        bytes: u64,
    },
    /// It could not be fetched. What was here and in the lock file stays.
    Failed {
        /// Why.
        problem: Problem,
        /// How often it was asked for.
        tries: u32,
    },
    /// Nobody came to it before all was stopped.
    Stopped,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pictures of which something became.
    pub done: usize,
    /// Pictures that are wanted.
    pub of: usize,
}

/// Why nothing could be fetched.
#[derive(Debug, thiserror::Error)]
pub enum SetupProblem {
    /// A header's value stands in a variable that is not set.
    #[error("the environment variable {0} is not set, which `fetch: {{headers: …}}` names")]
    Unset(String),
    /// A header's value can't be sent.
    #[error("the environment variable {0} holds what no header can hold")]
    NoHeader(String),
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// What came can't be written down.
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
}

/// Fetches what is wanted, until all is done or `stop` comes. What became of each stands at its own
/// place. The lock is as it should be then, and not written yet.
///
/// # Errors
/// When nothing can be fetched, or what came can't be written down.
pub async fn fetch_all(
    setup: &Setup<'_>,
    store: &mut Store,
    wanted: &[Wanted],
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(Progress, &Fetched),
) -> Result<Vec<Fetched>, SetupProblem> {
    let mut all = vec![Fetched::Stopped; wanted.len()];
    let mut done = 0;
    let mut to_ask = Vec::new();
    for (at, picture) in wanted.iter().enumerate() {
        let known = match without_asking(picture, setup) {
            Some(known) => known,
            None => {
                to_ask.push(at);
                continue;
            }
        };
        done += 1;
        progress(Progress { done, of: wanted.len() }, &known);
        all[at] = known;
    }
    if to_ask.is_empty() {
        return Ok(all);
    }
    let crew = Arc::new(Crew::new(setup, store.parts(), wanted, &to_ask)?);
    let (send, mut results) = mpsc::channel(64);
    let mut workers = JoinSet::new();
    for host in &crew.hosts {
        for _ in 0..host.queued().min(setup.settings.per_host as usize) {
            let (crew, host, send) = (Arc::clone(&crew), Arc::clone(host), send.clone());
            workers.spawn(async move { crew.work(&host, &send).await });
        }
    }
    drop(send);
    let today = setup.clock.today();
    let mut stop = std::pin::pin!(stop);
    let mut stopped = false;
    loop {
        let next = tokio::select! {
            biased;
            () = &mut stop, if !stopped => {
                stopped = true;
                // Downloads on their way end where they are, and keep what came. Of those that
                // ended, nobody was told yet.
                workers.shutdown().await;
                continue;
            }
            next = results.recv() => next,
        };
        let Some((at, came)) = next else { break };
        let fetched = take(store, &wanted[at], came, setup.bound, today)?;
        done += 1;
        progress(Progress { done, of: wanted.len() }, &fetched);
        all[at] = fetched;
    }
    Ok(all)
}

/// What becomes of a picture for which nobody is asked.
fn without_asking(picture: &Wanted, setup: &Setup<'_>) -> Option<Fetched> {
    if picture.here && !setup.revalidate {
        return Some(Fetched::Here);
    }
    if setup.bound == Bound::All && picture.known.is_none() {
        let help = "run `kinora fetch` without --locked, and commit the lock file";
        let message = "is not in pictures.lock";
        let problem = Problem::new("fetch::not_locked", message, help);
        return Some(Fetched::Failed { problem, tries: 0 });
    }
    None
}

/// Keeps what came, and enters it.
fn take(
    store: &mut Store,
    picture: &Wanted,
    came: Result<Came, (Problem, u32)>,
    bound: Bound,
    today: Date,
) -> Result<Fetched, SetupProblem> {
    let whole = match came {
        Err((problem, tries)) => return Ok(Fetched::Failed { problem, tries }),
        Ok(Came::Same) => return Ok(Fetched::Same),
        Ok(Came::Picture(whole)) => *whole,
    };
    let Whole { file, facts, etag, last_modified } = whole;
    let io = |e| SetupProblem::Io(file.clone(), e);
    let same = picture.known.as_ref().filter(|known| known.digest == facts.digest);
    let fetched = same.map_or(today, |known| known.fetched);
    let (digest, bytes, format) = (facts.digest, facts.bytes, facts.format);
    let now = Locked { digest, bytes, format, etag, last_modified, fetched };
    let is_bound = match bound {
        Bound::Nothing => false,
        Bound::Named => picture.known.is_some(),
        Bound::All => true,
    };
    if is_bound && same.is_none() {
        std::fs::remove_file(&file).map_err(io)?;
        let message = "gives other bytes than pictures.lock names";
        let help = "the picture changed, or its server packs it anew: `kinora fetch --revalidate` \
                    takes what it gives now; look at the plan then, since its clips are made \
                    again, and commit the lock file. Or bring .kinora/pictures from a machine \
                    that has the bytes of the lock file";
        let problem = Problem::new("fetch::changed", message, help);
        return Ok(Fetched::Failed { problem, tries: 1 });
    }
    if same.is_some() && picture.here {
        std::fs::remove_file(&file).map_err(io)?;
    } else {
        store.keep(&file, &now).map_err(io)?;
    }
    if bound != Bound::All {
        store.enter(&picture.url, now).map_err(io)?;
    }
    Ok(match (&picture.known, same) {
        (None, _) => Fetched::New { bytes },
        (Some(_), Some(_)) if picture.here => Fetched::Same,
        (Some(_), Some(_)) => Fetched::Restored { bytes },
        (Some(known), None) => Fetched::Changed { before: known.digest, now: digest, bytes },
    })
}

/// What workers share.
struct Crew {
    downloader: Downloader,
    hosts: Vec<Arc<Host>>,
    at_once: Semaphore,
    parts: PathBuf,
    chance: Chance,
}

/// One host, or rather one origin.
struct Host {
    queue: Mutex<VecDeque<Task>>,
    /// Nothing is asked before.
    rests_until: Mutex<Option<Instant>>,
    /// Pictures in a row that could not be asked for.
    silent: AtomicU32,
    /// Pictures in a row that were given up.
    useless: AtomicU32,
    /// Why nothing more is asked.
    down: OnceLock<Problem>,
}

struct Task {
    at: usize,
    url: Url,
    /// What is here, where the server is to be asked about it.
    known: Option<Locked>,
}

impl Host {
    fn queued(&self) -> usize {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn next(&self) -> Option<Task> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// It gave a picture, or said for good why not.
    fn answered(&self) {
        self.silent.store(0, Ordering::Relaxed);
        self.useless.store(0, Ordering::Relaxed);
    }

    /// A picture was given up, after all its tries. Where that goes on, nothing more is asked.
    fn gave_nothing(&self, problem: &Problem, unreachable: bool) {
        // What came whole says nothing of others.
        if problem.code == "fetch::damaged" {
            return self.answered();
        }
        let useless = self.useless.fetch_add(1, Ordering::Relaxed) + 1;
        let silent = unreachable && self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT;
        if silent || useless >= USELESS {
            let _ = self.down.set(problem.clone());
        }
    }

    async fn rest(&self) {
        loop {
            let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
            match until.filter(|until| *until > Instant::now()) {
                Some(until) => sleep_until(until).await,
                None => return,
            }
        }
    }

    fn rests_for(&self, wait: Duration) {
        let mut until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Some(Instant::now() + wait));
    }
}

impl Crew {
    fn new(
        setup: &Setup<'_>,
        parts: PathBuf,
        wanted: &[Wanted],
        to_ask: &[usize],
    ) -> Result<Self, SetupProblem> {
        let mut hosts: BTreeMap<String, VecDeque<Task>> = BTreeMap::new();
        let mut places = BTreeSet::new();
        for at in to_ask {
            let picture = &wanted[*at];
            // Loading read it; a URL that it let in is one.
            let Ok(url) = Url::parse(&picture.url) else { continue };
            let known = picture.known.clone().filter(|_| picture.here);
            places.insert(place(&url));
            let origin = url.origin().ascii_serialization();
            hosts.entry(origin).or_default().push_back(Task { at: *at, url, known });
        }
        let host = |queue: VecDeque<Task>| {
            Arc::new(Host {
                queue: Mutex::new(queue),
                rests_until: Mutex::new(None),
                silent: AtomicU32::new(0),
                useless: AtomicU32::new(0),
                down: OnceLock::new(),
            })
        };
        let settings = setup.settings;
        let guard = Guard {
            allowed: settings.allow_hosts.clone(),
            headers: headers(settings, setup.environment, &places)?,
            proxies: net::proxies(setup.environment),
        };
        let picture_bytes = setup.limits.picture_bytes;
        Ok(Crew {
            downloader: Downloader {
                client: Client::new(guard, settings.per_host).map_err(SetupProblem::Tls)?,
                clock: Arc::clone(&setup.clock),
                timeout: settings.timeout,
                max_bytes: settings.max_bytes.unwrap_or(picture_bytes).min(picture_bytes),
                limits: setup.limits.clone(),
                looking: Semaphore::new(
                    std::thread::available_parallelism().map_or(1, usize::from),
                ),
            },
            hosts: hosts.into_values().map(host).collect(),
            at_once: Semaphore::new(settings.at_once as usize),
            parts,
            chance: Chance::from_seed(setup.chance.below(u64::MAX)),
        })
    }

    /// Fetches a host's pictures, one after another, until none is left.
    async fn work(&self, host: &Host, send: &mpsc::Sender<Outcome>) {
        while let Some(task) = host.next() {
            let came = self.one(host, &task).await;
            if send.send((task.at, came)).await.is_err() {
                return;
            }
        }
    }

    async fn one(&self, host: &Host, task: &Task) -> Result<Came, (Problem, u32)> {
        if let Some(problem) = host.down.get() {
            let message = format!("was not asked, since another of its host {}", problem.message);
            return Err((Problem { message, ..problem.clone() }, 0));
        }
        let mut filling = Filling::new(task.url.as_str(), &self.parts);
        let (mut tries, mut in_vain) = (0, 0);
        loop {
            host.rest().await;
            let had = filling.came;
            let place = self.at_once.acquire().await;
            tries += 1;
            let came = self.downloader.attempt(&task.url, task.known.as_ref(), &mut filling).await;
            drop(place);
            let (problem, wait, unreachable) = match came {
                Ok(came) => {
                    host.answered();
                    return Ok(came);
                }
                Err(Trouble::ForGood(problem)) => {
                    host.answered();
                    return Err((problem, tries));
                }
                Err(Trouble::ForNow { problem, wait, host }) => (problem, wait, host),
            };
            in_vain = if filling.came >= had + WORTH { 0 } else { in_vain + 1 };
            if let Some(wait) = wait.filter(|wait| *wait > LONGEST_WAIT) {
                let message = format!("{}, and asks to wait {} s", problem.message, wait.as_secs());
                let problem = Problem { message, ..problem };
                // Whoever asks for that means all of its pictures.
                let _ = host.down.set(problem.clone());
                return Err((problem, tries));
            }
            if in_vain >= TRIES || tries >= MOST_TRIES {
                host.gave_nothing(&problem, unreachable);
                let message = format!("{} ({tries} tries)", problem.message);
                return Err((Problem { message, ..problem }, tries));
            }
            match wait {
                Some(wait) => host.rests_for(wait),
                None => sleep(self.pause(in_vain)).await,
            }
        }
    }

    fn pause(&self, in_vain: u32) -> Duration {
        let pause = PAUSE * 2u32.saturating_pow(in_vain.saturating_sub(1).min(6));
        pause + Duration::from_millis(self.chance.below(1 + pause.as_millis() as u64 / 2))
    }
}

/// The headers of each host, ready to be sent, and never to be printed. `asked` are the hosts that
/// are asked first; of another one, to which a redirect may lead, a variable may be unset, and it
/// will say what it lacks.
fn headers(
    settings: &FetchSettings,
    environment: &dyn Environment,
    asked: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<(HeaderName, HeaderValue)>>, SetupProblem> {
    let mut all = BTreeMap::new();
    for (host, headers) in &settings.headers {
        let mut list = Vec::with_capacity(headers.len());
        for (name, text) in headers {
            let value = match text {
                HeaderText::Literal(text) => text.clone(),
                HeaderText::Environment(variable) => match environment.get(variable) {
                    Some(text) => text,
                    None if asked.contains(host) => {
                        return Err(SetupProblem::Unset(variable.clone()));
                    }
                    None => continue,
                },
            };
            let pair = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .zip(HeaderValue::from_str(value.trim()).ok());
            let named = || match text {
                HeaderText::Literal(_) => name.clone(),
                HeaderText::Environment(variable) => variable.clone(),
            };
            let (name, mut value) = pair.ok_or_else(|| SetupProblem::NoHeader(named()))?;
            value.set_sensitive(true);
            list.push((name, value));
        }
        all.insert(host.clone(), list);
    }
    Ok(all)
}
