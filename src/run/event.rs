//! What a run says while it goes, and in the end. Versioned by the schema in `schemas/`.
//!
//! What never lives here: how it is printed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::budget::LimitName;
use super::guard::Broken;
use crate::exit::Exit;
use crate::ledger::{Basis, ClipVerdict};
use crate::plan::Actual;

/// Something that happened in a run. Amounts are decimal strings in the workspace's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunEvent {
    /// The run began.
    Started {
        /// Its number in the ledger.
        run: i64,
        /// The plan's digest; absent when it only collects what earlier runs left.
        plan: Option<String>,
        /// The workspace's unit.
        unit: String,
        /// Jobs of earlier runs that are taken up again.
        resumed: u64,
    },
    /// There was nothing to start and nothing to fetch, so no run began.
    NothingToDo {
        /// The plan's digest.
        plan: String,
        /// Jobs of the plan whose clips are there.
        done: u64,
        /// Submissions of unknown outcome.
        unknown: u64,
    },
    /// A provider took a job.
    Submitted {
        /// Address.
        job: String,
        /// Which attempt of the job, from 1.
        attempt: u32,
        /// Model.
        model: String,
        /// Reserved for it.
        reserved: String,
    },
    /// A provider says how far a job is.
    Progress {
        /// Address.
        job: String,
        /// 0 to 100.
        percent: u8,
    },
    /// A clip stands in its place.
    Done {
        /// Address.
        job: String,
        /// Path relative to the workspace.
        clip: String,
        /// Bytes.
        bytes: u64,
        /// Settled.
        cost: String,
        /// Who says that it cost this.
        basis: Option<Basis>,
    },
    /// A clip stands in its place, but is not what its channel asks: too few pixels, too many
    /// bytes, another length. It is done all the same.
    Unsuited {
        /// Address.
        job: String,
        /// The channel.
        channel: String,
        /// What it lacks, for people.
        missed: Vec<String>,
    },
    /// A clip was looked at.
    Checked {
        /// Address.
        job: String,
        /// Whether it shows what its references show.
        verdict: ClipVerdict,
        /// 0 to 100; absent where it could not be looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        score: Option<u8>,
        /// Whether another clip is made under the same approval.
        #[serde(default)]
        retake: bool,
    },
    /// A provider ended a job without a clip.
    Failed {
        /// Address.
        job: String,
        /// A short stable word.
        cause: String,
        /// For people.
        message: String,
        /// Settled for it all the same.
        cost: String,
    },
    /// A provider did not take a job.
    Refused {
        /// Address.
        job: String,
        /// A short stable word.
        cause: String,
        /// For people.
        message: String,
    },
    /// Nobody knows whether a provider has a job; its reservation stays.
    Unknown {
        /// Address.
        job: String,
        /// What is known about why.
        evidence: String,
        /// Held for it.
        reserved: String,
    },
    /// Nobody knows whether a provider has a job; its list will be looked at again.
    Searching {
        /// Address.
        job: String,
        /// What is known about why.
        evidence: String,
        /// When, from now.
        after_ms: u64,
    },
    /// A submission whose outcome stayed unknown counts as spent, as the manifest allows; its job
    /// may be submitted again.
    WrittenOff {
        /// Address.
        job: String,
        /// What counts as spent.
        cost: String,
        /// What is known about why.
        evidence: String,
    },
    /// A job was in flight when several processes in a row stopped; it is taken up last, alone.
    Parked {
        /// Address.
        job: String,
        /// How many.
        interruptions: u32,
    },
    /// A poll or fetch got no answer; it is asked again.
    NoAnswer {
        /// Address.
        job: String,
        /// What happened.
        message: String,
    },
    /// A finished clip was gone before it was fetched.
    Lost {
        /// Address.
        job: String,
        /// For people.
        message: String,
    },
    /// A job will be tried again.
    Retry {
        /// Address.
        job: String,
        /// Why.
        cause: String,
        /// When, from now.
        after_ms: u64,
        /// How many tries are left after it.
        left: u32,
    },
    /// A provider uses a word for a job's state that its card does not know; the job is polled on.
    UnknownState {
        /// Address.
        job: String,
        /// Provider.
        provider: String,
        /// The word.
        word: String,
    },
    /// A provider took a job, but its id could not be written to the ledger: it stands here.
    NotWritten {
        /// Address.
        job: String,
        /// Provider.
        provider: String,
        /// The provider's id of the job.
        id: String,
    },
    /// A model gets nothing new in this run.
    Held {
        /// Model.
        model: String,
        /// Why, for people.
        why: String,
    },
    /// A model gets nothing new for a while, then one job tries it; or a limit lets nothing through
    /// for a while.
    Paused {
        /// The model, or whatever has the limit.
        model: String,
        /// Why, for people.
        why: String,
        /// How long.
        for_ms: u64,
    },
    /// Events that nobody read in time are missing here; the ledger has what they said.
    Missed {
        /// How many.
        events: u64,
    },
    /// A job does not fit a limit.
    OverBudget {
        /// Address.
        job: String,
        /// Which limit.
        limit: LimitName,
        /// What it would take.
        wanted: String,
        /// What is left.
        left: String,
    },
    /// The approval was revoked or expired: nothing new is submitted, and what is in flight goes on
    /// to its end.
    ApprovalEnded {
        /// Its number in the ledger.
        approval: i64,
        /// Why, for people.
        why: String,
        /// Jobs in flight.
        in_flight: u64,
    },
    /// A job was not started.
    Skipped {
        /// Address.
        job: String,
        /// Why.
        why: Skip,
        /// Which guardrail denies it, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        guardrail: Option<Box<BrokenRule>>,
    },
    /// What is submitted breaks a guardrail that only warns; said once of each rule.
    Guardrail {
        /// Address of the first such job.
        job: String,
        /// The rule's key below `guardrails`.
        rule: String,
        /// Where it stands: `file:line:column`.
        at: String,
        /// What it comes to, and what is allowed.
        message: String,
    },
    /// A job stays where it is until the next run.
    Waiting {
        /// Address.
        job: String,
        /// Why.
        message: String,
    },
    /// A provider charged more than was reserved.
    Overcharged {
        /// Address.
        job: String,
        /// Model; it gets nothing new.
        model: String,
        /// Reserved.
        reserved: String,
        /// Charged.
        cost: String,
    },
    /// A provider's cost could not be counted, so the estimate stands.
    NoRate {
        /// Address.
        job: String,
        /// What the provider says, with its unit.
        cost: String,
    },
    /// The run was asked to stop and collects what is in flight.
    Stopping {
        /// Jobs in flight.
        in_flight: u64,
    },
    /// The run ended.
    Ended(Box<RunSummary>),
}

