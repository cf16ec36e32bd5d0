//! Running: approved jobs become clips.
//!
//! What lives here: the job state machine, the scheduler, limits, budget, publishing clips.
//! What never does: YAML, prices, planning.
