//! A breaker for one model: equal causes in a row close it, a job that goes well opens it.
//!
//! What never lives here: which causes say something of a model (that is `causes`).

use std::time::Duration;

use super::limits::PoolPace;
use crate::run::causes::needs_a_person;

#[derive(Debug, Clone, Default)]
pub(super) struct Breaker {
    state: State,
    /// The last cause, and how often it came in a row.
    row: Option<(String, u32)>,
    /// Probes that failed since it closed.
    probes: u32,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Open,
    /// One job may try it from then on.
    Paused { until: Duration },
    /// One job tries it.
    Probing,
    /// Closed for the run.
    Held { why: String },
}

/// What a job that failed did to a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// It is closed until then.
    Paused(Duration),
    /// It is closed for the run.
    Held,
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// One job, to see.
    Probe,
    /// Nothing before then.
    Until(Duration),
    /// Nothing before the probe is back.
    Probing,
    /// Nothing in this run.
    Held,
}

impl Breaker {
    pub fn gate(&self, now: Duration) -> Gate {
        match self.state {
            State::Open => Gate::Open,
            State::Paused { until } if until <= now => Gate::Probe,
            State::Paused { until } => Gate::Until(until),
            State::Probing => Gate::Probing,
            State::Held { .. } => Gate::Held,
        }
    }

    /// A job goes through to see; asked of [`Gate::Probe`] only.
    pub fn begin_probe(&mut self) {
        debug_assert!(matches!(self.state, State::Paused { .. }));
        self.state = State::Probing;
    }

    /// The probe is back without a word about the model.
    pub fn end_probe(&mut self, now: Duration) {
        if matches!(self.state, State::Probing) {
            self.state = State::Paused { until: now };
        }
    }

    pub fn failed(&mut self, cause: &str, probe: bool, now: Duration, pace: &PoolPace) -> Turn {
        match self.state {
            State::Open => {
                let times = match &mut self.row {
                    Some((last, times)) if last == cause => {
                        *times += 1;
                        *times
                    }
                    row => row.insert((cause.to_owned(), 1)).1,
                };
                if times < pace.hold_after {
                    return Turn::None;
                }
                self.probes = 0;
                self.close(format!("{cause}, {times} times in a row"), cause, now, pace)
            }
            State::Probing if probe => {
                self.row = Some((cause.to_owned(), 1));
                self.probes += 1;
                let why = format!("{cause}, and {} later tries failed too", self.probes);
                self.close(why, cause, now, pace)
            }
            // It was begun before the breaker closed, and says nothing new.
            State::Paused { .. } | State::Probing | State::Held { .. } => Turn::None,
        }
    }

    fn close(&mut self, why: String, cause: &str, now: Duration, pace: &PoolPace) -> Turn {
        if needs_a_person(cause) || self.probes >= pace.probes {
            self.state = State::Held { why };
            return Turn::Held;
        }
        let pause = pace.probe.saturating_mul(1 << self.probes.min(20)).min(pace.probe_most);
        let until = now + pause;
        self.state = State::Paused { until };
        Turn::Paused(until)
    }

    /// A clip was made.
    pub fn went_well(&mut self) {
        if !matches!(self.state, State::Held { .. }) {
            *self = Breaker::default();
        }
    }

    /// Closes it for the run; false when it was.
    pub fn hold(&mut self, why: &str) -> bool {
        let open = !matches!(self.state, State::Held { .. });
        if open {
            self.state = State::Held { why: why.to_owned() };
        }
        open
    }

    /// Why it is closed, if it is, and until when.
    pub fn closed(&self) -> Option<(String, Option<Duration>)> {
        let cause = self.row.as_ref().map_or("", |(cause, _)| cause.as_str());
        match &self.state {
            State::Open => None,
            State::Paused { until } => {
                Some((format!("{cause} again and again; one job will try it"), Some(*until)))
            }
            State::Probing => Some((format!("{cause} again and again; one job tries it"), None)),
            State::Held { why } => Some((why.clone(), None)),
        }
    }

    /// Why it is closed for the run, if it is.
    pub fn held(&self) -> Option<&str> {
        match &self.state {
            State::Held { why } => Some(why),
            _ => None,
        }
    }
}
