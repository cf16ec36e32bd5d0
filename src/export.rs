//! Exports: what was made, for shops, feeds and the record.
//!
//! What lives here: a CSV of results in the order of the catalogue, what Shopify's Admin API needs to
//! take the clips, a supplemental feed for Google, a file of evidence for each clip, contact sheets;
//! and writing them. What never does: network, planning, changing the ledger or a clip.
//!
//! Nothing here looks at the clock: the same ledger, catalogue and clips give the same bytes.

mod book;
mod check;
mod clip;
mod evidence;
mod fill;
mod google;
mod link;
mod notes;
mod results;
mod sheet;
mod shopify;
mod write;

pub use book::{Book, Job, Line, Wanted, is_ai};
pub use check::{CheckBrief, Weakest};
pub(crate) use check::{detail_of, is_held, verdict_and_score, verdict_word};
pub use clip::{Clip, OnDisk};
pub use evidence::{EVIDENCE_FORMAT, Evidence, EvidenceLine};
pub use results::RESULTS_CSV_HEADER;
pub use shopify::{SHOPIFY_FORMAT, ShopifyLine};
pub use write::{
    EXPORT_FORMAT, Exported, ExportedFile, Inputs, What, evidence_schema, export, export_schema,
    shopify_schema,
};

use crate::ledger::LedgerError;

/// Why an export ended early. Files that were finished before stay.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the ledger keeps of a job can't be read.
    #[error("the ledger's request of {job} is damaged: {what}")]
    Damaged {
        /// Its address.
        job: String,
        /// What is wrong.
        what: String,
    },
    /// A file can't be written.
    #[error("{path}: can't be written: {what}")]
    Files {
        /// Which.
        path: String,
        /// What is wrong.
        what: String,
    },
}
