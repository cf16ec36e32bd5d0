//! Ctrl-C, SIGTERM and the deadline, for as long as a command may spend.
//!
//! The first signal asks for a clean stop, the second for one at once, the third ends the program
//! where it stands, which is as safe as a crash: even a run that hangs can be ended. While nothing is
//! being dispatched, one is enough. A deadline asks for a clean stop, and no more. What never lives
//! here: what a stop does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::run::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Failure;
use super::output::Output;

/// The clock is looked at this often: a machine may sleep, and its clock may be set.
const LOOK: Duration = Duration::from_secs(20);

/// What is listened for beside signals, and done in the end.
#[derive(Clone, Default)]
pub struct Watch {
    /// When nothing more is to be started.
    pub deadline: Option<Timestamp>,
    /// Called before a signal ends the program between dispatches; gives the exit code.
    pub at_end: Option<Arc<dyn Fn() -> Exit + Send + Sync>>,
}

/// Listens from its making to the end of the program: once somebody listens, the system's own answer
/// to these signals does not come back.
pub struct Signals {
    stop: watch::Receiver<Stop>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    dispatching: AtomicBool,
    deadline_came: AtomicBool,
}

impl Signals {
    /// Begins to listen, on a thread of its own.
    pub fn listen(output: &Output, watch: Watch) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| Failure::new(Exit::Internal, format!("signals: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (interrupt, terminate) = {
            let _inside = runtime.enter();
            let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
            (interrupt, signal(SignalKind::terminate()).map_err(failed)?)
        };
        let (sender, stop) = watch::channel(Stop::No);
        let shared = Arc::new(Shared::default());
        let listener =
            Listener { stop: sender, shared: Arc::clone(&shared), watch, output: *output };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(listener.hear(interrupt, terminate)))
            .map_err(failed)?;
        Ok(Signals { stop, shared })
    }

    /// What was asked for so far, and will be.
    pub fn stop(&self) -> watch::Receiver<Stop> {
        self.stop.clone()
    }

    /// Says whether something is being dispatched, which must be stopped with care.
    pub fn dispatching(&self, yes: bool) {
        self.shared.dispatching.store(yes, Ordering::SeqCst);
    }

    /// Whether somebody asked to stop.
    pub fn asked(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }

    /// Whether the deadline has come.
    pub fn deadline_came(&self) -> bool {
        self.shared.deadline_came.load(Ordering::SeqCst)
    }
}

struct Listener {
    stop: watch::Sender<Stop>,
    shared: Arc<Shared>,
    watch: Watch,
    output: Output,
}

impl Listener {
    async fn hear(mut self, mut interrupt: Signal, mut terminate: Signal) {
        let mut wanted = [Stop::Graceful, Stop::Now].into_iter();
        loop {
            let deadline = self.watch.deadline;
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = until(deadline) => {
                    self.watch.deadline = None;
                    self.deadline();
                    continue;
                }
            }
            let wanted = wanted.next();
            match wanted.filter(|_| self.shared.dispatching.load(Ordering::SeqCst)) {
                Some(wanted) => self.stop(wanted),
                // The third signal waits for nobody.
                None if wanted.is_none() => self.end(Exit::Interrupted),
                None => {
                    // On a thread of its own, since it may wait for a network by a runtime of its
                    // own.
                    let at_end = self.watch.at_end.take();
                    let exit =
                        at_end.and_then(|at_end| std::thread::spawn(move || at_end()).join().ok());
                    self.end(exit.unwrap_or(Exit::Interrupted));
                }
            }
        }
    }

    fn end(&self, exit: Exit) -> ! {
        std::process::exit(i32::from(exit.code()))
    }

    fn stop(&self, wanted: Stop) {
        self.stop.send_replace(wanted);
        self.say(match wanted {
            Stop::Graceful => "kinora: stopping: nothing new is started; again to stop at once",
            _ => "kinora: stopping at once; what is in flight is in the ledger",
        });
    }

    fn deadline(&self) {
        self.shared.deadline_came.store(true, Ordering::SeqCst);
        self.stop.send_if_modified(|stop| {
            let goes_on = *stop == Stop::No;
            if goes_on {
                *stop = Stop::Graceful;
            }
            goes_on
        });
        self.say("kinora: the deadline has come: nothing new is started");
    }

    fn say(&self, words: &'static str) {
        if !self.output.json {
            // Not waited for: a terminal that is held up must not hold up the next signal.
            let output = self.output;
            std::thread::spawn(move || output.say(words));
        }
    }
}

/// Until a moment by the clock; for ever without one.
async fn until(moment: Option<Timestamp>) {
    let Some(moment) = moment else { return std::future::pending().await };
    loop {
        let left = moment.duration_since(SystemClock.now());
        let Ok(left) = Duration::try_from(left) else { return };
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}
