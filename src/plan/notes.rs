//! Notes: what planning has to say, one for each shot and cause, however many jobs it concerns.
//!
//! What lives here: counting equal causes, and turning them into findings. What never does:
//! deciding what is worth saying.

use rust_decimal::Decimal;

use crate::diagnostic::{Finding, Findings, Severity};
use crate::money::{Amount, Unit};

/// How many different causes of one code a shot reports in full.
const CAUSES_PER_CODE: usize = 20;

/// One cause with its count.
#[derive(Debug, Clone)]
struct Note {
    shot: usize,
    key: String,
    finding: Finding,
    jobs: u64,
    subjects: u64,
    first: String,
    last: String,
    /// Summed over its jobs.
    saves: Saving,
}

/// What dropping something saves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saving {
    /// How much, by a job.
    pub each: Decimal,
    /// What is dropped: `it` or `them`.
    pub them: &'static str,
}

/// What a note is about: the job's subject, and how many jobs share the cause at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concerned<'a> {
    /// `set.id`, or the shot's own name where it has no subject.
    pub subject: &'a str,
    /// How many jobs.
    pub jobs: u64,
}

/// All notes of a part of the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    items: Vec<Note>,
    /// Notes beyond [`CAUSES_PER_CODE`], by shot and code.
    further: Vec<(usize, Finding, u64)>,
}

impl Notes {
    /// Counts one cause. `finding` is only made when the cause is new, so that a cause shared by
    /// a million jobs costs a comparison each.
    pub fn add(
        &mut self,
        shot: usize,
        code: &'static str,
        key: &str,
        who: Concerned<'_>,
        finding: impl FnOnce() -> Finding,
    ) {
        self.add_saving(shot, code, key, who, Saving { each: Decimal::ZERO, them: "it" }, finding);
    }

    /// The same, with what each job would save.
    pub fn add_saving(
        &mut self,
        shot: usize,
        code: &'static str,
        key: &str,
        who: Concerned<'_>,
        saves: Saving,
        finding: impl FnOnce() -> Finding,
    ) {
        let saves = Saving { each: saves.each.saturating_mul(Decimal::from(who.jobs)), ..saves };
        let same = |n: &&mut Note| n.shot == shot && n.finding.code == code && n.key == key;
        if let Some(note) = self.items.iter_mut().rev().find(same) {
            note.jobs += who.jobs;
            note.saves.each = note.saves.each.saturating_add(saves.each);
            if note.last != who.subject {
                note.subjects += 1;
                note.last.clear();
                note.last.push_str(who.subject);
            }
            return;
        }
        let finding = finding();
        debug_assert_eq!(finding.code, code, "a note is found again by its code");
        let subject = who.subject.to_owned();
        self.enter(Note {
            shot,
            key: key.to_owned(),
            finding,
            jobs: who.jobs,
            subjects: 1,
            first: subject.clone(),
            last: subject,
            saves,
        });
    }

    fn enter(&mut self, note: Note) {
        let alike = |n: &&Note| n.shot == note.shot && n.finding.code == note.finding.code;
        if self.items.iter().filter(alike).count() < CAUSES_PER_CODE {
            self.items.push(note);
            return;
        }
        let code = note.finding.code;
        match self.further.iter_mut().find(|(s, f, _)| *s == note.shot && f.code == code) {
            Some((_, _, count)) => *count += note.jobs,
            None => self.further.push((note.shot, note.finding, note.jobs)),
        }
    }

    /// The first error among them.
    pub fn first_error(&self) -> Option<&Finding> {
        let findings = self.items.iter().map(|note| &note.finding);
        findings.into_iter().find(|finding| finding.severity == Severity::Error)
    }

    /// Adds the notes of the part of the plan that comes next.
    pub fn merge(&mut self, next: Notes) {
        for note in next.items {
            let code = note.finding.code;
            let same =
                |n: &&mut Note| n.shot == note.shot && n.finding.code == code && n.key == note.key;
            let Some(mine) = self.items.iter_mut().find(same) else {
                self.enter(note);
                continue;
            };
            // A subject may stand on both sides of the seam between two parts.
            mine.subjects += note.subjects - u64::from(mine.last == note.first);
            mine.jobs += note.jobs;
            mine.saves.each = mine.saves.each.saturating_add(note.saves.each);
            mine.last = note.last;
        }
        for (shot, finding, count) in next.further {
            match self.further.iter_mut().find(|(s, f, _)| *s == shot && f.code == finding.code) {
                Some((_, _, mine)) => *mine += count,
                None => self.further.push((shot, finding, count)),
            }
        }
    }

    /// As findings, each saying how many subjects it concerns, and one of them.
    pub fn into_findings(self, unit: &Unit) -> Findings {
        let mut findings = Findings::default();
        for note in self.items {
            let mut finding = note.finding;
            let Saving { each: all, them } = note.saves;
            if all > Decimal::ZERO {
                let saved = Amount::new(all, unit.clone());
                finding.message.push_str(&format!("; dropping {them} saves {saved}"));
            }
            finding.message.push_str(&match (note.subjects, note.jobs) {
                (1, 1) => format!(" (`{}`)", note.first),
                (1, jobs) => format!(" ({jobs} jobs of `{}`)", note.first),
                (n, _) => format!(" ({n} subjects, for instance `{}`)", note.first),
            });
            findings.push(finding);
        }
        for (_, mut finding, count) in self.further {
            finding.message = format!("{count} more jobs have problems of this kind");
            findings.push(finding);
        }
        findings
    }
}
