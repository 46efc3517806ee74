//! What came of a run, written in the trace format.

use std::collections::{BTreeMap, BTreeSet};

use cbc_message::ValidatorSet;
use cbc_oracle::{Safety, poc_faults};
use cbc_validator::Observer;
use cbc_view::{HashedDag, MessageDag, MessageIndex, Seen, View};
use serde_json::{Map, Value as Json, json};

use crate::notation::GENESIS;
use crate::registry::{PROOF_OF_CONCEPT, named_in_traces, poc_figures};
use crate::run::Run;
use crate::{DynOracle, OracleName, Recorded};

/// Writes what came of a run.
pub(super) struct Writer<'a, P: Recorded> {
    pub(super) run: &'a Run<P, DynOracle<P>>,
}

impl<P: Recorded + Clone> Writer<'_, P> {
    pub(super) fn messages(&self) -> Json {
        let observer = self.run.observer();
        let mut messages = Map::new();
        if P::STARTS_FROM_GENESIS {
            let mut genesis = json!({
                "sender": 0, "sequence_number": -1, "estimate": null, "justification": {},
                "display_height": 0,
            });
            if P::blocks(observer).is_some() {
                genesis["height"] = json!(1);
                genesis["block_height"] = json!(0);
            }
            messages.insert(GENESIS.to_owned(), genesis);
        }
        for (number, name) in (0..).map(MessageIndex::new).zip(self.run.notation().names()) {
            messages.insert(name.to_owned(), self.message(number));
        }
        Json::Object(messages)
    }

    fn message(&self, index: MessageIndex) -> Json {
        let (observer, notation) = (self.run.observer(), self.run.notation());
        let view = observer.view();
        // In full, as the traces have it: of an equivocator the proof that the observer has.
        let name = |message| notation.name(&view.hash(message));
        let citations = view.citations(index).iter();
        let justification: Map<String, Json> = citations
            .filter_map(|(validator, seen)| {
                let written = match seen {
                    Seen::Nothing | Seen::Dropped => return None,
                    Seen::Latest(message) => json!(name(message)),
                    Seen::Equivocation => {
                        let mut proof = view.equivocation(validator)?.messages;
                        if view.hash(proof.0) > view.hash(proof.1) {
                            proof = (proof.1, proof.0);
                        }
                        json!([name(proof.0), name(proof.1)])
                    }
                };
                Some((validator.to_string(), written))
            })
            .collect();
        let mut written = json!({
            "sender": view.sender(index),
            "sequence_number": view.sequence_number(index),
            "estimate": P::write_estimate(notation, view.estimate(index)),
            "justification": justification,
            "display_height": self.run.display_heights().get(index.index()),
        });
        if let Some(blocks) = P::blocks(observer) {
            let height = blocks.voted_by(index).map(|block| blocks.height(block) + 1);
            written["height"] = json!(height);
            written["block_height"] = json!(height.map(|height| height - 1));
        }
        written
    }

    /// A view; with `wanted`, the safety of the candidates that it names by the oracles that it
    /// names, and whatever else it asks for.
    pub(super) fn view(
        &self,
        observer: &Observer<P, DynOracle<P>>,
        wanted: Option<&Map<String, Json>>,
    ) -> Json {
        let (view, notation) = (observer.view(), self.run.notation());
        let mut justified: BTreeSet<String> =
            view.justified_messages().map(|message| notation.name(&view.hash(message))).collect();
        if P::STARTS_FROM_GENESIS {
            justified.insert(GENESIS.to_owned());
        }
        let held_back = view.held_back().map(|held| view.hash(held));
        let pending = view.pending_messages().map(|message| message.hash()).chain(held_back);
        let pending: BTreeSet<String> = pending.map(|hash| notation.name(&hash)).collect();
        let latest: Map<String, Json> = view
            .latest_messages()
            .map(|(validator, message)| {
                (validator.to_string(), json!(notation.name(&view.hash(message))))
            })
            .collect();
        let write = |value| P::write_value(notation, observer, &value);
        let mut written = json!({
            "justified": justified,
            "pending": pending,
            "latest_messages": latest,
            "estimate": observer.estimate_from_genesis().map(write),
            "safety": self.safety(observer, wanted),
        });
        if wanted.is_none_or(|wanted| wanted.contains_key("last_finalized")) {
            written["last_finalized"] =
                json!(self.run.recorded_last_finalized(observer).map(write));
        }
        for key in wanted.into_iter().flat_map(Map::keys) {
            let further = match key.as_str() {
                "equivocators" => {
                    let equivocators = view.equivocations().map(|proof| proof.validator);
                    json!(equivocators.collect::<Vec<_>>())
                }
                "observed_fault_weight" => json!(view.observed_fault_weight()),
                "safety_of_value" => {
                    self.safety_of_values(observer, wanted.and_then(|wanted| wanted.get(key)))
                }
                rule => match P::estimate_by(rule, notation, observer) {
                    Some(estimate) => estimate,
                    None => continue,
                },
            };
            written[key] = further;
        }
        written
    }

    /// The safety, in the proof of concept's figures, of the candidates that messages stand for.
    fn safety(
        &self,
        observer: &Observer<P, DynOracle<P>>,
        wanted: Option<&Map<String, Json>>,
    ) -> Json {
        let (view, notation) = (observer.view(), self.run.notation());
        let wanted = wanted.and_then(|wanted| wanted.get("safety")?.as_object());
        let candidates: BTreeMap<String, MessageIndex> = view
            .justified_messages()
            .map(|message| (notation.name(&view.hash(message)), message))
            .collect();
        let mut written = Map::new();
        for (name, index) in candidates {
            let oracles: Vec<OracleName> = match wanted.map(|wanted| wanted.get(&name)) {
                None => PROOF_OF_CONCEPT.to_vec(),
                Some(None) => continue,
                Some(Some(wanted)) => {
                    let names = wanted.as_object().into_iter().flat_map(Map::keys);
                    names.filter_map(|name| name.parse().ok()).collect()
                }
            };
            let Some(candidate) = P::candidate_of(observer, index) else { continue };
            let property = observer.protocol().property(observer.estimator(), &candidate);
            let figures = oracles.into_iter().map(|oracle| {
                let figures = poc_figures(oracle, view, view.validators(), &property);
                (oracle.to_string(), json!(figures))
            });
            written.insert(name, Json::Object(figures.collect()));
        }
        Json::Object(written)
    }

    fn safety_of_values(
        &self,
        observer: &Observer<P, DynOracle<P>>,
        wanted: Option<&Json>,
    ) -> Json {
        let mut written = Map::new();
        for (text, oracles) in wanted.and_then(Json::as_object).into_iter().flatten() {
            let json = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
            let Some(value) = P::read_value(self.run.notation(), observer, &json) else { continue };
            let answers = oracles.as_object().into_iter().flat_map(Map::keys).filter_map(|name| {
                let oracle = named_in_traces::<View<P::Estimate>>(name)?;
                let safety = observer.safety_by(oracle.as_ref(), &value);
                Some((name.clone(), write_safety(&safety, observer.view().validators())))
            });
            written.insert(text.clone(), Json::Object(answers.collect()));
        }
        Json::Object(written)
    }

    /// What `expect` asks for of the run as a whole.
    pub(super) fn expectation(&self, key: &str, wanted: &Json) -> Option<Json> {
        match key {
            "messages" => Some(self.messages()),
            "every_message_valid" => Some(json!(self.every_message_is_valid())),
            "global" => Some(self.view(self.run.observer(), wanted.as_object())),
            _ => None,
        }
    }

    /// Whether somebody who checks V1–V5 and V8 finds every message valid.
    fn every_message_is_valid(&self) -> bool {
        let mut checking = self.run.setup().observer().with_estimate_check(true);
        let view = self.run.observer().view();
        let mut messages = view.justified_messages();
        messages.all(|message| {
            view.message(message).is_some_and(|message| checking.receive(message).is_ok())
        })
    }
}

/// An oracle's answer, in full.
pub fn write_safety(safety: &Safety, validators: &ValidatorSet) -> Json {
    json!({
        "quorum_weight": safety.quorum.weight,
        "quorum": safety.quorum.members,
        "margin": safety.margin,
        "fault_tolerance": safety.fault_tolerance,
        "faults": safety.faults,
        "poc_faults": poc_faults(safety, validators),
        "exact": safety.exact,
        "bound": safety.bound,
    })
}
