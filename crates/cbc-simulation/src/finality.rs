//! Finality that failed: a view whose final value was overturned, and validators of one execution
//! who finalized what can never both be decided.

use std::fmt;

use cbc_message::{ValidatorId, Weight};
use cbc_oracle::SafetyOracle;
use cbc_view::View;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{Recorded, Run, plain};

/// In one view, what was final was overturned: the fork choice has left it, or something that
/// conflicts with it has become safe, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overturned {
    /// Whose view it is; nobody's for that of the observer who receives every message.
    pub validator: Option<ValidatorId>,
    /// What is final.
    pub finalized: Json,
    /// What is safe, and conflicts with it, if anything is.
    pub conflicting: Option<Json>,
    /// The weight of those that the view could prove to have equivocated when it was last
    /// overturned.
    pub observed_fault_weight: Weight,
    /// Whether it is so in the end; the fork choice can come back.
    pub in_the_end: bool,
}

impl fmt::Display for Overturned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { validator, finalized, conflicting, observed_fault_weight, in_the_end } = self;
        match validator {
            None => write!(f, "in the view of all messages")?,
            Some(validator) => write!(f, "in the view of validator {validator}")?,
        }
        match conflicting {
            None => write!(f, " the estimate has left {}, which is final", plain(finalized))?,
            Some(conflicting) => {
                let (conflicting, finalized) = (plain(conflicting), plain(finalized));
                write!(
                    f,
                    " {conflicting} is safe, and conflicts with {finalized}, which is final"
                )?;
            }
        }
        if !in_the_end {
            write!(f, ", but came back to it")?;
        }
        write!(f, "; validators known to have equivocated weigh {observed_fault_weight}")
    }
}

/// A value that is final for some validators, and can never be decided beside what is final for
/// others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contradicted {
    /// The value.
    pub value: Json,
    /// Those for whom it is final.
    pub validators: Vec<ValidatorId>,
}

impl fmt::Display for Contradicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who: Vec<String> = self.validators.iter().map(ToString::to_string).collect();
        let whom = if who.len() == 1 { "validator" } else { "validators" };
        write!(f, "{} is final for {whom} {}", plain(&self.value), who.join(", "))
    }
}

impl<P, O> Run<P, O>
where
    P: Recorded + Clone,
    O: SafetyOracle<View<P::Estimate>> + Clone,
{
    /// Every value that is final for some validator and conflicts with one that is final for
    /// another; none, as long as no more validators equivocate than was tolerated.
    pub fn conflicting_finality(&self) -> Vec<Contradicted> {
        let contradicting = self.contradicting_values();
        let write = |(value, validators): (P::Value, Vec<ValidatorId>)| Contradicted {
            value: P::write_value(self.notation(), self.observer(), &value),
            validators,
        };
        contradicting.into_iter().map(write).collect()
    }

    /// As [`conflicting_finality`](Self::conflicting_finality), by value, in the order of the
    /// first validators.
    pub(crate) fn contradicting_values(&self) -> Vec<(P::Value, Vec<ValidatorId>)> {
        let (protocol, estimator) = (self.observer().protocol(), self.observer().estimator());
        let mut finalized: Vec<(P::Value, Vec<ValidatorId>)> = Vec::new();
        // What is final for each, as one value, once for those for whom it is the same.
        let mut together: Vec<P::Value> = Vec::new();
        for validator in self.setup().validators.ids() {
            let Some(standing) = self.standing(validator) else { continue };
            let values: Vec<&P::Value> = standing.finalized.iter().map(|it| &it.value).collect();
            let joined = protocol.join(estimator, &values);
            together.extend(joined.filter(|joined| !together.contains(joined)));
            for value in values {
                match finalized.iter_mut().find(|(known, _)| known == value) {
                    Some((_, validators)) => validators.push(validator),
                    None => finalized.push((value.clone(), vec![validator])),
                }
            }
        }
        // What conflicts with nothing is on the chain of the deepest: usually that is all.
        let deepest = finalized.iter().max_by_key(|(value, _)| protocol.depth(estimator, value));
        let on_one_chain = deepest.is_none_or(|(deepest, _)| {
            finalized.iter().all(|(value, _)| !protocol.conflict(estimator, value, deepest))
        });
        if P::ONE_TREE && on_one_chain {
            return Vec::new();
        }
        let contradicted = |value: &P::Value| {
            together.iter().any(|other| protocol.excludes(estimator, other, value))
        };
        let keep: Vec<bool> = finalized.iter().map(|(value, _)| contradicted(value)).collect();
        let mut keep = keep.into_iter();
        finalized.retain(|_| keep.next().unwrap_or(false));
        finalized
    }
}
