//! Ctrl-C and SIGTERM, for as long as a command may spend.
//!
//! The first asks for a clean stop, the second for one at once, the third ends the program where it
//! stands, which is as safe as a crash: even a run that hangs can be ended. While nothing is being
//! dispatched, one is enough. What never lives here: what a stop does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kinora::exit::Exit;
use kinora::run::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Failure;
use super::output::Output;

/// Listens from its making to the end of the program: once somebody listens, the system's own answer
/// to these signals does not come back.
pub struct Signals {
    stop: watch::Receiver<Stop>,
    dispatching: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen, on a thread of its own.
    pub fn listen(output: &Output) -> Result<Self, Failure> {
        let failed = |e: std::io::Error| Failure::new(Exit::Internal, format!("signals: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (interrupt, terminate) = {
            let _inside = runtime.enter();
            let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
            (interrupt, signal(SignalKind::terminate()).map_err(failed)?)
        };
        let (sender, stop) = watch::channel(Stop::No);
        let dispatching = Arc::new(AtomicBool::new(false));
        let (for_thread, output) = (Arc::clone(&dispatching), *output);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(hear(interrupt, terminate, sender, for_thread, output)))
            .map_err(failed)?;
        Ok(Signals { stop, dispatching })
    }

    /// What was asked for so far, and will be.
    pub fn stop(&self) -> watch::Receiver<Stop> {
        self.stop.clone()
    }

    /// Says whether something is being dispatched, which must be stopped with care.
    pub fn dispatching(&self, yes: bool) {
        self.dispatching.store(yes, Ordering::SeqCst);
    }

    /// Whether somebody asked to stop.
    pub fn asked(&self) -> bool {
        *self.stop.borrow() != Stop::No
    }
}

async fn hear(
    mut interrupt: Signal,
    mut terminate: Signal,
    stop: watch::Sender<Stop>,
    dispatching: Arc<AtomicBool>,
    output: Output,
) {
    for wanted in [Some(Stop::Graceful), Some(Stop::Now), None] {
        tokio::select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let Some(wanted) = wanted.filter(|_| dispatching.load(Ordering::SeqCst)) else {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        };
        stop.send_replace(wanted);
        if !output.json {
            let words = match wanted {
                Stop::Graceful => "kinora: stopping: nothing new is started; again to stop at once",
                _ => "kinora: stopping at once; what is in flight is in the ledger",
            };
            // Not waited for: a terminal that is held up must not hold up the next signal.
            std::thread::spawn(move || output.say(words));
        }
    }
}
