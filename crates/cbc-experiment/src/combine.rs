//! Combinations of values that are impossible, each told at the value that makes it so.

use std::sync::Arc;

use cbc_message::{ValidatorSet, Weight};
use cbc_simulation::{
    DynOracle, OracleName, ProtocolName, Recorded, Run, Start, WithRun, rand::SeedableRng,
};
use rand_chacha::ChaCha8Rng;

use crate::adversary::Adversary;
use crate::experiment::Mode;
use crate::source::{ConfigError, Placed, Table};
use crate::weights::Weights;

/// What a protocol can do.
#[derive(Clone, Copy)]
struct Abilities {
    finalizes: bool,
    has_blocks: bool,
}

/// Finds out from a run at its start.
struct Ask;

impl WithRun for Ask {
    type Output = Abilities;

    fn with<P: Recorded + Clone>(self, run: Run<P, DynOracle<P>>) -> Abilities {
        let has_blocks = P::blocks(run.observer()).is_some();
        Abilities { finalizes: run.can_finalize(), has_blocks }
    }
}

fn abilities(protocol: ProtocolName) -> Option<Abilities> {
    let validators = Arc::new(ValidatorSet::new([Weight::new(1)]).ok()?);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let estimates: Option<Vec<_>> =
        validators.ids().map(|_| protocol.draw_estimate(&mut rng)).collect();
    let start = Start {
        oracle: OracleName::default(),
        threshold: Weight::ZERO,
        validators,
        check_estimates: true,
        first_estimates: estimates.as_deref(),
    };
    protocol.start(start, Ask).ok()
}

fn names(allows: impl Fn(Abilities) -> bool) -> String {
    let allowed = ProtocolName::ALL.into_iter().filter(|&it| abilities(it).is_some_and(&allows));
    allowed.map(ProtocolName::name).collect::<Vec<_>>().join(", ")
}

/// What a protocol cannot be combined with.
pub(crate) fn protocol(
    table: &Table<'_>,
    protocol: &Placed<ProtocolName>,
    modes: &[Placed<Mode>],
    adversaries: &[Placed<Adversary>],
) -> Result<(), ConfigError> {
    let name = protocol.value;
    let Some(Abilities { finalizes, has_blocks }) = abilities(name) else {
        return Err(table.error_at(&protocol.span, format!("protocol {name} cannot be started")));
    };
    if !finalizes {
        let allowed = names(|it| it.finalizes);
        let problem = format!("protocol {name} never finalizes: expected one of {allowed}");
        return Err(table.error_at(&protocol.span, problem));
    }
    let allowed = || names(|it| it.finalizes && it.has_blocks);
    if let Some(mode) = modes.iter().find(|it| it.value == Mode::Leader && !has_blocks) {
        let problem = format!(
            "mode leader needs blocks, which protocol {name} has not: expected one of rand, rrob, \
             full, all, or of the protocols only {}",
            allowed()
        );
        return Err(table.error_at(&mode.span, problem));
    }
    if let Some(adversary) = adversaries.iter().find(|it| it.value.equivocates() && !has_blocks) {
        let problem = format!(
            "adversary equivocate needs blocks, which protocol {name} has not: expected one of \
             none, silent, crash, or of the protocols only {}",
            allowed()
        );
        return Err(table.error_at(&adversary.span, problem));
    }
    Ok(())
}

/// What cannot be among so many validators.
pub(crate) fn sizes(
    table: &Table<'_>,
    validators: &[Placed<u32>],
    weights: &[Placed<Weights>],
    adversaries: &[Placed<Adversary>],
) -> Result<(), ConfigError> {
    for &Placed { value: count, .. } in validators {
        for weights in weights {
            if let Some(found) = weights.value.misfit(count) {
                let problem =
                    format!("{found}, and validators has {count} among it: expected one for each");
                return Err(table.error_at(&weights.span, problem));
            }
        }
        for adversary in adversaries {
            if let Some(found) = adversary.value.misfit(count) {
                let last = count - 1;
                let problem = format!(
                    "unknown {found}: expected 0 to {last}, as validators has {count} among it"
                );
                return Err(table.error_at(&adversary.span, problem));
            }
        }
    }
    Ok(())
}
