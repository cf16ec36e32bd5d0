//! Approvals: what they say in full, who signed them, how they travel, and which of them holds for
//! a plan.
//!
//! What lives here: the text that is signed, the file that travels, amounts and expiries as people
//! write them, the rules by which an approval holds, copies of approved plans. What never does: the ledger's rows (it keeps
//! approvals, and refuses intents under one that has ended), dispatch, words to a terminal.

mod copy;
mod file;
mod find;
mod hold;
mod terms;
mod text;

pub use copy::{
    CopyError, copy_path, drop_old_copies, keep_file, keep_plan, keep_written, open_copy,
};
pub use file::{APPROVAL_FORMAT, ApprovalFile, FileProblem, schema};
pub use find::{Found, Passed, Under, find};
pub use hold::{Objection, Rules, holds};
pub use terms::{amount, expiry, person, remark};
pub use text::{seal, text};
