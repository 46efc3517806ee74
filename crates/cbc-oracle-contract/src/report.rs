//! What an oracle finds of what there is.

use std::fmt::Write;

use cbc_validator::{BinaryConsensus, Blockchain};

use crate::Outcome;
use crate::play::Play;

/// What an oracle that keeps the contract was asked. What is asked is a candidate in a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How often the oracle was asked.
    pub asked: usize,
    /// How often the candidate is safe, by the oracle: each a claim that was held against the search.
    pub safe: usize,
}

/// By how much an oracle falls short of the search. What is asked is a candidate in a view.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shortfall {
    /// How often the oracle was asked.
    pub asked: usize,
    /// How often the candidate is safe, by the oracle.
    pub safe: usize,
    /// How often the candidate is safe, by the search.
    pub ideally_safe: usize,
    /// How often the oracle's tolerance is less than what the search allows.
    pub short: usize,
    /// By how much it is, of all these together, in parts of the total weight W.
    pub together: f64,
    /// By how much it is at most, in parts of W; 1 where nobody can turn the candidate, whoever
    /// equivocates, and the oracle finds nothing.
    pub greatest: f64,
}

/// What came of these oracles as a Markdown table, a line for each protocol and oracle, which has this name: how
/// often a candidate was asked for, was safe, and was safe by the search; how often the oracle says
/// that less is tolerated than the search, and by how much it does in these, in parts of W.
pub fn table(outcomes: &[(&str, &Outcome)]) -> String {
    let mut text = String::from(
        "| protocol | oracle | asked | safe | ideally safe | falls short | by, then, of W | by at most |\n\
         |---|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let binary = outcomes.iter().map(|(name, it)| (BinaryConsensus::NAME, name, it.binary));
    let chain = outcomes.iter().map(|(name, it)| (Blockchain::NAME, name, it.two_forks));
    for (protocol, oracle, row) in binary.chain(chain) {
        let Shortfall { asked, safe, ideally_safe, short, together, greatest } = row;
        let mean = 100.0 * together / short.max(1) as f64;
        let greatest = 100.0 * greatest;
        let _ = writeln!(
            text,
            "| {protocol} | {oracle} | {asked} | {safe} | {ideally_safe} | {short} | {mean:.1} % | \
             {greatest:.1} % |",
        );
    }
    text
}
