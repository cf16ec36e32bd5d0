//! The request of a retake, made from the request that it repeats.
//!
//! What lives here: the seed of a retake, and a request's name made anew. What never does: whether a
//! retake is asked for (that is the ledger's), and what it may cost.

use std::borrow::Cow;

use super::job::{Fingerprint, JobSettings, Request};
use crate::digest::FieldHasher;

/// The seed of a retake: another one for each, and below 2^31, which every provider that takes
/// seeds accepts.
pub(super) fn retake_seed(seed: u64, retake: u32) -> u64 {
    if retake == 0 {
        return seed;
    }
    let mixed =
        FieldHasher::new("retake").field(&seed.to_le_bytes()).field(&retake.to_le_bytes()).finish();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&mixed.as_bytes()[..8]);
    u64::from_le_bytes(bytes) >> 33
}

impl Request {
    /// Its name, made anew from what it asks: what a plan of the same request would give it.
    pub fn name(&self) -> Fingerprint {
        self.name_as(self.retake)
    }

    fn name_as(&self, retake: u32) -> Fingerprint {
        let settings = JobSettings { seed: self.seed_before(), ..self.settings.clone() };
        let pictures = self.references.iter().map(|r| {
            let recipe = r.recipe.as_ref().filter(|recipe| recipe.making().is_some());
            (r.role, &r.digest, recipe.map(|recipe| Cow::Owned(recipe.id())))
        });
        Fingerprint::of_named(
            (&self.provider, &self.model),
            self.route,
            (&self.prompt, self.negative_prompt.as_deref()),
            &settings,
            retake,
            pictures,
        )
    }

    /// The seed before any retake; absent when the model takes none.
    fn seed_before(&self) -> Option<u64> {
        self.settings.seed.map(|sent| self.first_seed.unwrap_or(sent))
    }

    /// The same request, asked for once more: as the next plan would have it. `None` where this one is
    /// not what its name says (another version of the program wrote it), so that nothing could be
    /// derived from it.
    pub fn retaken(&self) -> Option<Request> {
        let first = self.seed_before();
        let sent = first.map(|seed| retake_seed(seed, self.retake));
        if self.name().whole != self.fingerprint || sent != self.settings.seed {
            return None;
        }
        let retake = self.retake.checked_add(1)?;
        let name = self.name_as(retake);
        let again = Request {
            settings: JobSettings {
                seed: first.map(|seed| retake_seed(seed, retake)),
                ..self.settings.clone()
            },
            first_seed: first,
            retake,
            fingerprint: name.whole,
            ..self.clone()
        };
        // Whoever reads it back must find the same name in it, and no other part may differ.
        assert_eq!(again.name(), name, "a retake's name is that of what it asks");
        assert_eq!(again.name().parts, self.name().parts, "a retake differs in nothing else");
        assert_ne!(again.fingerprint, self.fingerprint, "a retake has a name of its own");
        Some(again)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::Address;
    use crate::digest::Digest;
    use crate::models::Route;

    fn request(seed: Option<u64>) -> Request {
        let mut request = Request {
            address: Address::from_stored("s.a/turn/-/1"),
            model: "p/m".to_owned(),
            provider: "p".to_owned(),
            route: Route::Text,
            prompt: "a jar turns".to_owned(),
            negative_prompt: None,
            settings: JobSettings {
                duration: 5.into(),
                aspect: "9:16".to_owned(),
                resolution: "720p".to_owned(),
                width: 720,
                height: 1280,
                fps: None,
                seed,
                options: Vec::new(),
            },
            references: vec![],
            out: "clips/a.mp4".to_owned(),
            fingerprint: Digest::of(b""),
            retake: 0,
            first_seed: None,
            shot: "turn".to_owned(),
            subject: None,
            channel: None,
            consistency: None,
        };
        request.fingerprint = request.name().whole;
        request
    }

    proptest! {
        #[test]
        fn each_retake_has_its_own_name_and_seed(seed in proptest::option::of(any::<u64>())) {
            let mut last = request(seed);
            let mut names = vec![last.fingerprint];
            for retake in 1..=3 {
                let next = last.retaken().expect("it is what its name says");
                prop_assert_eq!(next.retake, retake);
                prop_assert_eq!(next.settings.seed, seed.map(|seed| retake_seed(seed, retake)));
                prop_assert!(next.settings.seed.is_none_or(|seed| seed < 1 << 31));
                prop_assert!(!names.contains(&next.fingerprint));
                // As it is read back from the ledger.
                let json = serde_json::to_string(&next).expect("requests are JSON");
                let read: Request = serde_json::from_str(&json).expect("as it was written");
                prop_assert_eq!(&read, &next);
                names.push(next.fingerprint);
                last = read;
            }
        }
    }

    #[test]
    fn nothing_is_derived_from_a_request_that_is_not_what_its_name_says() {
        let other = Request { prompt: "a pot turns".to_owned(), ..request(Some(7)) };
        assert_eq!(other.retaken(), None);
    }
}
