//! A job's life as a pure function: `(life, event) → (life, effects)`.
//!
//! What lives here: every lawful step, with its precondition, and what follows from it. What
//! never does: I/O, clocks, chance, or anybody else who changes a state. The shell writes the
//! new life to the ledger first and does the effects after.

use crate::ledger::{Basis, JobState};
use crate::money::Micros;

/// Where a job stands: its latest attempt's state and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Absent while the job is only planned and approved: it has no attempt.
    pub state: Option<JobState>,
    /// Reserved for the attempt and not settled yet.
    pub reserved: Micros,
    /// Settled for the attempt.
    pub settled: Micros,
}

impl Life {
    /// A job that the ledger has never seen.
    pub const PLANNED: Life = Life { state: None, reserved: Micros::ZERO, settled: Micros::ZERO };
}

/// Why an attempt may begin (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grounds {
    /// The job never had one.
    First,
    /// The last was refused, or ended without a clip and without a charge.
    Again,
    /// The last ended without a clip and was charged, and the manifest allows paying again.
    PayAgain,
    /// The last was for another request, and the approved plan asks for this one.
    Changed,
    /// A person, or the check on its clip, asks for another clip of the same request.
    Retake,
    /// The last one's outcome stayed unknown and was written off, as the manifest allows.
    WrittenOff,
}

/// What happened to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// An attempt begins. Before: no attempt is open, the grounds hold, and `reserve` was
    /// granted by the budget under an approval (M1, M2, M5).
    Intend {
        /// What is set aside for it.
        reserve: Micros,
        /// Why it may begin.
        grounds: Grounds,
    },
    /// The provider took it. Before: submitting.
    Accept,
    /// The provider surely did not take it. Before: submitting.
    Refuse,
    /// Nobody knows whether the provider took it. Before: submitting.
    Doubt,
    /// The same request is sent again under the same attempt. Before: submitting (the process
    /// stopped before the answer) or unknown; the provider knows a request by its content or
    /// key and never makes or charges it twice (M4).
    Replay,
    /// Evidence or a person's word says that the provider has it. Before: unknown.
    FoundAccepted,
    /// Evidence or a person's word says that the provider never had it. Before: unknown; or
    /// submitted, by a person's word only (the id that was given for it was wrong).
    FoundRefused,
    /// Nothing more is to be learned of it, and the manifest allows paying twice: all of its
    /// reservation counts as spent. Before: unknown, and the manifest's cap has room for it.
    WriteOff,
    /// The provider has finished the clip. Before: submitted.
    Finish {
        /// What the provider says it charged, in the workspace's unit.
        cost: Option<Micros>,
    },
    /// The provider ended without a clip, or a person's word says that it has the job no more.
    /// Before: submitted.
    Fail {
        /// Whether it charges all the same.
        charged: bool,
    },
    /// The clip is being fetched. Before: ready.
    BeginFetch,
    /// The clip did not arrive whole, or the process stopped meanwhile. Before: fetching.
    BreakFetch,
    /// The clip is gone for good, as the provider or a person's word says. Before: ready or
    /// fetching.
    Expire,
    /// What arrived, again and again, is no clip. Before: fetching.
    Reject,
    /// The clip stands in its place, checked and synced (M6). Before: fetching.
    Publish,
}

impl Event {
    /// One word for the ledger's events.
    pub fn kind(self) -> &'static str {
        match self {
            Event::Intend { .. } => "intent",
            Event::Accept => "accepted",
            Event::Refuse => "refused",
            Event::Doubt => "unknown",
            Event::Replay => "replayed",
            Event::FoundAccepted => "found_accepted",
            Event::FoundRefused => "found_refused",
            Event::WriteOff => "written_off",
            Event::Finish { .. } => "ready",
            Event::Fail { .. } => "failed",
            Event::BeginFetch => "fetching",
            Event::BreakFetch => "fetch_broken",
            Event::Expire => "lost",
            Event::Reject => "rejected",
            Event::Publish => "done",
        }
    }
}

/// What follows from a step, once it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Send the request.
    Submit,
    /// Ask how far it is, until it says.
    Poll,
    /// Stand in line to fetch the clip, soonest expiry first.
    Collect,
    /// Fetch the clip.
    Fetch,
    /// Turn the reservation into what it cost.
    Settle {
        /// What was reserved.
        reserved: Micros,
        /// What it cost.
        amount: Micros,
        /// Who says so.
        basis: Basis,
    },
    /// Give the reservation back.
    Release(Micros),
    /// It cost more than was reserved: stop its model, tell people.
    Alarm {
        /// What was reserved.
        reserved: Micros,
        /// What it cost.
        amount: Micros,
    },
}

