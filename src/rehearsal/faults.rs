//! Faults: what goes wrong, and when. Every decision is a function of the seed, the provider and
//! a number that counts submissions or jobs, so that a rehearsal can be repeated.

use crate::digest::FieldHasher;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// A submission is turned away with 429 and `Retry-After`; nothing is charged.
    RateLimited,
    /// A submission is turned away with 5xx; nothing is charged.
    ServerError,
    /// A submission is accepted and charged, but its connection is cut without a reply.
    LostReply,
    /// A job takes ten times as long.
    Slow,
    /// A job fails by the provider's policy.
    Moderation,
    /// A clip's first URL is refused and a new poll gives a good one; only where the card says so.
    ExpiredUrl,
    /// A clip's first download is cut in the middle.
    CutDownload,
    /// A poll is answered with 5xx.
    PollError,
    /// A poll is answered with a page for people, and status 200.
    PollPage,
    /// A poll's connection is cut without a reply.
    PollCut,
    /// A poll's reply comes late.
    PollSlow,
    /// A submission stands in the provider's list only after a while, where the card does not say
    /// that its list proves what never arrived.
    StaleList,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [FaultKind; 12] = [
        FaultKind::RateLimited,
        FaultKind::ServerError,
        FaultKind::LostReply,
        FaultKind::Slow,
        FaultKind::Moderation,
        FaultKind::ExpiredUrl,
        FaultKind::CutDownload,
        FaultKind::PollError,
        FaultKind::PollPage,
        FaultKind::PollCut,
        FaultKind::PollSlow,
        FaultKind::StaleList,
    ];

    /// Those that strike polls; the first that strikes one decides.
    pub(super) const OF_POLLS: [FaultKind; 4] =
        [FaultKind::PollError, FaultKind::PollPage, FaultKind::PollCut, FaultKind::PollSlow];

    /// As written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::RateLimited => "rate_limited",
            FaultKind::ServerError => "server_error",
            FaultKind::LostReply => "lost_reply",
            FaultKind::Slow => "slow",
            FaultKind::Moderation => "moderation",
            FaultKind::ExpiredUrl => "expired_url",
            FaultKind::CutDownload => "cut_download",
            FaultKind::PollError => "poll_error",
            FaultKind::PollPage => "poll_page",
            FaultKind::PollCut => "poll_cut",
            FaultKind::PollSlow => "poll_slow",
            FaultKind::StaleList => "stale_list",
        }
    }

    /// From text as written on the command line.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// How often things go wrong, by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Never.
    #[default]
    None,
    /// As on a bad day.
    Some,
    /// So often that every path is taken.
    Many,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 3] = [Profile::None, Profile::Some, Profile::Many];

    /// As written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Profile::None => "none",
            Profile::Some => "some",
            Profile::Many => "many",
        }
    }
}

/// How likely each kind of fault is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    probability: [f64; FaultKind::ALL.len()],
}

impl Faults {
    /// By a profile.
    pub fn of(profile: Profile) -> Self {
        use FaultKind::{
            CutDownload, ExpiredUrl, LostReply, Moderation, PollCut, PollError, PollPage, PollSlow,
            RateLimited, ServerError, Slow, StaleList,
        };
        let likely: &[(FaultKind, f64)] = match profile {
            Profile::None => &[],
            Profile::Some => &[
                (RateLimited, 0.05),
                (ServerError, 0.02),
                (LostReply, 0.01),
                (Slow, 0.05),
                (Moderation, 0.03),
                (ExpiredUrl, 0.03),
                (CutDownload, 0.05),
                (PollError, 0.02),
                (PollPage, 0.01),
                (PollCut, 0.02),
                (PollSlow, 0.02),
                (StaleList, 0.1),
            ],
            Profile::Many => &[
                (RateLimited, 0.25),
                (ServerError, 0.1),
                (LostReply, 0.08),
                (Slow, 0.15),
                (Moderation, 0.15),
                (ExpiredUrl, 0.2),
                (CutDownload, 0.25),
                (PollError, 0.1),
                (PollPage, 0.05),
                (PollCut, 0.1),
                (PollSlow, 0.1),
                (StaleList, 0.5),
            ],
        };
        likely.iter().fold(Faults::default(), |faults, (kind, p)| faults.with(*kind, *p))
    }

    /// The same with another probability of one kind, 0 to 1.
    #[must_use]
    pub fn with(mut self, kind: FaultKind, probability: f64) -> Self {
        self.probability[kind as usize] = probability.clamp(0.0, 1.0);
        self
    }

    /// How likely a kind is, 0 to 1.
    pub fn probability(&self, kind: FaultKind) -> f64 {
        self.probability[kind as usize]
    }
}

/// Chance that can be repeated.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    pub(super) seed: u64,
    pub(super) provider: String,
    pub(super) faults: Faults,
}

impl Dice {
    /// Whether a fault strikes the submission or job of this number.
    pub(super) fn strikes(&self, kind: FaultKind, number: u64) -> bool {
        self.roll(kind.as_str(), number) < self.faults.probability(kind)
    }

    /// A number from 0 to 1, without 1: the same for the same seed, provider, purpose and number.
    pub(super) fn roll(&self, purpose: &str, number: u64) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.bits(purpose, number) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A UUID: the same for the same seed, provider and number.
    pub(super) fn uuid(&self, purpose: &str, number: u64) -> String {
        let (a, b) = (self.bits(purpose, number), self.bits(&format!("{purpose} low"), number));
        // RFC 9562: version 4, variant 10.
        let a = (a & !0xF000) | 0x4000;
        let b = (b & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xFFFF,
            a & 0xFFFF,
            b >> 48,
            b & 0xFFFF_FFFF_FFFF
        )
    }

    fn bits(&self, purpose: &str, number: u64) -> u64 {
        let digest = FieldHasher::new("rehearsal")
            .field(&self.seed.to_le_bytes())
            .field(self.provider.as_bytes())
            .field(purpose.as_bytes())
            .field(&number.to_le_bytes())
            .finish();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.as_bytes()[..8]);
        u64::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(seed: u64, provider: &str) -> Dice {
        Dice { seed, provider: provider.to_owned(), faults: Faults::of(Profile::Many) }
    }

    fn struck(dice: &Dice) -> Vec<u64> {
        (0..200).filter(|n| dice.strikes(FaultKind::RateLimited, *n)).collect()
    }

    #[test]
    fn the_same_seed_and_provider_give_the_same_faults_and_others_give_others() {
        assert_eq!(struck(&dice(7, "a")), struck(&dice(7, "a")));
        assert_ne!(struck(&dice(7, "a")), struck(&dice(8, "a")));
        assert_ne!(struck(&dice(7, "a")), struck(&dice(7, "b")));
    }

    #[test]
    fn faults_are_about_as_frequent_as_they_are_likely() {
        let of = |p| {
            let faults = Faults::default().with(FaultKind::Slow, p);
            let dice = Dice { faults, ..dice(1, "a") };
            (0..1000).filter(|n| dice.strikes(FaultKind::Slow, *n)).count()
        };
        assert_eq!((of(0.0), of(1.0)), (0, 1000));
        assert!((200..300).contains(&of(0.25)), "{}", of(0.25));
    }

    #[test]
    fn ids_are_uuids_and_differ() {
        let (a, b) = (dice(1, "a").uuid("job", 0), dice(1, "a").uuid("job", 1));
        assert_ne!(a, b);
        assert_eq!(a.len(), 36);
        assert_eq!(&a[14..15], "4");
        assert!(["8", "9", "a", "b"].contains(&&a[19..20]), "{a}");
    }
}
