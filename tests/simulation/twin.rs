//! The real ledger beside the model: in some stories every write is done by both, with the real
//! schema and statements on a connection to memory, and after each process both must hold the
//! same. So what the model lets pass, the real one does.

use std::cell::RefCell;

use kinora::ledger::{AttemptRecord, LedgerError, MemoryLedger, Period, Which};

use crate::store::{Op, Store, Wrote};

thread_local! {
    /// One that is emptied is much faster than a new one.
    static SPARE: RefCell<Vec<MemoryLedger>> = const { RefCell::new(Vec::new()) };
}

/// The real ledger, in memory.
pub struct Twin(Option<MemoryLedger>);

impl Drop for Twin {
    fn drop(&mut self) {
        if let Some(memory) = self.0.take()
            && memory.clear().is_ok()
        {
            SPARE.with_borrow_mut(|spare| spare.push(memory));
        }
    }
}

impl Twin {
    pub fn new() -> Twin {
        let memory = SPARE
            .with_borrow_mut(Vec::pop)
            .unwrap_or_else(|| MemoryLedger::new().expect("memory can be had"));
        Twin(Some(memory))
    }

    fn memory(&self) -> &MemoryLedger {
        self.0.as_ref().expect("it is given back when it is dropped")
    }

    /// The same write, and its commit. Says so when it answers otherwise.
    pub fn perform(&self, op: &Op, by_model: &Result<Wrote, LedgerError>) -> Result<(), String> {
        let ledger = self.memory().ledger();
        let real = match op.clone() {
            Op::BeginRun(run) => ledger.begin_run(run).wait().map(Wrote::Run),
            Op::EndRun(run, outcome, at) => {
                ledger.end_run(run, outcome, at).wait().map(|()| Wrote::Nothing)
            }
            Op::BeginAttempt(attempt) => ledger.begin_attempt(attempt).wait().map(Wrote::Begun),
            Op::Apply(transition) => ledger.apply(transition).wait().map(|()| Wrote::Nothing),
            Op::Approve(approval) => ledger.approve(approval).map(Wrote::Approved),
            Op::Say(word) => ledger.say(vec![(word, true)]).map(|mut said| {
                Wrote::Said(said.remove(0).ok().map(|said| (said.word.number, said.before)))
            }),
            Op::Check(check) => {
                ledger.record_check(check).map(|check| Wrote::Checked(check.retake))
            }
            Op::Revoke(approval, revocation) => {
                ledger.revoke(approval, revocation).map(|_| Wrote::Nothing)
            }
        };
        self.memory().commit().map_err(|e| e.to_string())?;
        let alike = match (&real, by_model) {
            (Ok(real), Ok(model)) => real == model,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if alike { Ok(()) } else { Err(format!("{op:?}: {real:?}, but {by_model:?}")) }
    }

    /// Whether both hold the same.
    pub fn compare(&self, store: &Store) -> Result<(), String> {
        let ledger = self.memory().ledger();
        let read = |error: LedgerError| error.to_string();
        let mut rows: Vec<AttemptRecord> = Vec::new();
        ledger.each_attempt(Which::All, |attempt| rows.push(attempt)).map_err(read)?;
        for (real, model) in rows.iter().zip(store.attempts()) {
            if *real != model.record {
                return Err(format!("{real:?}, but {:?}", model.record));
            }
        }
        let count = (rows.len(), store.attempts().len());
        if count.0 != count.1 {
            return Err(format!("{count:?} attempts"));
        }
        let current = ledger.current_clips().map_err(read)?;
        let known = ledger.known_jobs().map_err(read)?;
        for row in store.attempts().iter().map(|row| &row.record) {
            let (real, model) = (current.of_job(row.job), store.current(row.job));
            if real != model {
                return Err(format!("the clip of {} is {real:?}, but {model:?}", row.address));
            }
            let latest = store.latest(&row.address).expect("it has this one");
            let known = known.get(&row.address.key()).expect("it has a row");
            let (real, model) = ((known.retake, known.state), store.planned(&latest.record));
            if real != model {
                return Err(format!("{} is planned as {real:?}, but {model:?}", row.address));
            }
        }
        if ledger.to_check().map_err(read)? != store.to_check() {
            return Err("other clips wait to be looked at".to_owned());
        }
        let (real, model) = (ledger.holdings().map_err(read)?, store.holdings());
        if real.len() != model.len() || real.iter().any(|h| !model.contains(h)) {
            return Err(format!("{real:?}, but {model:?}"));
        }
        for period in [Period::Ever, Period::Run(1)] {
            let (real, model) = (ledger.spent(period).map_err(read)?, store.spent(period));
            if real != model {
                return Err(format!("{period:?}: {real:?}, but {model:?}"));
            }
        }
        let (real, model) = (ledger.latest_event().map_err(read)?, store.latest_event());
        if real != model {
            return Err(format!("latest event {real:?}, but {model:?}"));
        }
        Ok(())
    }
}
