//! Runs beside each other, over all cores.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::iter::{ParallelBridge, ParallelIterator};
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use thiserror::Error;

use crate::journal::Record;
use crate::plan::{Parameters, Plan};
use crate::run::Outcome;

/// Why a sweep stopped.
#[derive(Debug, Error)]
pub enum SweepError<E> {
    /// No threads.
    #[error("cannot start threads: {0}")]
    Threads(#[from] ThreadPoolBuildError),
    /// What came of a run could not be kept.
    #[error(transparent)]
    Keep(E),
}

/// How runs are carried out.
pub struct Sweep<R, C> {
    /// How many at a time; as many as there are cores, if 0.
    pub jobs: usize,
    /// Carries out one.
    pub carry_out: R,
    /// Says what time it is, since any moment: this layer reads no clock.
    pub clock: C,
}

impl<R, C> Sweep<R, C>
where
    R: Fn(&Parameters) -> Outcome + Sync,
    C: Fn() -> Duration + Sync,
{
    /// Carries out these runs of a plan, each on one thread, the largest first, so that no core is
    /// left waiting for one of them in the end. Hands each that is done to `keep`, one at a time, in
    /// whatever order, with how long it took.
    ///
    /// A run that panics has failed; the others go on.
    ///
    /// # Errors
    ///
    /// [`SweepError`] if there are no threads, or `keep` fails, which ends the sweep.
    pub fn over<E: Send>(
        &self,
        plan: &Plan,
        mut runs: Vec<usize>,
        keep: impl FnMut(Record, Duration) -> Result<(), E> + Send,
    ) -> Result<(), SweepError<E>> {
        runs.sort_by_key(|&run| plan.runs.get(run).map(|it| std::cmp::Reverse(it.cost())));
        let pool = ThreadPoolBuilder::new().num_threads(self.jobs).build()?;
        let keep = Mutex::new(keep);
        let one = |run: usize| {
            let Some(parameters) = plan.runs.get(run) else { return Ok(()) };
            let start = (self.clock)();
            // What a run has is dropped with it, so that nothing is left that a panic has broken.
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.carry_out)(parameters)));
            let outcome = outcome.unwrap_or_else(|panic| Outcome::Failed(said(&*panic)));
            let took = (self.clock)().saturating_sub(start);
            let mut keep = keep.lock().unwrap_or_else(PoisonError::into_inner);
            keep(Record { run, outcome }, took)
        };
        let done = pool.install(|| runs.into_iter().par_bridge().try_for_each(one));
        done.map_err(SweepError::Keep)
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_default().replace('\n', " "))
}