/// Who says what a step's settling cost, if it settles.
pub fn basis_of(effects: &[Effect]) -> Option<Basis> {
    effects.iter().find_map(|effect| match effect {
        Effect::Settle { basis, .. } => Some(*basis),
        _ => None,
    })
}

/// A step that is not lawful: a defect or a damaged ledger, never something to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} can't take the step `{}`", state_word(*.state), .event.kind())]
pub struct Violation {
    /// Where the job stands.
    pub state: Option<JobState>,
    /// The step.
    pub event: Event,
}

fn state_word(state: Option<JobState>) -> &'static str {
    state.map_or("planned", JobState::as_str)
}

/// The one function that changes a job's state.
pub fn transition(life: Life, event: Event) -> Result<(Life, Vec<Effect>), Violation> {
    use JobState::{Done, Failed, Fetching, Lost, Ready, Refused, Submitted, Submitting, Unknown};
    assert_sound(life);
    let to = |state: JobState| Life { state: Some(state), ..life };
    let (next, effects) = match (life.state, event) {
        (state, Event::Intend { reserve, grounds }) if may_begin(state, life.settled, grounds) => (
            Life { state: Some(Submitting), reserved: reserve, settled: Micros::ZERO },
            vec![Effect::Submit],
        ),
        (Some(Submitting), Event::Accept) => (to(Submitted), vec![Effect::Poll]),
        (Some(Submitting), Event::Refuse) => released(life, Refused),
        (Some(Submitting), Event::Doubt) => (to(Unknown), vec![]),
        (Some(Submitting | Unknown), Event::Replay) => (to(Submitting), vec![Effect::Submit]),
        (Some(Unknown), Event::FoundAccepted) => (to(Submitted), vec![Effect::Poll]),
        (Some(Unknown | Submitted), Event::FoundRefused) => released(life, Refused),
        (Some(Unknown), Event::WriteOff) => settled(life, Lost, None),
        (Some(Submitted), Event::Finish { cost }) => {
            let (next, mut effects) = settled(life, Ready, cost);
            effects.push(Effect::Collect);
            (next, effects)
        }
        (Some(Submitted), Event::Fail { charged: true }) => settled(life, Failed, None),
        (Some(Submitted), Event::Fail { charged: false }) => released(life, Failed),
        (Some(Ready), Event::BeginFetch) => (to(Fetching), vec![Effect::Fetch]),
        (Some(Fetching), Event::BreakFetch) => (to(Ready), vec![]),
        (Some(Ready | Fetching), Event::Expire) => (to(Lost), vec![]),
        (Some(Fetching), Event::Reject) => (to(Failed), vec![]),
        (Some(Fetching), Event::Publish) => (to(Done), vec![]),
        (state, event) => return Err(Violation { state, event }),
    };
    assert_sound(next);
    Ok((next, effects))
}

/// M2: whether another attempt may begin where the last one stands.
fn may_begin(state: Option<JobState>, settled: Micros, grounds: Grounds) -> bool {
    use JobState::{Done, Failed, Lost, Refused};
    let Some(state) = state else {
        return grounds == Grounds::First;
    };
    if state.is_open() {
        return false;
    }
    match grounds {
        Grounds::First => false,
        Grounds::Again => {
            state == Refused || (matches!(state, Failed | Lost) && settled == Micros::ZERO)
        }
        Grounds::PayAgain => matches!(state, Failed | Lost),
        Grounds::Changed => true,
        Grounds::Retake => matches!(state, Done | Failed | Lost),
        Grounds::WrittenOff => state == Lost,
    }
}

fn released(life: Life, state: JobState) -> (Life, Vec<Effect>) {
    let next = Life { state: Some(state), reserved: Micros::ZERO, settled: life.settled };
    (next, vec![Effect::Release(life.reserved)])
}

fn settled(life: Life, state: JobState, cost: Option<Micros>) -> (Life, Vec<Effect>) {
    let (reserved, amount) = (life.reserved, cost.unwrap_or(life.reserved));
    let basis = if cost.is_some() { Basis::Provider } else { Basis::Estimate };
    let mut effects = vec![Effect::Settle { reserved, amount, basis }];
    if amount > reserved {
        effects.push(Effect::Alarm { reserved, amount });
    }
    (Life { state: Some(state), reserved: Micros::ZERO, settled: amount }, effects)
}

