//! Walking a plan: chunks are made on all cores and consumed in the plan's order.
//!
//! What lives here: the order, the bound on memory, and handing jobs to another thread. What
//! never does: what a job is.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rayon::prelude::*;

use super::diff::Planned;
use super::expand::{Chunk, Expander};
use super::planner::{ChunkSpec, Planner};
use crate::ledger::KnownJobs;
use crate::template::Engine;

/// How many chunks are made while as many are consumed, for each thread. Enough to keep all
/// busy; small enough that a plan of any size takes a few megabytes.
const CHUNKS_PER_THREAD: usize = 8;

/// How many chunks wait for a slow consumer on another thread.
const WAITING_CHUNKS: usize = 4;

impl Planner {
    /// Gives every chunk to `consume`, in the plan's order. While one window of chunks is
    /// consumed on this thread, the next one is made by the others.
    pub(super) fn walk(
        &self,
        known: &KnownJobs,
        mut consume: impl FnMut(Chunk) -> ControlFlow<()>,
    ) {
        let engine = Engine::new(&self.catalogue.limits);
        let compiled = match self.compile(&engine) {
            Ok(compiled) => compiled,
            // `Planner::new` compiled the same sources, and reported what doesn't compile.
            Err(_) => return,
        };
        let expander = Expander { planner: self, shots: &compiled, known };
        let window = rayon::current_num_threads().max(1) * CHUNKS_PER_THREAD;
        let mut specs = self.chunks();
        let make = |specs: Vec<ChunkSpec>| -> Vec<Chunk> {
            specs.into_par_iter().map(|spec| expander.chunk(spec)).collect()
        };
        let first = self.narrowed.as_ref().and_then(|narrowed| narrowed.first);
        let mut left = first.unwrap_or(u64::MAX);
        let mut consume = |chunk: Chunk| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            let jobs = chunk.jobs.len() as u64;
            // What is summed and said of a chunk is of all its jobs, so a part is made anew; also
            // where jobs after the last one wait for pictures.
            let more = jobs > left || jobs == left && !chunk.waiting.is_empty();
            let chunk = if more { expander.first_of(chunk.spec, left) } else { chunk };
            left -= jobs.min(left);
            consume(chunk)
        };
        let mut ready = make(specs.by_ref().take(window).collect());
        while !ready.is_empty() {
            let coming: Vec<ChunkSpec> = specs.by_ref().take(window).collect();
            let mut next = Vec::new();
            let flow = rayon::in_place_scope(|scope| {
                if !coming.is_empty() {
                    scope.spawn(|_| next = make(coming));
                }
                ready.drain(..).try_for_each(&mut consume)
            });
            if flow.is_break() {
                return;
            }
            ready = next;
        }
    }

    /// Gives the jobs to `consume`, some at a time, in the plan's order. Jobs with a problem are
    /// left out; [`super::build`] reports them.
    pub fn for_each(
        &self,
        known: &KnownJobs,
        mut consume: impl FnMut(Vec<Planned>) -> ControlFlow<()>,
    ) {
        self.walk(known, |chunk| consume(chunk.jobs));
    }

    /// The same from another thread, as an iterator that is never far ahead of its reader.
    /// Dropping it stops the planning.
    pub fn stream(&self, known: Arc<KnownJobs>) -> PlanStream {
        let (send, jobs) = sync_channel(WAITING_CHUNKS);
        let planner = self.clone();
        std::thread::spawn(move || {
            planner.for_each(&known, |jobs| match send.send(jobs) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
        });
        PlanStream { jobs, current: Vec::new().into_iter() }
    }
}

/// The jobs of a plan, in its order.
#[derive(Debug)]
pub struct PlanStream {
    jobs: Receiver<Vec<Planned>>,
    current: std::vec::IntoIter<Planned>,
}

impl Iterator for PlanStream {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        loop {
            if let Some(job) = self.current.next() {
                return Some(job);
            }
            self.current = self.jobs.recv().ok()?.into_iter();
        }
    }
}
