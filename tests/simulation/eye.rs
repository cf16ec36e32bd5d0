//! Who looks at clips in a story: says what the seed has it say, of each clip always the same.

use std::path::Path;

use kinora::digest::FieldHasher;
use kinora::ledger::ClipVerdict;
use kinora::plan::Request;
use kinora::verification::{ClipVerifier, Detail, Looked};

pub struct SimVerifier {
    pub seed: u64,
}

impl ClipVerifier for SimVerifier {
    fn look(&self, request: &Request, clip: &Path) -> Looked {
        let digest = FieldHasher::new("look")
            .field(&self.seed.to_le_bytes())
            .field(request.fingerprint.as_bytes())
            .field(clip.to_string_lossy().as_bytes())
            .finish();
        let [kind, by, score, ..] = *digest.as_bytes();
        let (verdict, score) = match kind % 10 {
            0..5 => (ClipVerdict::Fail, Some(score % 60)),
            5 => (ClipVerdict::NotInspected, None),
            6..8 => (ClipVerdict::Review, Some(60 + score % 20)),
            _ => (ClipVerdict::Pass, Some(80 + score % 21)),
        };
        let measure = format!("eye {}", by % 8 / 7);
        Looked { verdict, score, measure, detail: Detail::default() }
    }
}
