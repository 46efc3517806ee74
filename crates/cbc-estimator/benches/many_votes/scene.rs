//! What votes are moved in.

use std::hint::black_box;

use cbc_message::MessageHash;

/// The shapes of trees: everything on the newest block; everything on the root; two children a
/// block; a spine with a tooth at every block of it.
pub(crate) const SHAPES: [&str; 4] = ["chain", "burst", "binary", "comb"];

/// Numbers that look random and are the same on every machine.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u32) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * u64::from(n)) >> 32) as u32
    }
}

/// A tree of blocks, the weights of validators, and what they vote for in turn.
pub(crate) struct Scene {
    /// The parent of each block; the root's is itself.
    pub(crate) parents: Vec<u32>,
    pub(crate) keys: Vec<MessageHash>,
    pub(crate) weights: Vec<u64>,
    targets: Vec<u32>,
}

impl Scene {
    pub(crate) fn new(shape: &str, blocks: u32, validators: u32) -> Self {
        let parent = |block: u32| match shape {
            "chain" => block - 1,
            "burst" => 0,
            "binary" => (block - 1) / 2,
            "comb" => (block - 1) & !1,
            shape => unreachable!("{shape}"),
        };
        let parents = (0..blocks).map(|block| if block == 0 { 0 } else { parent(block) }).collect();
        let key = |block: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&block.wrapping_mul(2_654_435_761).to_be_bytes());
            MessageHash::from_bytes(bytes)
        };
        let weights = (0..u64::from(validators)).map(|v| 100_000 + v * v % 977).collect();
        // A prime number of them, so that nobody votes for the same blocks over and over.
        let mut draws = Draws(u64::from(blocks));
        let targets = (0..1_048_573).map(|_| draws.below(blocks)).collect();
        Self { parents, keys: (0..blocks).map(key).collect(), weights, targets }
    }
}

/// A fork choice told of all blocks at once and then of votes.
pub(crate) trait ForkChoice {
    fn new(scene: &Scene) -> Self;

    /// Lets the validator vote for the block.
    fn vote(&mut self, validator: u32, block: u32);

    fn head(&mut self) -> u32;
}

/// The votes of a scene, without an end.
pub(crate) struct Moves<'a> {
    scene: &'a Scene,
    validator: usize,
    target: usize,
}

impl<'a> Moves<'a> {
    pub(crate) fn of(scene: &'a Scene) -> Self {
        Self { scene, validator: 0, target: 0 }
    }

    /// Moves the next so many votes, and asks for the head.
    pub(crate) fn step(&mut self, choice: &mut impl ForkChoice, votes: u32) -> u32 {
        for _ in 0..votes {
            choice.vote(black_box(self.validator as u32), self.scene.targets[self.target]);
            self.validator += 1;
            if self.validator == self.scene.weights.len() {
                self.validator = 0;
            }
            self.target += 1;
            if self.target == self.scene.targets.len() {
                self.target = 0;
            }
        }
        choice.head()
    }
}
