//! The animatic: the box's own provider, which renders clips from pictures, free of charge.
//!
//! What lives here: the provider's side of it — taking requests, the threads, handing clips
//! over. What never does: how a clip looks; that is in the modules below.
//!
//! A clip is known by its request's fingerprint and is a function of it alone. So a request may
//! be sent again at any time, and one that was lost by a restart is simply rendered again.

mod camera;
mod ground;
mod matte;
mod raster;
mod render;
mod sequence;
mod slate;
mod stage;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use rayon::ThreadPool;
use tokio::sync::{oneshot, watch};

use super::{
    Answer, AttemptKey, Failure, Fetched, Polled, Prepared, Provider, Refusal, RemoteId, Retry,
    Submission, Terms,
};
use crate::media::clip;
use crate::media::decode::PictureLimits;
use crate::plan::Request;

pub use render::{Drawing, Progress, RenderError, render};
pub use words::{CAMERA_WORDS, FAST_WORDS, MOVES, Move, MoveWord, SLOW_WORDS};

/// The provider's name on model cards.
pub const NAME: &str = crate::models::BUILT_IN;

/// The provider. Dropping it stops what is being rendered and waits for nothing.
pub struct Animatic {
    workspace: PathBuf,
    folder: PathBuf,
    jobs: Arc<Mutex<HashMap<String, Job>>>,
    /// Clips waiting for one of the clip threads.
    queue: mpsc::Sender<Work>,
    /// For short file work, so that it never waits behind rendering.
    desk: ThreadPool,
    in_flight: usize,
    limits: PictureLimits,
}

#[derive(Clone)]
struct Job {
    progress: Arc<Progress>,
    state: watch::Receiver<State>,
}

/// How a rendering stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Running,
    Ready,
    Failed(Failure),
}

struct Work {
    request: Request,
    limits: PictureLimits,
    file: PathBuf,
    progress: Arc<Progress>,
    state: watch::Sender<State>,
}

impl Animatic {
    /// A provider that reads pictures below `workspace` and keeps clips in `folder` until they
    /// are fetched. It uses all cores: at most as many clips at once as there are, which bounds
    /// its memory.
    pub fn new(workspace: &Path, folder: &Path) -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads(workspace, folder, cores)
    }

    /// The same with so many threads. Their number changes no clip.
    pub fn with_threads(workspace: &Path, folder: &Path, threads: usize) -> std::io::Result<Self> {
        let threads = threads.max(1);
        std::fs::create_dir_all(folder)?;
        let pool = Arc::new(pool("animatic", threads)?);
        let (queue, work) = mpsc::channel::<Work>();
        let work = Arc::new(Mutex::new(work));
        for number in 0..threads {
            let (work, pool, workspace) = (work.clone(), pool.clone(), workspace.to_owned());
            std::thread::Builder::new()
                .name(format!("animatic-clip-{number}"))
                .spawn(move || serve(&work, &pool, &workspace))?;
        }
        Ok(Animatic {
            workspace: workspace.to_owned(),
            folder: folder.to_owned(),
            jobs: Arc::default(),
            queue,
            desk: pool_of_desk()?,
            in_flight: threads,
            limits: PictureLimits::default(),
        })
    }

    /// The same with other limits on the pictures that it reads.
    #[must_use]
    pub fn within(mut self, limits: PictureLimits) -> Self {
        self.limits = limits;
        self
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.mp4"))
    }

    /// The job of a request; started if it is not known. A clip that an earlier process
    /// finished is taken as it is.
    fn job(&self, id: &str, request: &Request) -> Job {
        let mut jobs = lock(&self.jobs);
        if let Some(job) = jobs.get(id) {
            return job.clone();
        }
        let file = self.file(id);
        let (sender, state) = watch::channel(State::Running);
        let progress = Arc::new(Progress::default());
        let job = Job { progress: progress.clone(), state };
        jobs.insert(id.to_owned(), job.clone());
        drop(jobs);
        if clip::inspect(&file).is_ok() {
            sender.send_replace(State::Ready);
        } else {
            let (request, limits) = (request.clone(), self.limits);
            let work = Work { request, limits, file, progress, state: sender };
            // The threads end only when the sender is dropped. Should one be gone all the same,
            // the job's channel closes, and `state_of` calls that a failure.
            let _ = self.queue.send(work);
        }
        job
    }

    /// Runs short file work off the caller's thread.
    async fn at_desk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        self.desk.spawn(move || {
            // Nobody waits any more when the receiver is gone.
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)).ok());
        });
        answer.await.ok().flatten()
    }

    async fn take(&self, request: &Request) -> Submission {
        let id = request.fingerprint.to_string();
        let (checked, workspace, limits) = (request.clone(), self.workspace.clone(), self.limits);
        let problem = self.at_desk(move || {
            render::spec_of(&checked)
                .and_then(|_| render::check_pictures(&checked, &workspace, &limits))
        });
        match problem.await {
            Some(Ok(())) => {
                // A request that failed before and is sent again is tried again.
                self.forget_failed(&id);
                self.job(&id, request);
                Submission::Accepted { id: RemoteId::plain(id), most: None }
            }
            Some(Err(error)) => Submission::Refused(Refusal {
                retry: Retry::Never,
                cause: error.cause().to_owned(),
                message: error.to_string(),
            }),
            None => Submission::Refused(Refusal {
                retry: Retry::After(None),
                cause: "panic".to_owned(),
                message: "the request could not be checked".to_owned(),
            }),
        }
    }

    fn forget_failed(&self, id: &str) {
        let mut jobs = lock(&self.jobs);
        if jobs.get(id).is_some_and(|j| matches!(state_of(j), State::Failed(_))) {
            jobs.remove(id);
        }
    }

    async fn hand_over(&self, id: &str, request: &Request, to: &Path) -> Fetched {
        let mut job = self.job(id, request);
        // Usually it is ready; after a restart it may have to be made again first.
        let _ = job.state.wait_for(|s| *s != State::Running).await;
        match state_of(&job) {
            State::Ready => {}
            State::Running => {
                return Fetched::Interrupted { message: "it is still being rendered".to_owned() };
            }
            State::Failed(failure) => return Fetched::Gone { message: failure.message },
        }
        let (from, to) = (self.file(id), to.to_owned());
        let moved = self.at_desk(move || publish(&from, &to)).await;
        lock(&self.jobs).remove(id);
        match moved {
            Some(Ok(())) => Fetched::Complete,
            Some(Err(error)) => Fetched::Interrupted { message: error.to_string() },
            None => Fetched::Interrupted { message: "the clip could not be moved".to_owned() },
        }
    }
}

