//! The names of oracles, and how each is made.

use std::sync::Arc;

use cbc_message::ValidatorSet;
use cbc_oracle::{CliqueOracle, SafetyOracle, poc_faults};
use cbc_oracle_adversary::{AdversaryOracle, poc_figure};
use cbc_oracle_inspector::InspectorOracle;
use cbc_oracle_turan::TuranOracle;
use cbc_view::{MessageDag, Property};

/// For each row: the variant, the name, what it is, and the oracle with its default parameters.
macro_rules! oracles {
    ($($variant:ident $name:literal $about:literal = $oracle:expr;)*) => {
        names! {
            /// A safety oracle of this workspace, by name.
            OracleName, "oracle": $($variant $name $about)*
        }

        impl OracleName {
            /// The oracle, for any kind of message DAG.
            pub fn build<D: MessageDag>(self) -> Arc<dyn SafetyOracle<D>> {
                match self {
                    $(Self::$variant => Arc::new($oracle),)*
                }
            }
        }
    };
}

oracles! {
    Clique "clique"
        "The heaviest clique of validators that see each other agree."
        = CliqueOracle::new();
    Turan "turan"
        "A clique whose size Turán's theorem promises: cheap, and low."
        = TuranOracle;
    Inspector "inspector"
        "The committee each of whose members has seen the most weight of it agree, seen that it \
         has been seen, and so on, up to ten levels."
        = InspectorOracle::new();
    Adversary "adversary"
        "The validators that an adversary in control of the network cannot turn."
        = AdversaryOracle;
}

/// The oracle that traces call so: those of the registry, and the inspector of one level.
pub(crate) fn named_in_traces<D: MessageDag>(name: &str) -> Option<Arc<dyn SafetyOracle<D>>> {
    if name == "inspector_1_level" {
        return Some(Arc::new(InspectorOracle::one_level()));
    }
    name.parse().ok().map(OracleName::build)
}

/// The oracles whose figures the proof of concept recorded.
pub(crate) const PROOF_OF_CONCEPT: [OracleName; 3] =
    [OracleName::Clique, OracleName::Turan, OracleName::Adversary];

/// The two figures that the proof of concept's oracle gives for a candidate.
pub(crate) fn poc_figures<D: MessageDag>(
    oracle: OracleName,
    dag: &D,
    validators: &ValidatorSet,
    candidate: &dyn Property<D>,
) -> (u64, u64) {
    if oracle == OracleName::Adversary {
        let (weight, faults) = poc_figure(dag, validators, candidate);
        return (weight.get(), faults as u64);
    }
    let safety = oracle.build().safety(dag, validators, candidate);
    (safety.margin.get(), poc_faults(&safety, validators) as u64)
}
