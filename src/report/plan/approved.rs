//! The approval that a plan runs under, in words.

use crate::plan::ApprovalLine;

/// What is to be known of it beyond who, when and up to how much; empty where that is all.
pub(super) fn terms(a: &ApprovalLine) -> String {
    let until = a.expires.as_ref().map(|at| format!(", until {at}")).unwrap_or_default();
    let signed = if a.signed { ", signed" } else { "" };
    let carried = a.carried_from.as_ref().map(|plan| {
        format!(", as part of plan {}", plan.get(..8).unwrap_or(plan))
    });
    format!("{until}{signed}{}", carried.unwrap_or_default())
}
