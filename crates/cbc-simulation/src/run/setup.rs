//! What a run is set up with.

use std::sync::Arc;

use cbc_message::{ValidatorSet, Weight};
use cbc_validator::Observer;
use cbc_view::Limits;

use crate::Recorded;

/// Parameters of a run, besides its execution.
#[derive(Clone, Debug)]
pub struct Setup<P, O> {
    /// What is decided, and how.
    pub protocol: P,
    /// The oracle that all finalize by.
    pub oracle: O,
    /// The validators.
    pub validators: Arc<ValidatorSet>,
    /// The fault tolerance at which they finalize.
    pub threshold: Weight,
    /// Whether they check rule V5.
    pub check_estimates: bool,
    /// The items of orders; none in other protocols.
    pub items: Vec<String>,
}

impl<P: Recorded + Clone, O: Clone> Setup<P, O> {
    /// Somebody who has seen nothing, and keeps whatever the execution sends.
    pub fn observer(&self) -> Observer<P, O> {
        let (protocol, oracle) = (self.protocol.clone(), self.oracle.clone());
        Observer::with_limits(protocol, oracle, Arc::clone(&self.validators), Limits::NONE)
            .with_threshold(self.threshold)
            .with_estimate_check(self.check_estimates)
    }
}
