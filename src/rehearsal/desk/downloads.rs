//! Downloads: clips by their URLs or by the card's request for their bytes.

use std::path::PathBuf;

use super::{Answer, Asked, Desk};
use crate::protocol::Class;
use crate::rehearsal::job::{Job, Standing};
use crate::rehearsal::replies::Said;
use crate::rehearsal::routes::JobAt;

impl Desk {
    /// The clip of a job by its URL.
    pub(super) fn download(&self, name: &str, asked: &Asked) -> Answer {
        let gone = |status, why| Answer::Said(Said::plain(status, why));
        let parts = name.strip_suffix(".mp4").and_then(|name| name.split_once('-'));
        let parsed = parts.and_then(|(at, number)| Some((at.parse().ok()?, number.parse().ok()?)));
        let Some((at, number)): Option<(JobAt, u32)> = parsed else {
            return gone(404, "there is no such clip");
        };
        if self.card.output.auth && !self.has_key(asked) {
            return Answer::Said(self.refusal(Class::Auth, "the clip needs the key", asked));
        }
        let mut books = self.books();
        let Some(job) = books.jobs.get_mut(at) else { return gone(404, "there is no such clip") };
        let Standing::Succeeded(file) = job.standing(self.clock.now()) else {
            return gone(404, "there is no such clip");
        };
        self.hand_over(job, file, number, asked)
    }

    /// The clip by the card's request for its bytes.
    pub(super) fn output(&self, job: &mut Job, standing: &Standing, asked: &Asked) -> Answer {
        match standing {
            Standing::Succeeded(file) => {
                let number = job.url_number;
                self.hand_over(job, file.clone(), number, asked)
            }
            _ => Answer::Said(self.refusal(Class::NotFound, "there is no clip (yet)", asked)),
        }
    }

    pub(super) fn hand_over(
        &self,
        job: &mut Job,
        file: PathBuf,
        number: u32,
        asked: &Asked,
    ) -> Answer {
        if job.first_url_expired && number == 0 {
            job.first_url_tried = true;
            return Answer::Said(Said::plain(
                403,
                "the URL has expired; this is a rehearsed fault",
            ));
        }
        let lifetime = self.card.output.lifetime_s.and_then(|s| i64::try_from(s).ok());
        let age = self.clock.now().as_second() - job.made().as_second();
        if lifetime.is_some_and(|lifetime| age > lifetime) {
            return Answer::Said(Said::plain(410, "the clip is no longer kept"));
        }
        let cut = job.cuts_download && !asked.headers.contains_key("range");
        job.cuts_download &= !cut;
        Answer::Clip { file, cut }
    }
}
