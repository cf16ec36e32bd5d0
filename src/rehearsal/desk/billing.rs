//! Writing the bill's file: what the desk did to submissions and jobs, as it happens.

use std::io;
use std::path::PathBuf;

use super::{Books, Desk};
use crate::protocol::State;
use crate::rehearsal::bill::{BillFile, BillLine, ServedClip};
use crate::rehearsal::job::{Job, Standing};
use crate::rehearsal::replies::Said;
use crate::rehearsal::routes::JobAt;

impl Desk {
    /// Notes a job that is about to be taken in.
    pub(super) fn bill_accepted(&self, job: &Job) -> io::Result<()> {
        self.add_to_bill(|| BillLine::Accepted {
            provider: self.card.provider.clone(),
            id: job.id.clone(),
            attempt: job.asked.attempt.clone(),
            model: job.asked.model.model.clone(),
            prompt: job.asked.prompt.clone(),
            amount: job.charged.as_ref().map(|amount| amount.value),
            unit: job.charged.as_ref().map(|amount| amount.unit.to_string()),
            reply_lost: job.reply_lost,
            at: job.accepted,
        })
    }

    /// Notes a submission that was known by its key.
    pub(super) fn bill_repeated(&self, job: &Job) -> io::Result<()> {
        self.add_to_bill(|| BillLine::Repeated {
            provider: self.card.provider.clone(),
            id: job.id.clone(),
            at: self.clock.now(),
        })
    }

    /// Notes a submission that is not taken, and gives its answer back. Nothing depends on the
    /// line, so that the answer is given whether it could be written or not.
    pub(super) fn turned_away(&self, why: &str, said: Said) -> Said {
        let _ = self.add_to_bill(|| BillLine::TurnedAway {
            provider: self.card.provider.clone(),
            status: said.status,
            why: why.to_owned(),
            at: self.clock.now(),
        });
        said
    }

    /// Notes the jobs that have come to their end since the last time. Whether a clip's file
    /// can't be read is found out by who asks for it.
    pub(in crate::rehearsal) fn bill_ends(&self) {
        let now = self.clock.now();
        let mut ended: Vec<(BillLine, Option<PathBuf>)> = Vec::new();
        let mut books = self.books();
        let Books { jobs, going, .. } = &mut *books;
        going.retain(|at: &JobAt| {
            let job = &jobs[*at];
            let standing = job.standing(now);
            if matches!(standing, Standing::Queued | Standing::Running(_)) {
                return true;
            }
            let line = BillLine::Ended {
                provider: self.card.provider.clone(),
                id: job.id.clone(),
                state: standing.state().as_str().to_owned(),
                refunded: job.charge(now).refunded,
                clip: None,
                // A clip may take longer than its job; other ends are where they were set.
                at: if standing.state() == State::Failed { job.made() } else { now },
            };
            let file = match standing {
                Standing::Succeeded(file) => Some(file),
                _ => None,
            };
            ended.push((line, file));
            false
        });
        drop(books);
        for (mut line, file) in ended {
            if let (BillLine::Ended { clip, .. }, Some(file)) = (&mut line, file) {
                *clip = ServedClip::of(&file).ok();
            }
            // What went wrong is kept by the file and said in the end.
            let _ = self.add_to_bill(|| line);
        }
    }

    /// Why the bill's file lacks lines, if it does.
    pub(in crate::rehearsal) fn bill_trouble(&self) -> Option<String> {
        self.bill_file.as_ref().and_then(BillFile::trouble)
    }

    fn add_to_bill(&self, line: impl FnOnce() -> BillLine) -> io::Result<()> {
        self.bill_file.as_ref().map_or(Ok(()), |file| file.add(&line()))
    }
}