/// A guardrail that a job would break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenRule {
    /// The rule's key below `guardrails`.
    pub rule: String,
    /// Where it stands: `file:line:column`.
    pub at: String,
    /// What it would come to, and what is allowed.
    pub message: String,
}

impl From<Broken> for Box<BrokenRule> {
    fn from(broken: Broken) -> Self {
        let Broken { rule, at, message } = broken;
        Box::new(BrokenRule { rule: rule.to_owned(), at, message })
    }
}

/// Why a job was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Its price is not known (M7).
    Unpriced,
    /// Its model is held.
    ModelHeld,
    /// Another attempt of it is open (M2).
    Open,
    /// Its clip is there already.
    AlreadyDone,
    /// Its last attempt ended without a clip and was charged; paying again must be allowed.
    PaidBefore,
    /// It is of another plan than the approval names (M1).
    NotApproved,
    /// No such provider is set up.
    NoProvider,
    /// A guardrail of the manifest denies it.
    Guardrail,
    /// Another clip of the same is not asked for, or no more: a person's word, said since the plan was
    /// made, leaves it as it is.
    NotAsked,
}

/// A run in sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunSummary {
    /// The run's number in the ledger.
    pub run: i64,
    /// Clips made.
    pub done: u64,
    /// Jobs that ended without a clip.
    pub failed: u64,
    /// Jobs that their provider did not take.
    pub refused: u64,
    /// Jobs of unknown outcome, those of earlier runs included.
    pub unknown: u64,
    /// Submissions of unknown outcome that were written off.
    pub written_off: u64,
    /// Clips that were gone before they were fetched.
    pub lost: u64,
    /// Jobs that did not fit a limit.
    pub over_budget: u64,
    /// Jobs not started because a guardrail denies them.
    #[serde(default)]
    pub denied: u64,
    /// Jobs not started because their model is held.
    pub held: u64,
    /// Jobs not started because their price is not known.
    pub unpriced: u64,
    /// Jobs not started because their last attempt was charged and gave no clip.
    pub paid_before: u64,
    /// Jobs not started because the approval was revoked or had expired.
    #[serde(default)]
    pub unapproved: u64,
    /// Why the approval holds no more, where that ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_ended: Option<String>,
    /// Jobs not started for another reason.
    pub skipped: u64,
    /// Jobs that a provider still has; the next run takes them up.
    pub waiting: u64,
    /// Times that something was tried again.
    pub retries: u64,
    /// What looking at clips came to.
    #[serde(default, skip_serializing_if = "CheckCounts::is_empty")]
    pub checks: CheckCounts,
    /// Models held.
    pub models_held: Vec<String>,
    /// The workspace's unit.
    pub unit: String,
    /// Settled in this run, for attempts of earlier ones too, as a decimal string.
    pub spent: String,
    /// Still reserved for whatever is open, unknown outcomes included.
    pub reserved: String,
    /// Whether it only collected what earlier runs left: another run of the same command may
    /// follow.
    pub collecting: bool,
    /// What finished in this run cost against its estimates, by model; only where the provider
    /// said what it charged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actuals: Vec<Actual>,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// What looking at clips came to in a run, those that earlier runs left to be looked at included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckCounts {
    /// They show what their references show.
    pub passed: u64,
    /// A person is to look at them.
    pub review: u64,
    /// They show something else.
    pub failed: u64,
    /// They could not be looked at.
    pub not_inspected: u64,
    /// Clips that failed and were put in line to be made again.
    pub retakes: u64,
    /// Clips that the run was stopped before it looked at.
    pub left: u64,
}

