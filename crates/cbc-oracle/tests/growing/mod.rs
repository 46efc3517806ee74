//! A chain that grows by one block a message, while not everybody is awake; for a test and a
//! benchmark.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use cbc_estimator::{BlockIndex, BlockTree, UpTo};
use cbc_message::{
    BlockId, BlockVote, Citation, Header, Message, ValidatorId, ValidatorSet, Weight,
};
use cbc_oracle::{CliqueOracle, FinalitySearch};
use cbc_view::{Chain, HashedDag, Limits, MessageDag, MessageIndex, View};

/// Who is awake. All see and speak in turn for three rounds; from then on
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awake {
    /// all do.
    All,
    /// the last one is offline.
    AllButOne,
    /// the last one only hears what was said so many messages ago, and votes for what was the head
    /// then.
    OneSlow(usize),
    /// two thirds hear only of each other, and so does the rest, who go on from the same block.
    Apart,
}

/// The latest message of everybody that somebody has heard of.
type Heard = Vec<Option<MessageIndex>>;

/// The chain, as somebody sees it who hears of everything.
pub(crate) struct Growing {
    pub(crate) view: View<BlockVote>,
    pub(crate) blocks: BlockTree,
    pub(crate) tip: BlockIndex,
    pub(crate) finalized: u32,
    /// How often a message was asked for its agreement.
    pub(crate) asked: Cell<u64>,
    search: FinalitySearch<View<BlockVote>, CliqueOracle>,
    awake: Awake,
    turn: u32,
    /// What was heard of, and the head, at each of the last messages, the oldest first; if the
    /// validators are apart, when they parted.
    past: VecDeque<(Heard, BlockIndex)>,
    /// The head of the rest, if the validators are apart.
    rest: BlockIndex,
}

impl Growing {
    /// The chain after so many rounds, `rounds ≥ 3`, and what is finalized then.
    pub(crate) fn new(validators: u32, rounds: u32, awake: Awake) -> Self {
        let weights = (0..validators).map(|v| Weight::new(100_000 + u64::from(v * v % 977)));
        let validators = Arc::new(ValidatorSet::new(weights).unwrap());
        let mut growing = Self {
            view: View::with_limits(Arc::clone(&validators), Limits::NONE),
            blocks: BlockTree::new(),
            tip: BlockIndex::GENESIS,
            finalized: 0,
            asked: Cell::new(0),
            search: FinalitySearch::new(CliqueOracle::new()),
            awake,
            turn: 0,
            past: VecDeque::new(),
            rest: BlockIndex::GENESIS,
        };
        for _ in 0..rounds * validators.len() as u32 {
            growing.grow();
        }
        growing.finalized = growing.finalize().unwrap();
        growing
    }

    fn heard(&self) -> Heard {
        self.view.validators().ids().map(|v| self.view.latest_message(v)).collect()
    }

    /// One more message.
    pub(crate) fn grow(&mut self) {
        let validators = Arc::clone(self.view.validators());
        let count = validators.len() as u32;
        let all_awake = self.turn < 3 * count;
        let mut sender = ValidatorId::new(self.turn % count);
        self.turn += 1;
        let is_last = sender.get() + 1 == count;
        let heard = self.heard();
        match self.awake {
            Awake::AllButOne if is_last && !all_awake => {
                self.turn += 1;
                sender = ValidatorId::new(0);
            }
            Awake::OneSlow(lag) if !all_awake => {
                self.past.push_back((heard.clone(), self.tip));
                if self.past.len() > lag {
                    self.past.pop_front();
                }
                if is_last && let Some((mut heard, head)) = self.past.front().cloned() {
                    heard[sender.index()] = self.view.latest_message(sender);
                    let block = self.id(head);
                    self.say(sender, &heard, BlockVote::Vote { block });
                    return;
                }
            }
            Awake::Apart if !all_awake => {
                if self.past.is_empty() {
                    self.past.push_back((heard.clone(), self.tip));
                    self.rest = self.tip;
                }
                let is_rest = |v: ValidatorId| 3 * v.get() >= 2 * count;
                let news = |v: ValidatorId| is_rest(v) == is_rest(sender);
                let parted = &self.past[0].0;
                let each = validators.ids().zip(heard.iter().zip(parted));
                let heard: Heard =
                    each.map(|(v, (now, then))| *if news(v) { now } else { then }).collect();
                if is_rest(sender) {
                    let parent = self.id(self.rest);
                    self.rest = self.say(sender, &heard, BlockVote::Propose { parent });
                } else {
                    self.propose(sender, &heard);
                }
                return;
            }
            _ => {}
        }
        self.propose(sender, &heard);
    }

    fn propose(&mut self, sender: ValidatorId, heard: &Heard) {
        let parent = self.id(self.tip);
        self.tip = self.say(sender, heard, BlockVote::Propose { parent });
    }

    fn say(&mut self, sender: ValidatorId, heard: &Heard, estimate: BlockVote) -> BlockIndex {
        let seen = self.view.validators().ids().zip(heard);
        let heard =
            seen.filter_map(|(v, heard)| Some((v, Citation::Latest(self.view.hash((*heard)?)))));
        let justification = self.view.justification_of(heard).unwrap();
        let message = Message::new(Header {
            sender,
            sequence_number: self.view.next_sequence_number(sender),
            justification,
            estimate,
        })
        .unwrap();
        let receipt = self.view.insert(message).unwrap();
        let message = receipt.justified.iter().next().unwrap();
        self.blocks.insert(&self.view, message).unwrap()
    }

    fn id(&self, block: BlockIndex) -> BlockId {
        let hash = |message| BlockId::Proposed(self.view.hash(message));
        self.blocks.proposal(block).map_or(BlockId::Genesis, hash)
    }

    /// The height of the deepest safe block past the last finalized.
    pub(crate) fn finalize(&mut self) -> Option<u32> {
        let chain = UpTo { blocks: &self.blocks, block: self.tip };
        let chain = Counted { chain, asked: &self.asked };
        let chain: &dyn Chain<View<BlockVote>> = &chain;
        let (view, above) = (&self.view, self.finalized);
        let answer = self.search.deepest_safe(view, view.validators(), chain, above, Weight::ZERO);
        answer.map(|(depth, _)| depth)
    }
}

/// A chain that counts its questions.
struct Counted<'a> {
    chain: UpTo<'a>,
    asked: &'a Cell<u64>,
}

impl Chain<View<BlockVote>> for Counted<'_> {
    fn depth(&self) -> u32 {
        Chain::<View<BlockVote>>::depth(&self.chain)
    }

    fn agreement(&self, dag: &View<BlockVote>, message: MessageIndex) -> u32 {
        self.asked.set(self.asked.get() + 1);
        self.chain.agreement(dag, message)
    }
}
