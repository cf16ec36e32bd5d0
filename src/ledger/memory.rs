//! A ledger in memory, for simulations: the real schema, the real writes and the real queries,
//! without a file and without a thread.
//!
//! What never lives here: SQL of its own about jobs or money.

use std::path::Path;

use rusqlite::Connection;

use super::error::LedgerError;
use super::open::Ledger;
use super::schema;

/// A ledger that a simulation may crash. Writes are done at once and seen by every read, but are
/// durable only from [`MemoryLedger::commit`] on; until then [`MemoryLedger::crash`] undoes them.
///
/// The connection is always inside of a transaction, whose beginning is the empty ledger; what is
/// durable is what stands before its innermost savepoint. So emptying it for the next simulation
/// is one rollback, and no statement is compiled twice.
#[derive(Debug)]
pub struct MemoryLedger {
    ledger: Ledger,
}

const BEGIN: &str = "BEGIN; SAVEPOINT durable";

impl MemoryLedger {
    /// An empty one. Where there are many simulations, one that is kept and emptied by
    /// [`MemoryLedger::clear`] is much faster.
    pub fn new() -> Result<MemoryLedger, LedgerError> {
        let mut connection = Connection::open_in_memory()?;
        schema::configure(&connection)?;
        schema::migrate(Path::new("a ledger in memory"), &mut connection)?;
        // The same simulation must find the same ledger.
        connection.execute_batch(
            "UPDATE meta SET value = 'memory' WHERE key = 'lineage';
             UPDATE meta SET value = '1970-01-01T00:00:00Z' WHERE key = 'created'",
        )?;
        connection.execute_batch(BEGIN)?;
        Ok(MemoryLedger { ledger: Ledger::in_memory(connection) })
    }

    /// The ledger, to be read and written. Every write has been done when its [`super::Ack`] is
    /// handed out, which therefore never waits.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Makes all that was written durable.
    pub fn commit(&self) -> Result<(), LedgerError> {
        self.batch("RELEASE durable; SAVEPOINT durable")
    }

    /// The process ends: what was not committed is lost.
    pub fn crash(&self) -> Result<(), LedgerError> {
        self.batch("ROLLBACK TO durable")
    }

    /// Empties it, as if it had just been made.
    pub fn clear(&self) -> Result<(), LedgerError> {
        self.batch("ROLLBACK; BEGIN; SAVEPOINT durable")
    }

    fn batch(&self, sql: &str) -> Result<(), LedgerError> {
        self.ledger.reading().execute_batch(sql).map_err(|e| self.ledger.failed(&e))
    }
}
