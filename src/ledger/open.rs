//! Opening a ledger, and who may write to it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::error::LedgerError;
use super::lock::RunLock;
use super::schema;
use super::writer::{Ack, Writer, in_savepoint};

/// The folder of the ledger in a workspace.
const FOLDER: &str = ".kinora";
/// The ledger's file in it.
const FILE: &str = "ledger.db";
/// The lock's file in it.
const LOCK: &str = "lock";

/// What a ledger is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Looking, planning, approving: no lock is taken. A workspace without a ledger reads as an
    /// empty one, and gets a file only when something is to be kept.
    Read,
    /// Running: takes the workspace's lock for as long as the ledger is open.
    Run,
}

/// An open ledger. Reads go by a connection of their own; writes by the writer thread while
/// running, and by short transactions otherwise.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    reader: Mutex<Connection>,
    writes: Writes,
}

/// How an open ledger is written to.
#[derive(Debug)]
enum Writes {
    /// What needs no lock, in short transactions. All else is refused.
    Shortly,
    /// By the writer thread, under the workspace's lock. The fields are in this order so that
    /// whatever was handed in is written while the lock is still held.
    Running { writer: Writer, _lock: RunLock },
    /// At once, by the reading connection. See [`super::MemoryLedger`].
    InMemory,
}

impl Ledger {
    /// Opens the ledger of `workspace`.
    pub fn open(workspace: &Path, mode: Mode) -> Result<Ledger, LedgerError> {
        let path = workspace.join(FOLDER).join(FILE);
        match mode {
            Mode::Read => Ok(Ledger {
                reader: Mutex::new(open_reader(&path)?),
                path,
                writes: Writes::Shortly,
            }),
            Mode::Run => {
                create_folder(&path)?;
                let lock = RunLock::take(&path.with_file_name(LOCK))?;
                let connection = open_writer(&path)?;
                let writer = Writer::start(path.clone(), connection)?;
                Ok(Ledger {
                    reader: Mutex::new(open_reader(&path)?),
                    path,
                    writes: Writes::Running { writer, _lock: lock },
                })
            }
        }
    }

    /// A ledger on a connection to memory. What is written is seen by every later read.
    pub(super) fn in_memory(connection: Connection) -> Ledger {
        Ledger {
            path: PathBuf::from("a ledger in memory"),
            reader: Mutex::new(connection),
            writes: Writes::InMemory,
        }
    }

    /// The ledger's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which ledger this is: a random name given when it was made, so that a file which was
    /// swapped for another one is noticed. Absent while there is none yet.
    pub fn lineage(&self) -> Result<Option<String>, LedgerError> {
        use rusqlite::OptionalExtension;
        let text = self
            .reading()
            .query_row("SELECT value FROM meta WHERE key = 'lineage'", [], |row| row.get(0))
            .optional();
        text.map_err(|e| self.failed(&e))
    }

    /// The reading connection.
    pub(super) fn reading(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere can't leave a connection half changed: it only reads.
        self.reader.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// An error of SQLite, named after this ledger's file.
    pub(super) fn failed(&self, error: &rusqlite::Error) -> LedgerError {
        LedgerError::of(&self.path, error)
    }

    /// A write by whoever runs. In reading mode it is refused.
    pub(super) fn write_running<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Ack<T> {
        match &self.writes {
            Writes::Running { writer, .. } => writer.write(work),
            Writes::InMemory => Ack::ready(in_savepoint(&self.reading(), work)),
            Writes::Shortly => Ack::ready(Err(LedgerError::ReadOnly)),
        }
    }

    /// A write that needs no lock: by the writer thread while running, otherwise in a short
    /// transaction of its own, which makes the ledger if there is none. Blocks.
    pub(super) fn write_shortly<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        if !matches!(self.writes, Writes::Shortly) {
            return self.write_running(work).wait();
        }
        let is_new = !self.path.exists();
        create_folder(&self.path)?;
        let mut connection = open_writer(&self.path)?;
        let result = short_transaction(&self.path, &mut connection, work)?;
        if is_new {
            *self.reading() = open_reader(&self.path)?;
        }
        Ok(result)
    }
}

fn short_transaction<T>(
    path: &Path,
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, LedgerError>,
) -> Result<T, LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    let write: Transaction<'_> =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let result = work(&write)?;
    write.commit().map_err(sql)?;
    Ok(result)
}

fn create_folder(path: &Path) -> Result<(), LedgerError> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|e| LedgerError::Unusable {
        path: folder.to_path_buf(),
        doing: "created",
        why: e.to_string(),
    })
}

fn open_writer(path: &Path) -> Result<Connection, LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    let mut connection = Connection::open(path).map_err(sql)?;
    schema::configure(&connection).map_err(sql)?;
    // Looking before touching: a newer or foreign file must stay as it is.
    if schema::examine(path, &connection)? < schema::FORMAT {
        schema::migrate(path, &mut connection)?;
    }
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    if path.exists() {
        let open = || -> Result<_, LedgerError> {
            let connection =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql)?;
            schema::configure(&connection).map_err(sql)?;
            Ok((schema::examine(path, &connection)?, connection))
        };
        match open()? {
            (schema::FORMAT, connection) => return Ok(connection),
            // A file that nothing was written to yet.
            (0, _) => {}
            // What an older version wrote must not be taken for nothing: it was paid for.
            (_, connection) => {
                drop(connection);
                drop(open_writer(path)?);
                return Ok(open()?.1);
            }
        }
    }
    let mut empty = Connection::open_in_memory().map_err(sql)?;
    schema::migrate(path, &mut empty)?;
    Ok(empty)
}
