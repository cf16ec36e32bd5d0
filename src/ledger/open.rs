//! Opening a ledger, and who may write to it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use super::error::LedgerError;
use super::examine::{examine, is_there};
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

/// The ledger's file in a workspace.
pub(super) fn path_in(workspace: &Path) -> PathBuf {
    workspace.join(FOLDER).join(FILE)
}

impl Ledger {
    /// Whether `workspace` has a ledger, whatever state it is in.
    pub fn exists(workspace: &Path) -> Result<bool, LedgerError> {
        is_there(&path_in(workspace))
    }

    /// Fails with [`LedgerError::Locked`] where a run works on the ledger of `workspace`, before
    /// anything is made of it.
    pub fn is_free(workspace: &Path) -> Result<(), LedgerError> {
        RunLock::is_free(&path_in(workspace).with_file_name(LOCK))
    }

    /// Opens the ledger of `workspace`.
    pub fn open(workspace: &Path, mode: Mode) -> Result<Ledger, LedgerError> {
        let path = path_in(workspace);
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
                let writer = Writer::start(&path, connection)?;
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

    /// The same of a ledger that is to be there: one is made if there is none yet. Blocks.
    pub fn lineage_for_good(&self) -> Result<String, LedgerError> {
        if let Some(lineage) = self.lineage()? {
            return Ok(lineage);
        }
        self.write_shortly(|_| Ok(()))?;
        let made = self.lineage()?;
        made.ok_or_else(|| LedgerError::Sql("a new ledger has no lineage".to_owned()))
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
        let is_new = !is_there(&self.path)?;
        create_folder(&self.path)?;
        let mut connection = open_writer(&self.path)?;
        let result = short_transaction(&self.path, &mut connection, work)
            .map_err(|e| e.about(&self.path))?;
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
    if !is_there(path)? {
        create(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    // SQLite opens what it may not write for reading, without a word.
    if connection.is_readonly(MAIN_DB).map_err(sql)? {
        return Err(LedgerError::read_only(path));
    }
    schema::configure(&connection).map_err(sql)?;
    // Looking before touching: a newer or foreign file must stay as it is.
    if examine(path, &connection)? < schema::FORMAT {
        schema::migrate(path, &mut connection)?;
    }
    // A restored backup has none.
    schema::use_log(path, &connection)?;
    Ok(connection)
}

/// Makes a new ledger under a name of its own and gives it the ledger's when it is complete and on
/// disk, so that whatever stands under that name is a whole ledger or a damaged one.
fn create(path: &Path) -> Result<(), LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    let unusable = |e: &std::io::Error| LedgerError::Unusable {
        path: path.to_path_buf(),
        doing: "created",
        why: e.to_string(),
    };
    let folder = path.parent().unwrap_or(path);
    let draft = tempfile::Builder::new()
        .prefix(&format!("{FILE}."))
        .suffix(".new")
        .tempfile_in(folder)
        .map_err(|e| unusable(&e))?
        .into_temp_path();
    let mut connection = Connection::open(&draft).map_err(sql)?;
    schema::configure(&connection).map_err(sql)?;
    schema::migrate(path, &mut connection)?;
    // Everything out of the log into the file, or the log's name would have to change too.
    let is_busy: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(sql)?;
    if is_busy {
        return Err(LedgerError::Busy { path: path.to_path_buf() });
    }
    connection.close().map_err(|(_, e)| sql(e))?;
    match std::fs::hard_link(&draft, path) {
        Ok(()) => sync_folder(folder).map_err(|e| unusable(&e)),
        // Another process was faster: its ledger is as good.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unusable(&error)),
    }
}

/// Makes the names in a folder durable, where the system knows how.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A connection that only reads a ledger that is there, of the newest format.
pub(super) fn connect_reader(path: &Path) -> Result<Connection, LedgerError> {
    let sql = |e: rusqlite::Error| LedgerError::of(path, &e);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<_, LedgerError> {
        let connection = Connection::open_with_flags(path, flags).map_err(sql)?;
        schema::configure(&connection).map_err(sql)?;
        Ok((examine(path, &connection)?, connection))
    };
    let (format, connection) = open()?;
    if format == schema::FORMAT {
        return Ok(connection);
    }
    // What an older version wrote must not be taken for nothing: it was paid for.
    drop(connection);
    drop(open_writer(path)?);
    Ok(open()?.1)
}

fn open_reader(path: &Path) -> Result<Connection, LedgerError> {
    if is_there(path)? {
        return connect_reader(path);
    }
    let mut empty = Connection::open_in_memory().map_err(|e| LedgerError::of(path, &e))?;
    schema::migrate(path, &mut empty)?;
    // It stands for nothing that will ever have a name.
    empty.execute_batch("DELETE FROM meta").map_err(|e| LedgerError::of(path, &e))?;
    Ok(empty)
}