impl CheckCounts {
    /// Whether no clip was to be looked at.
    pub fn is_empty(&self) -> bool {
        *self == CheckCounts::default()
    }

    /// Clips that were looked at.
    pub fn looked_at(&self) -> u64 {
        self.passed + self.review + self.failed + self.not_inspected
    }

    /// With those of the part of the same start that came before. What that one left, this one met.
    fn after(self, before: &CheckCounts) -> Self {
        CheckCounts {
            passed: self.passed + before.passed,
            review: self.review + before.review,
            failed: self.failed + before.failed,
            not_inspected: self.not_inspected + before.not_inspected,
            retakes: self.retakes + before.retakes,
            left: self.left,
        }
    }
}

impl RunSummary {
    /// With what was collected before it, as one.
    #[must_use]
    pub fn after(mut self, collected: Option<&RunSummary>) -> Self {
        let Some(before) = collected else { return self };
        let sum = |one: &str, other: &str| -> String {
            let decimal = |text: &str| text.parse::<rust_decimal::Decimal>().unwrap_or_default();
            (decimal(one) + decimal(other)).normalize().to_string()
        };
        self.done += before.done;
        self.failed += before.failed;
        self.lost += before.lost;
        self.checks = self.checks.after(&before.checks);
        self.spent = sum(&self.spent, &before.spent);
        self.elapsed_ms += before.elapsed_ms;
        self.actuals = Actual::merged(&before.actuals, &self.actuals);
        self
    }

    /// All that it ended with, for whoever must say what needs a person most.
    pub fn ends(&self) -> Vec<Exit> {
        let all = [
            (self.unknown > 0, Exit::SubmissionsUnknown),
            (self.unapproved > 0, Exit::ApprovalNeeded),
            (self.denied > 0, Exit::Denied),
            (self.over_budget > 0, Exit::OverBudget),
            (self.without_a_clip() > 0, Exit::JobsFailed),
            (self.interrupted || self.waiting > 0, Exit::Interrupted),
        ];
        all.into_iter().filter(|(holds, _)| *holds).map(|(_, exit)| exit).collect()
    }

    /// Jobs that ended without a clip, or were not started for a reason of their own.
    fn without_a_clip(&self) -> u64 {
        self.failed + self.refused + self.lost + self.held + self.unpriced + self.paid_before
    }

    /// The exit code: what needs a person most comes first.
    pub fn exit(&self) -> Exit {
        if self.interrupted {
            Exit::Interrupted
        } else if self.unapproved > 0 {
            Exit::ApprovalNeeded
        } else if self.unknown > 0 {
            Exit::SubmissionsUnknown
        } else if self.denied > 0 {
            Exit::Denied
        } else if self.over_budget > 0 {
            Exit::OverBudget
        } else if self.without_a_clip() > 0 {
            Exit::JobsFailed
        } else if self.waiting > 0 {
            Exit::Interrupted
        } else {
            Exit::Done
        }
    }
}