impl Drop for Animatic {
    fn drop(&mut self) {
        for job in lock(&self.jobs).values() {
            job.progress.stop();
        }
    }
}

impl Provider for Animatic {
    fn name(&self) -> &str {
        NAME
    }

    fn replay_window(&self) -> Option<Duration> {
        // A job is known by its content, for as long as the program is the same.
        Some(Duration::MAX)
    }

    fn knows_by_content(&self) -> bool {
        true
    }

    fn terms(&self) -> Terms {
        let in_flight = u32::try_from(self.in_flight).unwrap_or(u32::MAX);
        Terms { in_flight, per_minute: None, per_day: None }
    }

    fn poll_interval_ms(&self) -> u64 {
        100
    }

    fn submit<'a>(
        &'a self,
        request: &'a Request,
        _: &'a AttemptKey,
        _: Prepared,
    ) -> Answer<'a, Submission> {
        Box::pin(self.take(request))
    }

    fn poll<'a>(&'a self, id: &'a RemoteId, request: &'a Request) -> Answer<'a, Polled> {
        Box::pin(async move {
            let job = self.job(&id.id, request);
            match state_of(&job) {
                State::Running => {
                    Polled::Running {
                        percent: Some(job.progress.percent()),
                        unknown_word: None,
                        throttled: false,
                    }
                }
                State::Ready => Polled::Ready { expires: None, cost: None },
                State::Failed(failure) => Polled::Failed(failure),
            }
        })
    }

    fn fetch<'a>(
        &'a self,
        id: &'a RemoteId,
        request: &'a Request,
        to: &'a Path,
    ) -> Answer<'a, Fetched> {
        Box::pin(self.hand_over(&id.id, request, to))
    }
}

fn pool(name: &'static str, threads: usize) -> std::io::Result<ThreadPool> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |n| format!("{name}-{n}"))
        .build()
        .map_err(std::io::Error::other)
}

fn pool_of_desk() -> std::io::Result<ThreadPool> {
    pool("animatic-desk", 2)
}

/// What a clip thread does: one clip after another, until the provider is dropped.
fn serve(work: &Mutex<mpsc::Receiver<Work>>, pool: &ThreadPool, workspace: &Path) {
    loop {
        let next = lock(work).recv();
        let Ok(Work { request, limits, file, progress, state }) = next else { return };
        let made = catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| render::render_with(&request, workspace, &limits, &file, &progress))
        }));
        state.send_replace(match made {
            Ok(Ok(_)) => State::Ready,
            Ok(Err(error)) => State::Failed(Failure {
                cause: error.cause().to_owned(),
                message: error.to_string(),
                charged: false,
                retry: if error.may_pass() { Retry::After(None) } else { Retry::Never },
            }),
            Err(_) => State::Failed(broken("the renderer broke off; this is a fault of Kinora")),
        });
    }
}

fn broken(message: &str) -> Failure {
    Failure {
        cause: "panic".to_owned(),
        message: message.to_owned(),
        charged: false,
        retry: Retry::Never,
    }
}

/// The state; a job whose thread is gone without a word has failed.
fn state_of(job: &Job) -> State {
    let state = job.state.borrow().clone();
    if state == State::Running && job.state.has_changed().is_err() {
        return State::Failed(broken("the rendering thread is gone"));
    }
    state
}

/// Moves a finished clip to where it is wanted, durably; copies when that is another disk.
fn publish(from: &Path, to: &Path) -> std::io::Result<()> {
    let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    if std::fs::rename(from, to).is_err() {
        std::fs::copy(from, to)?;
        File::open(to)?.sync_all()?;
        std::fs::remove_file(from)?;
    } else {
        File::open(to)?.sync_all()?;
    }
    render::sync_folder(folder)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
