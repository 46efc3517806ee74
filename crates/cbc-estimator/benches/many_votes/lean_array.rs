//! The least that recomputes everything: weights and best children in one pass over two arrays.

use cbc_message::MessageHash;

use crate::scene::{ForkChoice, Scene};

/// In place of a block: none.
const NONE: u32 = u32::MAX;

/// A parent and the weight of the votes for each block. For a head, weights are added up backwards,
/// from children to parents, and the best child of each block is kept on the way.
pub(crate) struct LeanArray {
    parents: Vec<u32>,
    keys: Vec<MessageHash>,
    weights: Vec<u64>,
    scores: Vec<u64>,
    best: Vec<u32>,
    validators: Vec<u64>,
    votes: Vec<u32>,
}

impl ForkChoice for LeanArray {
    fn new(scene: &Scene) -> Self {
        Self {
            parents: scene.parents.clone(),
            keys: scene.keys.clone(),
            weights: vec![0; scene.parents.len()],
            scores: Vec::new(),
            best: Vec::new(),
            validators: scene.weights.clone(),
            votes: vec![NONE; scene.weights.len()],
        }
    }

    fn vote(&mut self, validator: u32, block: u32) {
        let weight = self.validators[validator as usize];
        let before = std::mem::replace(&mut self.votes[validator as usize], block);
        if before != NONE {
            self.weights[before as usize] -= weight;
        }
        self.weights[block as usize] += weight;
    }

    fn head(&mut self) -> u32 {
        let count = self.parents.len();
        self.scores.clear();
        self.scores.extend_from_slice(&self.weights);
        self.best.clear();
        self.best.resize(count, NONE);
        let (scores, best) = (&mut self.scores[..count], &mut self.best[..count]);
        for child in (1..count).rev() {
            let score = scores[child];
            if score == 0 {
                continue;
            }
            let parent = self.parents[child] as usize;
            scores[parent] += score;
            let rival = best[parent];
            let wins = rival == NONE || {
                let rival = rival as usize;
                score > scores[rival]
                    || (score == scores[rival] && self.keys[child] > self.keys[rival])
            };
            if wins {
                best[parent] = child as u32;
            }
        }
        let mut head = 0;
        while best[head as usize] != NONE {
            head = best[head as usize];
        }
        head
    }
}
