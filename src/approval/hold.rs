//! Whether an approval holds: one function, which planning, approving and running share.
//!
//! What never lives here: whether its plan covers what would run.

use std::fmt;

use jiff::Timestamp;

use super::text::text;
use crate::digest::Digest;
use crate::ledger::{Approval, ApprovalEnd, Origin};
use crate::manifest::Approvers;
use crate::money::{Amount, Micros, Unit};
use crate::signing::PublicKey;

/// By what an approval is judged.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The workspace's unit.
    pub unit: &'a Unit,
    /// The ledger's lineage.
    pub lineage: &'a str,
    /// Who may approve; absent: whoever can write to the ledger.
    pub approvers: Option<&'a Approvers>,
    /// The most that the manifest's standing policy approves; absent where there is none.
    pub policy: Option<Micros>,
    /// The time by which it must not have expired.
    pub now: Timestamp,
}

/// Why an approval does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It is not what was approved: its digest is of another text.
    Altered,
    /// It was taken back, or has expired.
    Ended(ApprovalEnd),
    /// Its ceiling counts another unit than the workspace.
    Unit {
        /// The approval's.
        approval: Unit,
        /// The workspace's.
        workspace: Unit,
    },
    /// The manifest names approvers, and it is not signed.
    NotSigned,
    /// The manifest names approvers, and it came about without one.
    Origin(Origin),
    /// The manifest has no standing policy that could have given it.
    NoPolicy,
    /// It was given by a standing policy, and the manifest's allows no more than this now.
    AbovePolicy(Amount),
    /// Who gave it is not among the manifest's approvers.
    NotListed,
    /// It is signed with another key than its approver's in the manifest.
    OtherKey,
    /// Its signature is not of its text.
    BadSignature,
    /// Its ceiling is above the most that its approver may approve.
    AboveMost(Amount),
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Objection::Altered => f.write_str("it was changed after it was given"),
            Objection::Ended(end) => end.fmt(f),
            Objection::Unit { approval, workspace } => {
                write!(f, "its ceiling is in {approval}, but the workspace counts {workspace}")
            }
            Objection::NotSigned => {
                f.write_str("it is not signed, and the manifest's `approvers` must sign")
            }
            Objection::Origin(origin) => {
                let how = match origin {
                    Origin::Asked => "an answer to a run's question",
                    Origin::Yes => "`--yes`",
                    Origin::Person | Origin::Policy => "no signature",
                };
                write!(f, "it is {how}, and the manifest's `approvers` must sign")
            }
            Objection::NoPolicy => {
                f.write_str("it was given by a standing policy that the manifest does not have")
            }
            Objection::AbovePolicy(most) => {
                write!(f, "its ceiling is above the {most} that the standing policy allows now")
            }
            Objection::NotListed => {
                f.write_str("who gave it is not among the manifest's `approvers`")
            }
            Objection::OtherKey => {
                f.write_str("it is signed with another key than its approver's in the manifest")
            }
            Objection::BadSignature => f.write_str("its signature is not of what it says"),
            Objection::AboveMost(most) => {
                write!(f, "its ceiling is above the {most} that its approver may approve")
            }
        }
    }
}

/// Whether an approval in the ledger holds by these rules, whatever plan it names.
pub fn holds(approval: &Approval, rules: &Rules<'_>) -> Result<(), Objection> {
    let text = text(&approval.given(), rules.lineage);
    // Those of earlier formats have no digest, and nothing that could be compared with it.
    if approval.digest.is_some_and(|digest| digest != Digest::of(text.as_bytes())) {
        return Err(Objection::Altered);
    }
    if let Some(revocation) = &approval.revoked {
        return Err(Objection::Ended(ApprovalEnd::Revoked(revocation.clone())));
    }
    if let Some(expires) = approval.expires.filter(|expires| *expires <= rules.now) {
        return Err(Objection::Ended(ApprovalEnd::Expired(expires)));
    }
    if approval.unit != *rules.unit {
        let (approval, workspace) = (approval.unit.clone(), rules.unit.clone());
        return Err(Objection::Unit { approval, workspace });
    }
    match (approval.origin, rules.approvers) {
        (Origin::Policy, _) => inside_policy(approval, rules.policy),
        (_, None) => signed_by_its_key(approval, &text).map(|_| ()),
        (Origin::Person, Some(approvers)) => signed_by_approver(approval, &text, approvers),
        (origin, Some(_)) => Err(Objection::Origin(origin)),
    }
}

/// A policy that was made tighter since takes back what it gave beyond that.
fn inside_policy(approval: &Approval, most: Option<Micros>) -> Result<(), Objection> {
    match most {
        None => Err(Objection::NoPolicy),
        Some(most) if approval.ceiling <= most => Ok(()),
        Some(most) => {
            let most = Amount::new(most.to_decimal(), approval.unit.clone());
            Err(Objection::AbovePolicy(most))
        }
    }
}

/// Whether the signature is that of the key beside it, which says nothing of whose that is.
fn signed_by_its_key(approval: &Approval, text: &str) -> Result<Option<PublicKey>, Objection> {
    let Some(signature) = &approval.signature else { return Ok(None) };
    let key = PublicKey::parse(&signature.key).map_err(|_| Objection::BadSignature)?;
    match key.has_signed(text.as_bytes(), &signature.bytes) {
        true => Ok(Some(key)),
        false => Err(Objection::BadSignature),
    }
}

fn signed_by_approver(
    approval: &Approval,
    text: &str,
    approvers: &Approvers,
) -> Result<(), Objection> {
    let key = signed_by_its_key(approval, text)?.ok_or(Objection::NotSigned)?;
    let approver = approvers.get(&approval.by).ok_or(Objection::NotListed)?;
    if approver.key != key {
        return Err(Objection::OtherKey);
    }
    let Some(most) = &approver.max_ceiling else { return Ok(()) };
    // Rounded up to a millionth: an amount is compared as the ledger keeps it.
    match Micros::from_decimal(most.amount) {
        Ok(micros) if approval.ceiling <= micros => Ok(()),
        _ => Err(Objection::AboveMost(Amount::new(most.amount, approval.unit.clone()))),
    }
}

#[cfg(test)]
mod tests;
