//! What the cause of a refusal or failure is about: the moment, one job, or the model.
//!
//! What never lives here: what a run does about it.

/// How often a job is sent again that a provider had no room for. Nothing was taken, so nothing
/// can be paid twice.
pub(super) const CROWDED_TRIES: u32 = 50;

/// Whether a refusal says that the provider has no room now.
pub(super) fn is_crowded(cause: &str) -> bool {
    matches!(cause, "rate_limited" | "concurrency_full")
}

/// Whether the same cause again and again says that a model can't be used: no room now, and
/// content that is refused, are about the moment and about one job.
pub(super) fn says_something_of_the_model(cause: &str) -> bool {
    !is_crowded(cause) && !matches!(cause, "policy" | "picture")
}

/// Whether only a person can mend it: trying again later won't help in this run, or, where nobody
/// knows what was paid for or a paid clip was lost, may cost more than it helps.
pub(super) fn needs_a_person(cause: &str) -> bool {
    matches!(cause, "auth" | "payment" | "forbidden" | "model" | "card" | "unknown" | "lost")
}