/// What holds of every life, before and after every step. Kept in release builds: a run that
/// breaks it must stop before it spends.
fn assert_sound(life: Life) {
    use JobState::{Done, Failed, Fetching, Lost, Ready, Refused, Submitted, Submitting, Unknown};
    match life.state {
        None | Some(Refused) => {
            assert!(life.reserved == Micros::ZERO, "what is not at a provider reserves nothing");
            assert!(life.settled == Micros::ZERO, "what no provider took costs nothing");
        }
        Some(Submitting | Submitted | Unknown) => {
            assert!(life.settled == Micros::ZERO, "an open submission is not settled yet");
        }
        Some(Ready | Fetching | Done | Failed | Lost) => {
            assert!(life.reserved == Micros::ZERO, "what has ended is settled or released");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(n: i64) -> Micros {
        Micros::from_stored(n).expect("not negative")
    }

    const GROUNDS: [Grounds; 6] = [
        Grounds::First,
        Grounds::Again,
        Grounds::PayAgain,
        Grounds::Changed,
        Grounds::Retake,
        Grounds::WrittenOff,
    ];

    fn every_event() -> Vec<Event> {
        let mut events: Vec<Event> = GROUNDS
            .into_iter()
            .map(|grounds| Event::Intend { reserve: micros(5), grounds })
            .collect();
        events.extend([
            Event::Accept,
            Event::Refuse,
            Event::Doubt,
            Event::Replay,
            Event::FoundAccepted,
            Event::FoundRefused,
            Event::WriteOff,
            Event::Finish { cost: None },
            Event::Finish { cost: Some(micros(4)) },
            Event::Finish { cost: Some(micros(6)) },
            Event::Fail { charged: true },
            Event::Fail { charged: false },
            Event::BeginFetch,
            Event::BreakFetch,
            Event::Expire,
            Event::Reject,
            Event::Publish,
        ]);
        events
    }

    /// A life in each state, paid where a provider would have been paid.
    fn every_life() -> Vec<Life> {
        let mut lives = vec![Life::PLANNED];
        for state in JobState::ALL {
            let (reserved, settled) = match state {
                JobState::Submitting | JobState::Submitted | JobState::Unknown => (5, 0),
                JobState::Refused => (0, 0),
                _ => (0, 5),
            };
            lives.push(Life {
                state: Some(state),
                reserved: micros(reserved),
                settled: micros(settled),
            });
        }
        lives
    }

    /// The whole table: every state against every event. A new row here is a new rule.
    #[test]
    fn every_lawful_step_is_in_this_table_and_no_other() {
        let mut table = String::new();
        for life in every_life() {
            for event in every_event() {
                if let Ok((next, effects)) = transition(life, event) {
                    let event = format!("{event:?}").replace("Micros", "");
                    let to = state_word(next.state);
                    let effects = format!("{effects:?}").replace("Micros", "");
                    table += &format!("{} + {event} = {to} {effects}\n", state_word(life.state));
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_failure_without_a_charge_may_be_tried_again_without_asking() {
        let free = Life { state: Some(JobState::Failed), ..Life::PLANNED };
        let again = Event::Intend { reserve: micros(5), grounds: Grounds::Again };
        assert!(transition(free, again).is_ok());
        let paid = Life { settled: micros(5), ..free };
        assert!(transition(paid, again).is_err());
    }

    #[test]
    fn an_unlawful_step_says_what_it_was() {
        let error = transition(Life::PLANNED, Event::Publish).expect_err("nothing was made");
        assert_eq!(error.to_string(), "a job that is planned can't take the step `done`");
    }

    proptest! {
        /// M2, M4 and M5 for one job, over any order of events: money is never lost or made up,
        /// an open attempt is never joined by another, an unknown one keeps its reservation.
        #[test]
        fn any_order_of_events_keeps_the_books(steps in proptest::collection::vec(0usize..23, 0..60)) {
            let events = every_event();
            let mut life = Life::PLANNED;
            let mut reserved = 0i64;
            for step in steps {
                let event = events[step];
                let Ok((next, effects)) = transition(life, event) else { continue };
                if let Event::Intend { reserve, .. } = event {
                    prop_assert!(!life.state.is_some_and(JobState::is_open));
                    reserved += reserve.get();
                }
                if event == Event::Doubt {
                    prop_assert_eq!(next.reserved, life.reserved);
                    prop_assert!(effects.is_empty());
                }
                for effect in effects {
                    match effect {
                        Effect::Settle { reserved: r, .. } | Effect::Release(r) => reserved -= r.get(),
                        Effect::Alarm { reserved, amount } => prop_assert!(amount > reserved),
                        Effect::Submit | Effect::Poll | Effect::Collect | Effect::Fetch => {}
                    }
                }
                prop_assert_eq!(next.reserved.get(), reserved, "held is what was reserved and not ended");
                life = next;
            }
        }
    }
}
