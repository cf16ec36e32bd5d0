//! Scenes worth reading: one job or two, one provider, one thing that goes wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use kinora::exit::Exit;
use kinora::ledger::JobState;
use kinora::manifest::{Concurrency, Unknown};
use kinora::money::Unit;
use kinora::run::{MoneyLimits, RunEvent, RunSummary};

use crate::catalogue::Job;
use crate::driver::Fate;
use crate::life::{End, Orders};
use crate::site::{HOUR, Recovery, Site};
use crate::story::{CREDIT, Story, Telling};
use crate::world::Faults;

const EVERY_RECOVERY: [Recovery; 6] = [
    Recovery::None,
    Recovery::Content,
    Recovery::Key(HOUR),
    Recovery::Marker,
    Recovery::Echo,
    Recovery::Count,
];

/// A story with nothing left to chance but travel times.
struct Scene(Story);

impl Scene {
    /// So many jobs at 10 credits each, of one model.
    fn of(jobs: u64, recovery: Recovery) -> Scene {
        let mut story = Story::new(1, Telling { mutant: None, traced: true });
        let model = "p0/0".to_owned();
        let prices = BTreeMap::from([(model.clone(), 10 * CREDIT)]);
        {
            let mut world = story.sim.lock();
            let mut site = Site::new("p0", recovery, Unit::default());
            site.prices = prices.clone();
            world.sites = vec![site];
            world.unpriced.clear();
            world.published.clear();
            world.may_pay_again = false;
        }
        let job = |n: u64| Job {
            address: format!("j{n}"),
            model: model.clone(),
            provider: "p0".to_owned(),
            units: 1,
            look: n,
            priced: true,
            seeded: true,
            rule: None,
        };
        story.jobs = (0..jobs).map(job).collect();
        (story.desk.prices, story.desk.ceiling) = (prices, 1_000 * CREDIT);
        story.limits = MoneyLimits::default();
        story.concurrency = Concurrency::default();
        (story.retries, story.pay_again, story.unknown) = (0, false, Unknown::Hold);
        story.terms = vec![(20, None)];
        Scene(story)
    }

    /// One process; the network does this with its first submissions, and `fuse` ends it.
    fn run(&mut self, fates: &[Fate], fuse: Option<u64>) -> bool {
        self.0.sim.lock().script.extend(fates);
        let orders = Orders { fuse, ..self.0.orders(false) };
        let (end, said) = self.0.life(Faults::default(), orders, false);
        let crashed = matches!(end, End::Crashed);
        self.0.judge(end, &said, false);
        crashed
    }

    /// Undisturbed until nothing changes any more; then everything must hold.
    fn rest(&mut self) {
        if self.0.sim.lock().violation.is_none() {
            self.0.rest();
        }
        let mut world = self.0.sim.lock();
        if let Some(what) = &world.violation {
            let what = what.clone();
            let lines = world.trace.lines.take().unwrap_or_default().join("\n");
            panic!("{lines}\n{what}");
        }
    }

    fn states(&self) -> Vec<JobState> {
        let world = self.0.sim.lock();
        world.store.attempts().iter().map(|row| row.record.state).collect()
    }

    /// What left, what was made, and what is held in credits.
    fn sums(&self) -> (usize, usize, i64) {
        let world = self.0.sim.lock();
        let (site, rows) = (&world.sites[0], world.store.attempts());
        let held: i64 = rows.iter().map(|row| row.held()).sum();
        (site.sent.len(), site.generations.len(), held / CREDIT)
    }
}

#[test]
fn a_lost_answer_of_a_provider_that_can_not_be_asked_holds_its_money_for_good() {
    let mut scene = Scene::of(1, Recovery::None);
    scene.run(&[Fate::ReplyLost], None);
    scene.rest();
    assert_eq!(scene.states(), [JobState::Unknown]);
    assert_eq!(scene.sums(), (1, 1, 10), "it was sent once, made once, and is held");
}

#[test]
fn a_lost_answer_is_found_in_the_providers_list() {
    for recovery in [Recovery::Marker, Recovery::Echo, Recovery::Count] {
        let mut scene = Scene::of(1, recovery);
        scene.run(&[Fate::ReplyLost], None);
        scene.rest();
        assert_eq!(scene.states(), [JobState::Done], "{recovery:?}");
        assert_eq!(scene.sums(), (1, 1, 10), "{recovery:?}");
    }
}

