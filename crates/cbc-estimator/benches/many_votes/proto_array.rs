//! The array of nodes of Ethereum clients, written from its idea: votes name blocks by their roots,
//! changes are collected from all votes, and each node knows its best child and descendant.
//!
//! What the clients keep beside and ours has nothing like (slots, checkpoints, states of execution)
//! is left out, as are the copies of all balances that they make: that is to the array's advantage.

#![allow(clippy::disallowed_types, reason = "what the clients use; nothing is iterated")]

use std::collections::HashMap;

use cbc_message::MessageHash;

use crate::scene::{ForkChoice, Scene};

struct Node {
    root: MessageHash,
    parent: Option<usize>,
    weight: u64,
    best_child: Option<usize>,
    best_descendant: Option<usize>,
}

/// The latest vote of a validator: that which is counted, and that which is to be.
#[derive(Clone, Copy)]
struct Vote {
    current: Option<MessageHash>,
    next: Option<MessageHash>,
}

pub(crate) struct ProtoArray {
    nodes: Vec<Node>,
    indices: HashMap<MessageHash, usize>,
    votes: Vec<Vote>,
    balances: Vec<u64>,
    deltas: Vec<i64>,
}

impl ForkChoice for ProtoArray {
    fn new(scene: &Scene) -> Self {
        let node = |(block, (&parent, &root)): (usize, (&u32, &MessageHash))| Node {
            root,
            parent: (block > 0).then_some(parent as usize),
            weight: 0,
            best_child: None,
            best_descendant: None,
        };
        let blocks = scene.parents.iter().zip(&scene.keys).enumerate();
        Self {
            nodes: blocks.map(node).collect(),
            indices: scene.keys.iter().enumerate().map(|(index, &root)| (root, index)).collect(),
            votes: vec![Vote { current: None, next: None }; scene.weights.len()],
            balances: scene.weights.clone(),
            deltas: Vec::new(),
        }
    }

    fn vote(&mut self, validator: u32, block: u32) {
        self.votes[validator as usize].next = Some(self.nodes[block as usize].root);
    }

    fn head(&mut self) -> u32 {
        self.compute_deltas();
        self.apply_score_changes();
        let root = &self.nodes[0];
        root.best_descendant.unwrap_or(0) as u32
    }
}

impl ProtoArray {
    fn compute_deltas(&mut self) {
        self.deltas.clear();
        self.deltas.resize(self.nodes.len(), 0);
        for (vote, &balance) in self.votes.iter_mut().zip(&self.balances) {
            if vote.current == vote.next {
                continue;
            }
            if let Some(&index) = vote.current.and_then(|root| self.indices.get(&root)) {
                self.deltas[index] -= balance as i64;
            }
            if let Some(&index) = vote.next.and_then(|root| self.indices.get(&root)) {
                self.deltas[index] += balance as i64;
            }
            vote.current = vote.next;
        }
    }

    fn apply_score_changes(&mut self) {
        for index in (0..self.nodes.len()).rev() {
            let (node, delta) = (&mut self.nodes[index], self.deltas[index]);
            node.weight = node.weight.wrapping_add_signed(delta);
            if let Some(parent) = node.parent {
                self.deltas[parent] += delta;
            }
        }
        for index in (0..self.nodes.len()).rev() {
            if let Some(parent) = self.nodes[index].parent {
                self.renew_best(parent, index);
            }
        }
    }

    /// Looks again whether `child` is the best child of `parent`.
    fn renew_best(&mut self, parent: usize, child: usize) {
        let candidate = &self.nodes[child];
        let descendant = candidate.best_descendant.unwrap_or(child);
        let best = match self.nodes[parent].best_child {
            // Nothing is chosen for which nobody votes.
            Some(best) if best == child => (candidate.weight > 0).then_some(child),
            Some(best) => {
                let rival = &self.nodes[best];
                let wins = candidate.weight > rival.weight
                    || (candidate.weight == rival.weight && candidate.root > rival.root);
                Some(if wins { child } else { best })
            }
            None => (candidate.weight > 0).then_some(child),
        };
        let node = &mut self.nodes[parent];
        if best != Some(child) && best == node.best_child {
            return;
        }
        node.best_child = best;
        node.best_descendant = best.map(|_| descendant);
    }
}
