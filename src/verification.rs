//! A clip's verdict: what it shows is held against its references and against the thresholds of the
//! manifest.
//!
//! What lives here: looking at one clip (decoded in a child, compared, judged), its verdict, the
//! evidence for a person, a clip against its siblings, and a round over all clips that were made.
//! What never does: money, and what becomes of a clip that fails.

mod detail;
mod evidence;
mod judged;
pub mod judges;
mod learned;
mod outline;
mod round;
mod siblings;
mod verifier;

use std::path::Path;

use crate::ledger::ClipVerdict;
use crate::plan::Request;

pub use detail::{Detail, DetailMark, DetailPart, JudgeDetail, OverTimeDetail, ReferenceDetail};
pub use round::{Checked, Round, Rules, Standing};
pub use siblings::{FEWEST, Outlier, Sibling, Unlike, outliers};
pub use verifier::{Verifier, measure};

/// What looking at one clip came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Under the request's own thresholds.
    pub verdict: ClipVerdict,
    /// 0 to 100; absent exactly where it was not inspected.
    pub score: Option<u8>,
    /// What measured it, with its version.
    pub measure: String,
    /// The rest.
    pub detail: Detail,
}

impl Looked {
    /// Of a clip that could not be looked at, and why.
    pub fn not_inspected(why: String) -> Looked {
        Looked {
            verdict: ClipVerdict::NotInspected,
            score: None,
            measure: measure(),
            detail: Detail { notes: vec![why], ..Detail::default() },
        }
    }
}

/// Who looks at clips: the one that ships decodes and compares, a simulation says what it likes.
pub trait ClipVerifier: Send + Sync {
    /// Looks at the clip of a request. Blocks, for about a second of one core; several may be
    /// looked at at once. Never fails: what can't be looked at is `not_inspected`, and says why.
    fn look(&self, request: &Request, clip: &Path) -> Looked;
}
