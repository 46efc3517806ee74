//! Placeholder docs.
mod estimator;
pub use estimator::{Estimator, MajorityDriven, Vote};
