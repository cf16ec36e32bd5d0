//! The writer: one thread, one connection, many waiters per commit.
//!
//! Every request is done in a savepoint of a shared transaction and answered only after the
//! commit is on disk. The first commit that fails stops the writer for good: a ledger that
//! can't remember must not let anything be spent.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::LedgerError;

/// Most requests in one commit.
const BATCH: usize = 1024;

/// Tells one waiter how the commit went; `None` is well.
type Answer = Box<dyn FnOnce(Option<&LedgerError>) + Send>;
type Request = Box<dyn FnOnce(Result<&Connection, &LedgerError>) -> Answer + Send>;

/// A write under way. Await it, or [`Ack::wait`] for it: either returns when the write is
/// durable. Dropping it does not take the write back.
#[derive(Debug)]
#[must_use = "the write is not durable before this says so"]
pub struct Ack<T>(oneshot::Receiver<Result<T, LedgerError>>);

impl<T> Ack<T> {
    /// Blocks this thread until the write is durable. Async code awaits instead.
    pub fn wait(self) -> Result<T, LedgerError> {
        // Not tokio's own blocking form, which panics where a runtime is entered.
        let mut ack = std::pin::pin!(tokio::task::unconstrained(self));
        let waker = Arc::new(Unpark(std::thread::current())).into();
        let mut context = Context::from_waker(&waker);
        loop {
            match ack.as_mut().poll(&mut context) {
                Poll::Ready(result) => return result,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    /// An answer that is already there.
    pub(super) fn ready(result: Result<T, LedgerError>) -> Self {
        let (send, receive) = oneshot::channel();
        // The receiver is in hand, so this can't fail.
        let _ = send.send(result);
        Ack(receive)
    }
}

impl<T> Future for Ack<T> {
    type Output = Result<T, LedgerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or_else(|_| Err(gone())))
    }
}

/// Wakes a thread that waits for an [`Ack`].
struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn gone() -> LedgerError {
    LedgerError::Stopped { why: "its writer ended".to_owned() }
}

/// The handle of the writer thread. Dropping it waits until everything handed in is written.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `connection`, the ledger's only writing one.
    pub(super) fn start(path: PathBuf, connection: Connection) -> Result<Self, LedgerError> {
        let (requests, inbox) = mpsc::channel::<Request>();
        let at = path.clone();
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || serve(&path, &connection, &inbox))
            .map_err(|e| LedgerError::Unusable {
                path: at,
                doing: "opened for writing",
                why: e.to_string(),
            })?;
        Ok(Writer { requests: Some(requests), thread: Some(thread) })
    }

    /// Hands in one write.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Ack<T> {
        let (send, receive) = oneshot::channel();
        let request: Request = Box::new(move |connection| {
            let result = match connection {
                Ok(connection) => in_savepoint(connection, work),
                Err(stopped) => Err(stopped.clone()),
            };
            Box::new(move |failed: Option<&LedgerError>| {
                // A waiter that went away has nothing to be told.
                let _ = send.send(failed.map_or(result, |error| Err(error.clone())));
            })
        });
        if let Some(requests) = &self.requests {
            // When the thread is gone, the dropped sender tells the waiter.
            let _ = requests.send(request);
        }
        Ack(receive)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been answered to every waiter already.
            let _ = thread.join();
        }
    }
}

fn serve(path: &std::path::Path, connection: &Connection, inbox: &mpsc::Receiver<Request>) {
    let mut stopped: Option<LedgerError> = None;
    while let Ok(first) = inbox.recv() {
        let batch = std::iter::once(first).chain(inbox.try_iter().take(BATCH - 1));
        if let Some(error) = &stopped {
            batch.for_each(|request| request(Err(error))(None));
            continue;
        }
        if let Err(error) = commit_batch(path, connection, batch) {
            stopped = Some(LedgerError::Stopped { why: error.to_string() });
        }
    }
}

fn commit_batch(
    path: &std::path::Path,
    connection: &Connection,
    batch: impl Iterator<Item = Request>,
) -> Result<(), LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(sql);
    let answers: Vec<Answer> = match &begun {
        Ok(()) => batch.map(|request| request(Ok(connection))).collect(),
        Err(error) => batch.map(|request| request(Err(error))).collect(),
    };
    let outcome = begun.and_then(|()| {
        if connection.is_autocommit() {
            // SQLite undid the whole transaction by itself, as it does when the disk is full.
            return Err(LedgerError::Sql("the transaction was undone".to_owned()));
        }
        connection.execute_batch("COMMIT").map_err(sql)
    });
    if outcome.is_err() && !connection.is_autocommit() {
        // The failure is already being told; a failed undo changes nothing about it.
        let _ = connection.execute_batch("ROLLBACK");
    }
    answers.into_iter().for_each(|answer| answer(outcome.as_ref().err()));
    outcome
}

/// Runs one request so that its failure leaves no trace and does not touch its neighbours.
pub(super) fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    connection.prepare_cached("SAVEPOINT request")?.execute([])?;
    match work(connection) {
        Ok(value) => {
            connection.prepare_cached("RELEASE request")?.execute([])?;
            Ok(value)
        }
        Err(error) => {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO request; RELEASE request")?;
            }
            Err(error)
        }
    }
}
