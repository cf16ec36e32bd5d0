//! The writer: one thread, one connection, many waiters per commit.
//!
//! Every request is done in a savepoint of a shared transaction and answered only after the
//! commit is on disk. The first commit that fails stops the writer for good: a ledger that
//! can't remember must not let anything be spent.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::LedgerError;
use super::examine::beside;

/// Most requests in one commit.
const BATCH: usize = 1024;

/// Tells one waiter how the commit went; `None` is well.
type Answer = Box<dyn FnOnce(Option<&LedgerError>) + Send>;
/// Does one write; besides the answer, gives what failed if it was the file.
type Request =
    Box<dyn FnOnce(Result<&Connection, &LedgerError>) -> (Option<LedgerError>, Answer) + Send>;

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
    path: Arc<Path>,
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on `connection`, the ledger's only writing one.
    pub(super) fn start(path: &Path, connection: Connection) -> Result<Self, LedgerError> {
        let (requests, inbox) = mpsc::channel::<Request>();
        let mut committer = Committer { path: path.into(), connection, files: Files::of(path)? };
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || committer.serve(&inbox))
            .map_err(|e| LedgerError::Unusable {
                path: path.to_path_buf(),
                doing: "opened for writing",
                why: e.to_string(),
            })?;
        Ok(Writer { path: path.into(), requests: Some(requests), thread: Some(thread) })
    }

    /// Hands in one write.
    pub(super) fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Ack<T> {
        let (send, receive) = oneshot::channel();
        let path = Arc::clone(&self.path);
        let request: Request = Box::new(move |connection| {
            let result = match connection {
                Ok(connection) => in_savepoint(connection, work).map_err(|e| e.about(&path)),
                Err(stopped) => Err(stopped.clone()),
            };
            let of_the_file = result.as_ref().err().filter(|e| e.is_of_the_file()).cloned();
            let answer: Answer = Box::new(move |failed: Option<&LedgerError>| {
                // A waiter that went away has nothing to be told.
                let _ = send.send(failed.map_or(result, |error| Err(error.clone())));
            });
            (of_the_file, answer)
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

/// What the thread owns.
struct Committer {
    path: Arc<Path>,
    connection: Connection,
    files: Files,
}

impl Committer {
    fn serve(&mut self, inbox: &mpsc::Receiver<Request>) {
        let mut stopped: Option<LedgerError> = None;
        // A lone write is taken up at once; a batch is what has gathered during the last commit.
        while let Ok(first) = inbox.recv() {
            let batch = std::iter::once(first).chain(inbox.try_iter().take(BATCH - 1));
            if let Some(error) = &stopped {
                batch.for_each(|request| request(Err(error)).1(None));
                continue;
            }
            if let Err(error) = self.commit(batch) {
                stopped = Some(LedgerError::Stopped { why: error.to_string() });
            }
        }
    }

    fn commit(&mut self, batch: impl Iterator<Item = Request>) -> Result<(), LedgerError> {
        let sql = |path: &Path, e: rusqlite::Error| LedgerError::of(path, &e);
        let c = &self.connection;
        let mut failed = c.execute_batch("BEGIN IMMEDIATE").map_err(|e| sql(&self.path, e)).err();
        let mut answers: Vec<Answer> = Vec::new();
        for request in batch {
            let (of_the_file, answer) = request(failed.as_ref().map_or(Ok(c), Err));
            failed = failed.or(of_the_file);
            answers.push(answer);
        }
        if failed.is_none() && c.is_autocommit() {
            // SQLite undid the whole transaction by itself.
            failed = Some(LedgerError::Sql("the transaction was undone".to_owned()));
        }
        let failed = failed.or_else(|| {
            c.execute_batch("COMMIT")
                .map_err(|e| sql(&self.path, e))
                // Looked at after it: what is answered for is in the file that has the name.
                .and_then(|()| self.files.stand(&self.path))
                .err()
        });
        if failed.is_some() && !c.is_autocommit() {
            // The failure is already being told; a failed undo changes nothing about it.
            let _ = c.execute_batch("ROLLBACK");
        }
        answers.into_iter().for_each(|answer| answer(failed.as_ref()));
        failed.map_or(Ok(()), Err)
    }
}

/// Which files the ledger's names stood for when they were opened. A name that comes to stand for
/// another file, or for none, leaves SQLite writing to where nobody will read.
struct Files {
    ledger: Identity,
    /// Made by the first write at the latest; absent before it was seen.
    log: Option<Identity>,
}

/// A file by its device and number; always the same where the system does not tell.
type Identity = (u64, u64);

impl Files {
    fn of(path: &Path) -> Result<Files, LedgerError> {
        let ledger = identity(path)?.ok_or_else(|| LedgerError::Gone { path: path.into() })?;
        Ok(Files { ledger, log: None })
    }

    fn stand(&mut self, path: &Path) -> Result<(), LedgerError> {
        if identity(path)? != Some(self.ledger) {
            return Err(LedgerError::Gone { path: path.to_path_buf() });
        }
        let log = beside(path, "-wal");
        let found = identity(&log)?;
        if found.is_none() || self.log.is_some_and(|known| found != Some(known)) {
            return Err(LedgerError::Gone { path: log });
        }
        self.log = found;
        Ok(())
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Result<Option<Identity>, LedgerError> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.dev(), metadata.ino()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LedgerError::unreachable(path, &error)),
    }
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Result<Option<Identity>, LedgerError> {
    Ok(Some((0, 0)))
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
