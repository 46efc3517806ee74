//! The oracles that the program knows.

use std::fmt;
use std::sync::Arc;

use cbc_message::ValidatorSet;
use cbc_oracle::{CliqueOracle, SafetyOracle, poc_faults};
use cbc_oracle_adversary::{AdversaryOracle, poc_figure};
use cbc_oracle_inspector::InspectorOracle;
use cbc_oracle_turan::TuranOracle;
use cbc_simulation::trace::OracleRegistry;
use cbc_view::{MessageDag, Property};
use clap::ValueEnum;

/// A safety oracle, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OracleName {
    /// The heaviest clique of validators that see each other agree.
    #[default]
    Clique,
    /// A clique whose size Turán's theorem promises: cheap, and low.
    Turan,
    /// The committee each of whose members has seen the most weight of it agree, seen that it has
    /// been seen, and so on, up to ten levels.
    Inspector,
    /// The validators that an adversary in control of the network cannot turn.
    Adversary,
}

impl OracleName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clique, Self::Turan, Self::Inspector, Self::Adversary];

    /// The oracle, for any kind of message DAG.
    pub fn build<D: MessageDag>(self) -> Arc<dyn SafetyOracle<D>> {
        match self {
            Self::Clique => Arc::new(CliqueOracle::new()),
            Self::Turan => Arc::new(TuranOracle),
            Self::Inspector => Arc::new(InspectorOracle::new()),
            Self::Adversary => Arc::new(AdversaryOracle),
        }
    }
}

impl fmt::Display for OracleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.pad(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// All oracles, for replays.
#[derive(Clone, Copy, Debug, Default)]
pub struct Oracles;

impl OracleRegistry for Oracles {
    fn oracle<D: MessageDag>(&self, name: &str) -> Option<Arc<dyn SafetyOracle<D>>> {
        if name == "inspector_1_level" {
            return Some(Arc::new(InspectorOracle::one_level()));
        }
        OracleName::from_str(name, false).ok().map(OracleName::build)
    }

    fn recorded(&self) -> &[&'static str] {
        &["clique", "turan", "adversary"]
    }

    fn poc_figures<D: MessageDag>(
        &self,
        name: &str,
        dag: &D,
        validators: &ValidatorSet,
        candidate: &dyn Property<D>,
    ) -> Option<(u64, u64)> {
        let name = OracleName::from_str(name, false).ok()?;
        if name == OracleName::Adversary {
            let (weight, faults) = poc_figure(dag, validators, candidate);
            return Some((weight.get(), faults as u64));
        }
        let safety = name.build().safety(dag, validators, candidate);
        Some((safety.margin.get(), poc_faults(&safety, validators) as u64))
    }
}
