//! Messages of a blockchain, in the order in which they were made.

use std::collections::BTreeMap;
use std::sync::Arc;

use cbc_message::{
    Bit, BlockId, BlockVote, Citation, Header, Justification, Message, MessageHash, ValidatorId,
    ValidatorSet, Weight, encode,
};
use cbc_oracle::CliqueOracle;
use cbc_validator::{Blockchain, Observer, SharedObserver};
use cbc_view::{Limits, MessageIndex, View};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) fn validators(count: u32) -> Arc<ValidatorSet> {
    let weights = (0..count).map(|v| Weight::new(100_000 + u64::from(v) * u64::from(v) % 977));
    Arc::new(ValidatorSet::new(weights).unwrap())
}

pub(crate) fn observer(
    validators: &Arc<ValidatorSet>,
    check: bool,
) -> Observer<Blockchain, CliqueOracle> {
    let validators = Arc::clone(validators);
    Observer::with_limits(Blockchain, CliqueOracle::new(), validators, Limits::NONE)
        .with_estimate_check(check)
}

/// Who speaks when, having heard what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// One after another, each having heard all before.
    InTurn,
    /// All at once, having heard all of the round before.
    LockStep,
    /// One after another, each having heard most of what was said before, and some of it late: about
    /// a quarter of the blocks are orphaned.
    Delayed,
}

/// Makes messages in turn or in lock step: each proposes on the block made last, or all on the head
/// of the round before.
pub(crate) struct Maker {
    observer: Observer<Blockchain, CliqueOracle>,
    pub(crate) made: usize,
    lock_step: bool,
    /// What all know who speak now, and build on.
    known: (Justification, BlockId),
}

impl Maker {
    pub(crate) fn new(validators: &Arc<ValidatorSet>, lock_step: bool) -> Self {
        let observer = observer(validators, false);
        Self { observer, made: 0, lock_step, known: (Justification::EMPTY, BlockId::Genesis) }
    }

    fn view(&self) -> &View<BlockVote> {
        self.observer.view()
    }

    pub(crate) fn make(&mut self) -> Message<BlockVote> {
        let count = self.view().validators().len();
        if !self.lock_step {
            self.known.0 = self.view().justification();
        } else if self.made.is_multiple_of(count) {
            let head = self.observer.estimate().unwrap();
            self.known =
                (self.view().justification(), self.observer.blocks().id(self.view(), head));
        }
        let sender = ValidatorId::new((self.made % count) as u32);
        let (justification, parent) = self.known.clone();
        let sequence_number = self.view().next_sequence_number(sender);
        let estimate = BlockVote::Propose { parent };
        let message =
            Message::new(Header { sender, sequence_number, justification, estimate }).unwrap();
        self.observer.receive(message.clone()).unwrap();
        if !self.lock_step {
            self.known.1 = BlockId::Proposed(message.hash());
        }
        self.made += 1;
        message
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| encode(&self.make())).collect()
    }
}

/// The bytes of so many messages.
pub(crate) fn bytes(
    validators: &Arc<ValidatorSet>,
    schedule: Schedule,
    count: usize,
) -> Vec<Vec<u8>> {
    match schedule {
        Schedule::InTurn | Schedule::LockStep => {
            Maker::new(validators, schedule == Schedule::LockStep).bytes(count)
        }
        Schedule::Delayed => delayed(validators, count),
    }
}

/// Each message reaches each validator with the next, or, of four one, up to four messages later.
fn delayed(validators: &Arc<ValidatorSet>, count: usize) -> Vec<Vec<u8>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut all = SharedObserver::new(observer(validators, false), validators.len());
    // What is under way: to whom it comes when.
    let mut due: BTreeMap<usize, Vec<(usize, MessageIndex)>> = BTreeMap::new();
    let mut bytes = Vec::with_capacity(count);
    for made in 0..count {
        for (receiver, message) in due.remove(&made).unwrap_or_default() {
            all.of(receiver).receive_held(message).unwrap();
        }
        let maker = made % validators.len();
        let message = all.of(maker).make_message(ValidatorId::new(maker as u32)).unwrap();
        bytes.push(encode(&message));
        let message = MessageIndex::new(made as u32);
        for receiver in (0..validators.len()).filter(|&receiver| receiver != maker) {
            let delay = if rng.random_range(0..4) > 0 { 1 } else { rng.random_range(2..5) };
            due.entry(made + delay).or_default().push((receiver, message));
        }
    }
    let mut all_heard = observer(validators, false);
    bytes.iter().for_each(|bytes| drop(all_heard.receive(cbc_message::decode(bytes).unwrap())));
    let head = all_heard.estimate().unwrap();
    let kept = f64::from(all_heard.blocks().height(head)) / count as f64;
    assert!(count < 1000 || (0.65..0.85).contains(&kept), "{kept} of the blocks are not orphaned");
    bytes
}

/// A view, and a message that cites one of each validator, of which each two had seen something
/// else of everybody.
pub(crate) fn adversarial(count: u32) -> (View<Bit>, Message<Bit>) {
    const SPOKEN: u32 = 8;
    let mut view: View<Bit> = View::with_limits(validators(count), Limits::NONE);
    let mut say = |sender: u32, number: u32, cited: Vec<(u32, MessageHash)>| {
        let cite = |(validator, hash)| (ValidatorId::new(validator), Citation::Latest(hash));
        let header = Header {
            sender: ValidatorId::new(sender),
            sequence_number: number.into(),
            justification: Justification::new(cited.into_iter().map(cite).collect()).unwrap(),
            estimate: Bit::One,
        };
        let message = Message::new(header).unwrap();
        view.insert(message.clone()).unwrap();
        message
    };
    // Everybody speaks alone, then once having heard of everybody something of its own choice.
    let mut own: Vec<Vec<MessageHash>> = vec![Vec::new(); count as usize];
    for number in 0..SPOKEN {
        for (sender, own) in (0..).zip(&mut own) {
            let before = own.last().map(|&hash| (sender, hash));
            own.push(say(sender, number, before.into_iter().collect()).hash());
        }
    }
    let heard = |sender: u32, of: u32| match of == sender {
        true => SPOKEN - 1,
        false => (of * 7 + sender * 3) % SPOKEN,
    };
    let second: Vec<(u32, MessageHash)> = (0..count)
        .map(|sender| {
            let cited = (0..count).map(|of| (of, own[of as usize][heard(sender, of) as usize]));
            (sender, say(sender, SPOKEN, cited.collect()).hash())
        })
        .collect();
    let cite = |&(validator, hash): &_| (ValidatorId::new(validator), Citation::Latest(hash));
    let last = Message::new(Header {
        sender: ValidatorId::new(0),
        sequence_number: u64::from(SPOKEN) + 1,
        justification: Justification::new(second.iter().map(cite).collect()).unwrap(),
        estimate: Bit::One,
    });
    (view, last.unwrap())
}
