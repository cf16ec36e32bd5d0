//! Clips that are made are looked at: beside the run, after their attempt has come to its end.
//!
//! What lives here: whose turn it is, one look from its clip to its row in the ledger, and what
//! follows. What never does: what a look finds (that is `verification`), whether it asks for another
//! clip (the ledger decides in its transaction), how that one is made (`admit`, `drive`).
//!
//! A look holds no seat, no money and no leave for requests, and nothing that is submitted, polled or
//! fetched waits for it. What was not looked at is known to the ledger, and the next run begins with it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};

use super::desk::Desk;
use super::dispatch::{Dispatcher, Phase};
use super::event::{RunEvent, Skip};
use super::setup::RunError;
use super::waiting::Waiting;
use crate::ledger::{AttemptRecord, Check, ClipVerdict, NewCheck};
use crate::manifest::OnFail;
use crate::plan::Request;
use crate::verification::{ClipVerifier, Looked};

/// What a look came to.
pub(super) struct Seen {
    /// Absent where it can't be read back; then nothing is made of it.
    request: Option<Request>,
    record: AttemptRecord,
    check: Check,
}

/// Clips to be looked at, and those that are.
pub(super) struct Looking {
    /// Attempts: a number each, however many there are.
    queue: VecDeque<i64>,
    pub(super) looks: JoinSet<Result<Option<Seen>, RunError>>,
}

impl Looking {
    /// Nothing but what earlier runs left.
    pub fn with(left: Vec<i64>) -> Self {
        Looking { queue: left.into(), looks: JoinSet::new() }
    }

    /// Whether nothing is left to be looked at.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty() && self.looks.is_empty()
    }

    /// Lets go of whatever waits for its turn; how many that were.
    fn clear(&mut self) -> u64 {
        self.queue.drain(..).count() as u64
    }
}

impl Dispatcher {
    /// Notes a clip that was just made and whose request has a rule.
    pub(super) fn await_look(&mut self, attempt: i64) {
        if self.desk.setup.verifier.is_some() {
            self.looking.queue.push_back(attempt);
        }
    }

    /// Starts looks as there is room for them. A run that is stopping starts none.
    pub(super) async fn look(&mut self) {
        match self.phase {
            Phase::Going => {}
            Phase::Collecting(_) => self.summary.checks.left += self.looking.clear(),
            Phase::Closing(_) => {
                let under_way = self.looking.looks.len() as u64;
                self.looking.looks.shutdown().await;
                self.summary.checks.left += self.looking.clear() + under_way;
            }
        }
        let Some(verifier) = self.desk.setup.verifier.clone() else { return };
        let most = self.desk.setup.pace.checks_at_once.max(1);
        while self.looking.looks.len() < most
            && let Some(attempt) = self.looking.queue.pop_front()
        {
            let (desk, verifier) = (Arc::clone(&self.desk), Arc::clone(&verifier));
            self.looking.looks.spawn(async move { look_at(&desk, verifier, attempt).await });
        }
    }

    /// Tells of a look, and has the clip made again where that is asked for.
    pub(super) async fn looked(
        &mut self,
        seen: Result<Result<Option<Seen>, RunError>, JoinError>,
    ) -> Result<(), RunError> {
        let seen = match seen {
            Ok(seen) => seen?,
            Err(e) if e.is_cancelled() => return Ok(()),
            Err(e) => return Err(RunError::Broken(e.to_string())),
        };
        let Some(Seen { request, record, check }) = seen else { return Ok(()) };
        let count = match check.verdict {
            ClipVerdict::Pass => &mut self.summary.checks.passed,
            ClipVerdict::Review => &mut self.summary.checks.review,
            ClipVerdict::Fail => &mut self.summary.checks.failed,
            ClipVerdict::NotInspected => &mut self.summary.checks.not_inspected,
        };
        *count += 1;
        let Check { verdict, score, retake, .. } = check;
        let job = record.address.to_string();
        self.desk.say(RunEvent::Checked { job, verdict, score, retake }).await;
        match request {
            Some(request) if retake => self.make_again(&request, &record).await,
            _ => {}
        }
        Ok(())
    }

