//! What everything that approves shares: by which rules an approval is judged here, which one a
//! plan runs under, and how one is given.
//!
//! What never lives here: the rules themselves, and what each command says.

use jiff::Timestamp;
use kinora::approval::{
    CopyError, Found, Objection, Rules, drop_old_copies, find, holds, keep_plan, keep_written, seal,
};
use kinora::clock::{Clock, SystemClock};
use kinora::exit::Exit;
use kinora::ledger::{Approval, Ledger, NewApproval, Origin, Shown};
use kinora::manifest::Catalogue;
use kinora::money::{Micros, Unit};
use kinora::plan::file::PlanWriter;
use kinora::plan::{Plan, PlanSummary};
use kinora::signing::SecretKey;

use super::Failure;
use super::plan_file::origin;
use super::workspace::{Workspace, ledger_failure};

/// Now, to the second: what people write down and compare.
pub fn now() -> Timestamp {
    let now = SystemClock.now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// By what approvals are judged in this workspace.
pub fn rules<'a>(catalogue: &'a Catalogue, lineage: &'a str) -> Rules<'a> {
    let policy = catalogue.unattended.as_ref().and_then(|u| u.approve.as_ref());
    let policy = policy.map(|policy| &policy.max_total);
    Rules {
        unit: &catalogue.budget.unit,
        lineage,
        approvers: catalogue.approvers.as_ref(),
        policy: policy.map(|most| Micros::up_to(most.amount).unwrap_or(Micros::ZERO)),
        now: SystemClock.now(),
    }
}

/// Which approval a plan runs under now, and what was passed over.
pub fn find_approval(
    plan: &Plan,
    workspace: &Workspace,
    ledger: &Ledger,
) -> Result<Found, Failure> {
    let lineage = ledger.lineage().map_err(|e| ledger_failure(&e))?.unwrap_or_default();
    let catalogue = &workspace.catalogue;
    let rules = rules(catalogue, &lineage);
    find(ledger, &catalogue.workspace, plan, &rules, &catalogue.limits)
        .map_err(|e| ledger_failure(&e))
}

/// What somebody gives.
pub struct Given<'a> {
    /// Who.
    pub by: &'a str,
    /// Up to how much.
    pub ceiling: Micros,
    /// Until when.
    pub expires: Option<Timestamp>,
    /// Why.
    pub note: Option<String>,
    /// How it came about.
    pub origin: Origin,
    /// What it is signed with.
    pub key: Option<&'a SecretKey>,
}

impl<'a> Given<'a> {
    /// Without an end, a note or a signature.
    pub fn by(by: &'a str, ceiling: Micros, origin: Origin) -> Self {
        Given { by, ceiling, expires: None, note: None, origin, key: None }
    }

    /// The approval of the plan with this summary, sealed for the ledger with this lineage.
    pub fn sealed(
        &self,
        plan: kinora::digest::Digest,
        of: &PlanSummary,
        lineage: &str,
    ) -> NewApproval {
        let unit = Unit::new(&of.unit);
        let new = NewApproval {
            expires: self.expires,
            note: self.note.clone(),
            origin: self.origin,
            shown: Some(shown(of)),
            ..NewApproval::new(plan, self.by, self.ceiling, unit, now())
        };
        seal(new, self.key, lineage)
    }
}

/// What an approver was shown, in sum.
fn shown(summary: &PlanSummary) -> Shown {
    let run = &summary.to_run;
    let amount = |amounts: &kinora::plan::AmountsJson| {
        amounts.get(&summary.unit).cloned().unwrap_or_else(|| "0".to_owned())
    };
    Shown {
        name: summary.name.clone(),
        jobs: run.jobs,
        low: amount(&run.low),
        estimate: amount(&run.estimate),
        high: amount(&run.high),
    }
}

/// Records an approval of a plan: first a copy of the plan, then the approval. One that would not
/// hold is not recorded. `written` has the plan's jobs already, where somebody wrote them down.
pub fn record(
    ledger: &Ledger,
    workspace: &Workspace,
    plan: &Plan,
    written: Option<PlanWriter>,
    given: &Given<'_>,
) -> Result<Approval, Failure> {
    let lineage = ledger.lineage_for_good().map_err(|e| ledger_failure(&e))?;
    let new = given.sealed(plan.digest, &plan.summary, &lineage);
    let catalogue = &workspace.catalogue;
    refuse_what_does_not_hold(&new, &rules(catalogue, &lineage))?;
    match written {
        Some(writer) => {
            keep_written(&catalogue.workspace, plan, writer).map_err(|e| copy_failure(&e))?;
        }
        None => keep(plan, workspace, ledger)?,
    }
    put_down(ledger, &catalogue.workspace, new)
}

/// Writes an approval to the ledger; its plan's copy is there.
pub fn put_down(
    ledger: &Ledger,
    workspace: &std::path::Path,
    new: NewApproval,
) -> Result<Approval, Failure> {
    let now = SystemClock.now();
    let id = ledger.import_approval(new, now).map_err(|e| ledger_failure(&e))?;
    let all = ledger.approvals().map_err(|e| ledger_failure(&e))?;
    drop_old_copies(workspace, &all, now);
    let found = all.into_iter().find(|approval| approval.id == id);
    found.ok_or_else(|| Failure::new(Exit::Internal, "an approval that was written is not there"))
}

/// Keeps a copy of a plan, its jobs planned again.
pub fn keep(plan: &Plan, workspace: &Workspace, ledger: &Ledger) -> Result<(), Failure> {
    let (origin, catalogue) = (origin(workspace, ledger)?, &workspace.catalogue);
    keep_plan(&catalogue.workspace, plan, origin, catalogue, ledger).map_err(|e| copy_failure(&e))
}

/// Refuses an approval that nothing would ever run under.
pub fn refuse_what_does_not_hold(new: &NewApproval, rules: &Rules<'_>) -> Result<(), Failure> {
    holds(&new.clone().recorded(0), rules).map_err(|objection| {
        let by = &new.by;
        let how = match objection {
            Objection::NotSigned => "; `--key FILE` signs it",
            Objection::NotListed => "; say `--by` with a name of the manifest's `approvers`",
            Objection::Origin(_) => "; `kinora approve --by NAME --key FILE` signs one",
            Objection::OtherKey => "; say `--key` with the key that belongs to that name",
            Objection::AboveMost(_) => "; say a lower `--ceiling`, or ask an approver with more",
            _ => "",
        };
        let what =
            format!("the approval by {by} does not hold: {objection}; it was not recorded{how}");
        Failure::new(Exit::ApprovalNeeded, what)
    })
}

/// A copy that could not be kept, as the end of a command.
pub fn copy_failure(error: &CopyError) -> Failure {
    match error {
        CopyError::Ledger(error) => ledger_failure(error),
        error => Failure::new(Exit::Internal, error.to_string()),
    }
}
