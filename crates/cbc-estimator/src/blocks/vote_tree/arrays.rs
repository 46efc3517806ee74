//! GHOST by arrays: all weights and heavy children in one pass over the blocks.

use cbc_message::MessageHash;

/// How many steps of one length make a run.
const RUN: u32 = 16;

/// What one pass finds out, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrays {
    /// S of each block; 0 at place 0, which is no block.
    pub(super) scores: Vec<u64>,
    /// The child with the greatest (S, key) of each block, if that S is more than 0; else 0.
    pub(super) heavy: Vec<u32>,
}

impl Arrays {
    /// Adds a block without votes.
    pub(super) fn push(&mut self) {
        self.scores.push(0);
        self.heavy.push(0);
    }

    /// Computes all from the parent of each block and the weight of the votes for it. Going
    /// backwards, children come before their parents.
    pub(super) fn pass(&mut self, keys: &[MessageHash], parents: &[u32], votes: &[u64]) {
        let count = parents.len();
        self.scores.clear();
        self.scores.extend_from_slice(votes);
        self.heavy.clear();
        self.heavy.resize(count, 0);
        let (scores, heavy) = (&mut self.scores[..count], &mut self.heavy[..count]);
        for child in (2..count).rev() {
            let score = scores[child];
            if score == 0 {
                continue;
            }
            let parent = parents[child] as usize;
            scores[parent] = scores[parent].wrapping_add(score);
            let best = heavy[parent] as usize;
            let least = scores[best];
            if score > least || (score == least && keys[child] > keys[best]) {
                heavy[parent] = child as u32;
            }
        }
    }

    /// The head from `start`, and how many steps it took.
    ///
    /// To wait for each block in turn before the next can be read would take as long as the pass.
    /// Where strides repeat, as on a chain, what to read next is guessed.
    pub(super) fn head(&self, start: u32) -> (u32, u64) {
        let (mut head, mut stride, mut repeated, mut steps) = (start, 0, 0, 0);
        loop {
            let next = self.heavy[head as usize];
            if next == 0 {
                return (head, steps);
            }
            repeated = if next - head == stride { repeated + 1 } else { 0 };
            (head, stride) = (next, next - head);
            steps += 1;
            if repeated >= RUN {
                let run = self.run(head, stride);
                head += run * stride;
                steps += u64::from(run);
                repeated = 0;
            }
        }
    }

    /// A number of steps from `start` on that all have the length `stride`: all there are, but for
    /// some at the end.
    fn run(&self, start: u32, stride: u32) -> u32 {
        let heavy = &self.heavy[start as usize..];
        if stride > 1 {
            let expected = (start + stride..).step_by(stride as usize);
            let blocks = heavy.iter().step_by(stride as usize).zip(expected);
            return blocks.take_while(|&(&next, expected)| next == expected).count() as u32;
        }
        // Without a branch for each, many are compared at once.
        let mut expected = start;
        let is_run = |blocks: &&[u32]| {
            blocks.iter().fold(true, |so_far, &next| {
                expected += 1;
                so_far & (next == expected)
            })
        };
        heavy.chunks_exact(RUN as usize).take_while(is_run).count() as u32 * RUN
    }
}