#[test]
fn a_lost_request_is_sent_again_once_the_list_proves_that_it_never_arrived() {
    let mut scene = Scene::of(1, Recovery::Marker);
    scene.run(&[Fate::Lost], None);
    scene.rest();
    assert_eq!(scene.states(), [JobState::Refused, JobState::Done]);
    assert_eq!(scene.sums(), (2, 1, 10));
}

#[test]
fn a_key_lets_a_request_be_sent_again_and_be_made_once() {
    let mut scene = Scene::of(1, Recovery::Key(HOUR));
    scene.run(&[Fate::Late], None);
    scene.rest();
    assert_eq!(scene.states(), [JobState::Done]);
    let (sent, made, held) = scene.sums();
    assert!(sent >= 2, "it was sent again");
    assert_eq!((made, held), (1, 10));
}

#[test]
fn two_that_a_list_can_not_tell_apart_are_never_taken_for_each_other() {
    let mut scene = Scene::of(2, Recovery::Count);
    scene.run(&[Fate::ReplyLost, Fate::Lost], None);
    scene.rest();
    assert_eq!(scene.states(), [JobState::Unknown, JobState::Unknown]);
    assert_eq!(scene.sums(), (2, 1, 20));
}

/// The process ends at its first boundary, at its second, and so on until one lives to its end.
#[test]
fn one_job_survives_a_crash_at_every_boundary() {
    for recovery in EVERY_RECOVERY {
        let mut fuse = 0;
        loop {
            fuse += 1;
            let mut scene = Scene::of(1, recovery);
            let crashed = scene.run(&[], Some(fuse));
            scene.rest();
            let (_, made, held) = scene.sums();
            assert!(
                made <= 1 && held == 10,
                "{recovery:?}, crash at {fuse}: {made} made, {held} held"
            );
            let last = scene.states().pop();
            let may_stay = recovery == Recovery::None && last == Some(JobState::Unknown);
            assert!(
                last == Some(JobState::Done) || may_stay,
                "{recovery:?}, crash at {fuse}: {last:?}"
            );
            if !crashed {
                break;
            }
        }
        assert!(fuse > 40, "{recovery:?}: {fuse} boundaries");
    }
}

/// How many attempts there were when it was revoked, and what the run came to.
fn revoked_after(scene: &mut Scene, after: Duration) -> Box<RunSummary> {
    let orders = Orders { revokes: Some(after), ..scene.0.orders(false) };
    let (end, said) = scene.0.life(Faults::default(), orders, false);
    let ended = said.iter().filter(|event| matches!(event, RunEvent::ApprovalEnded { .. })).count();
    let End::Ended(result) = end else { panic!("it ends by itself") };
    let summary = Box::new((*result).expect("an approval that is revoked is no failure"));
    assert_eq!(ended, 1, "it is said, and once");
    scene.0.judge(End::Ended(Box::new(Ok((*summary).clone()))), &said, false);
    summary
}

#[test]
fn a_revocation_lets_what_is_in_flight_end_and_nothing_else_begin() {
    let mut scene = Scene::of(6, Recovery::None);
    scene.0.concurrency.in_flight = Some(2);
    let summary = revoked_after(&mut scene, Duration::from_secs(1));
    let begun = scene.states();
    assert_eq!(begun, [JobState::Done, JobState::Done], "what was in flight is made");
    assert_eq!((summary.done, summary.unapproved), (2, 4));
    assert_eq!(summary.exit(), Exit::ApprovalNeeded);
    let why = summary.approval_ended.as_deref().unwrap_or_default();
    assert!(why.starts_with("bo revoked it at "), "{why}");
    let (sent, made, held) = scene.sums();
    assert_eq!((sent, made, held), (2, 2, 20), "no money is held for what never began");
    // Somebody approves it again.
    scene.rest();
    assert_eq!(scene.states(), [JobState::Done; 6]);
}

#[test]
fn a_revocation_before_the_first_intent_lets_nothing_begin() {
    let mut scene = Scene::of(3, Recovery::None);
    let summary = revoked_after(&mut scene, Duration::ZERO);
    assert_eq!(scene.sums(), (0, 0, 0));
    assert_eq!((summary.unapproved, summary.exit()), (3, Exit::ApprovalNeeded));
}