    /// Puts a job in line once more, for the same money as before, if this run works under the
    /// approval that the clip was made under. Otherwise the next plan has it.
    async fn make_again(&mut self, request: &Request, record: &AttemptRecord) {
        let approved = Some(record.plan) == self.plan && self.summary.approval_ended.is_none();
        if !approved || self.phase != Phase::Going {
            return;
        }
        // What is not the very request that was approved is for the next plan.
        let again = request.retaken().filter(|again| again.name().parts == record.parts);
        let Some(again) = again else { return };
        if self.desk.is_held(&again.model) {
            self.summary.held += 1;
            let (job, why) = (again.address.to_string(), Skip::ModelHeld);
            return self.desk.say(RunEvent::Skipped { job, why, guardrail: None }).await;
        }
        self.summary.checks.retakes += 1;
        self.enqueue(Waiting {
            request: Arc::new(again),
            parts: record.parts,
            reserve: record.estimate,
            tries: 0,
            crowded: 0,
        });
    }
}

/// Looks at one clip and writes down what was found. `None`: there is none.
async fn look_at(
    desk: &Desk,
    verifier: Arc<dyn ClipVerifier>,
    attempt: i64,
) -> Result<Option<Seen>, RunError> {
    let Some(record) = desk.setup.ledger.attempt(attempt)? else {
        return Err(RunError::Broken(format!("attempt {attempt} has no row")));
    };
    let Some(clip) = &record.clip else { return Ok(None) };
    let path = desk.setup.workspace.join(&clip.path);
    let (request, looked) = match serde_json::from_str::<Request>(&record.request) {
        Ok(request) => {
            let looked = inspect(desk, verifier, request.clone(), path).await;
            (Some(request), looked)
        }
        Err(e) => (
            None,
            Looked::not_inspected(format!("its request can't be read back from the ledger: {e}")),
        ),
    };
    let rule = request.as_ref().and_then(|request| request.consistency.as_ref());
    let wishes = rule.is_some_and(|rule| rule.on_fail == OnFail::Retake);
    let Looked { verdict, score, measure, detail } = in_order(looked);
    let detail = serde_json::to_string(&detail)
        .map_err(|e| RunError::Broken(format!("what was found in a clip can't be written: {e}")))?;
    let retake = wishes && verdict == ClipVerdict::Fail;
    let at = desk.now();
    let check = NewCheck { attempt, measure, verdict, score, retake, detail, at };
    let check = desk.setup.ledger.record_check(check).await?;
    assert!(!check.retake || retake, "the ledger asks for no clip that nobody wishes for");
    Ok(Some(Seen { request, record, check }))
}

/// Looks at a clip, off the run's threads.
async fn inspect(
    desk: &Desk,
    verifier: Arc<dyn ClipVerifier>,
    request: Request,
    clip: PathBuf,
) -> Looked {
    const BROKE_DOWN: &str = "looking at it broke down, which is a defect in Kinora";
    let (send, mut done) = tokio::sync::oneshot::channel();
    let work = Box::new(move || {
        // A clip that breaks whoever looks at it must not stop what has nothing to do with it.
        let looked = catch_unwind(AssertUnwindSafe(|| verifier.look(&request, &clip)));
        // Nobody waits any more when the run was cut meanwhile.
        let _ = send.send(looked.unwrap_or_else(|_| Looked::not_inspected(BROKE_DOWN.to_owned())));
    });
    desk.setup.files.compute(work).await;
    done.try_recv().unwrap_or_else(|_| Looked::not_inspected(BROKE_DOWN.to_owned()))
}

/// As the ledger takes it: a score exactly where there was something to see, and 100 at most.
fn in_order(looked: Looked) -> Looked {
    let inspected = looked.verdict != ClipVerdict::NotInspected;
    match looked.score {
        Some(score) if inspected => Looked { score: Some(score.min(100)), ..looked },
        _ => Looked { verdict: ClipVerdict::NotInspected, score: None, ..looked },
    }
}
