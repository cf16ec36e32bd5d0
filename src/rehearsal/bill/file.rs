//! The bill as a file: one line of JSON for each change, written before the client hears of it,
//! so that it can be read while the simulator runs and after it was killed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// One line of a bill's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum BillLine {
    /// A submission was accepted: from here on it is charged.
    Accepted {
        /// The provider.
        provider: String,
        /// The job, by the provider's id.
        id: String,
        /// The attempt key that the submission carried, where the provider takes one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<String>,
        /// The model's name on its card.
        model: String,
        /// What was asked, in words.
        prompt: String,
        /// How much; absent where nobody knows the model's price.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<String>")]
        amount: Option<Decimal>,
        /// What it is counted in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<String>,
        /// Whether the connection was then cut without a reply.
        reply_lost: bool,
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// A submission under an attempt key that was known: answered with the job that has it, and
    /// not charged.
    Repeated {
        /// The provider.
        provider: String,
        /// The job, by the provider's id.
        id: String,
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// A submission was answered otherwise: not accepted, not charged.
    TurnedAway {
        /// The provider.
        provider: String,
        /// The reply's HTTP status.
        status: u16,
        /// Why: a class of errors, or a fault.
        why: String,
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// A job came to its end.
    Ended {
        /// The provider.
        provider: String,
        /// The job, by the provider's id.
        id: String,
        /// How: `succeeded`, `failed` or `cancelled`.
        state: String,
        /// Whether what was charged is given back.
        refunded: bool,
        /// The clip that is served, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<ServedClip>,
        /// When.
        #[schemars(with = "String")]
        at: Timestamp,
    },
}

/// A clip that a simulator serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServedClip {
    /// BLAKE3 of its bytes, in hexadecimal.
    pub digest: String,
    /// How many they are.
    pub bytes: u64,
}

impl ServedClip {
    /// Of a file.
    pub(in crate::rehearsal) fn of(path: &Path) -> io::Result<Self> {
        let (digest, bytes) = Digest::of_reader(File::open(path)?)?;
        Ok(ServedClip { digest: digest.to_string(), bytes })
    }
}

/// A bill's file, open to be added to.
#[derive(Debug)]
pub(in crate::rehearsal) struct BillFile {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// The first line that could not be written; the bill has ended before it.
    trouble: Option<String>,
}

impl BillFile {
    /// Begins a bill. There may be no file of that name: two bills in one would contradict each
    /// other.
    pub(in crate::rehearsal) fn begin(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        Ok(BillFile { state: Mutex::new(State { file, trouble: None }) })
    }

    /// Adds a line. It is with the system when this returns: killing the simulator can't undo it.
    pub(in crate::rehearsal) fn add(&self, line: &BillLine) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trouble) = &state.trouble {
            return Err(io::Error::other(trouble.clone()));
        }
        // In one piece, so that no reader sees half a line.
        let written = state.file.write_all(&text);
        if let Err(error) = &written {
            state.trouble = Some(error.to_string());
        }
        written
    }

    /// Why lines are missing, if any are.
    pub(in crate::rehearsal) fn trouble(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_never_mixed_with_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bill.jsonl");
        let line = BillLine::Repeated {
            provider: "p".to_owned(),
            id: "j".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        let bill = BillFile::begin(&path).expect("a new file");
        bill.add(&line).expect("written");
        let again = BillFile::begin(&path).expect_err("it is there");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let text = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(
            text,
            "{\"event\":\"repeated\",\"provider\":\"p\",\"id\":\"j\",\"at\":\"1970-01-01T00:00:00Z\"}\n"
        );
        assert_eq!(serde_json::from_str::<BillLine>(&text).expect("a line"), line);
        assert_eq!(bill.trouble(), None);
    }
}
