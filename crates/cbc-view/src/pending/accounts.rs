//! Who pays for what is pending, and what leaves first (see [`Limits`]).

use std::collections::BTreeMap;

use cbc_message::ValidatorId;

use crate::Limits;
use crate::pending::links::{Links, List, NOWHERE, Place};

/// An account for each validator, of the pending messages that it pays for.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Of those that ever paid for something.
    accounts: BTreeMap<ValidatorId, Account>,
    /// The lists of all accounts, of the places of messages.
    links: Links,
    /// What all pay for, in bytes.
    bytes: usize,
    /// Whether some validator is known to equivocate.
    is_some_discounted: bool,
}

#[derive(Clone, Debug)]
struct Account {
    bytes: usize,
    count: usize,
    /// The messages that nobody wanted when they arrived, in the order of their arrival.
    unwanted: List,
    /// The messages that were wanted when they arrived, in the order of their arrival.
    wanted: List,
    /// Whether what is paid for here makes others wanted: not for a known equivocator.
    counts: bool,
    /// The bytes of messages of equivocators that are justified since something paid for here
    /// waits for them, and is not yet justified itself.
    let_in: usize,
}

/// What is known of a pending message's costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) payer: ValidatorId,
    /// Whether something pending waited for it when it arrived.
    pub(crate) wanted: bool,
    pub(crate) bytes: usize,
    /// The bytes of messages of equivocators that were let in for it.
    pub(crate) let_in: usize,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            links: Links::default(),
            bytes: 0,
            is_some_discounted: false,
        }
    }

    fn of(&self, payer: ValidatorId) -> &Account {
        self.accounts.get(&payer).unwrap_or(&Account::EMPTY)
    }

    /// What all pay for, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What `payer` pays for, in bytes.
    pub(crate) fn bytes_of(&self, payer: ValidatorId) -> usize {
        self.of(payer).bytes
    }

    /// Whether what `payer` pays for makes others wanted.
    pub(crate) fn counts(&self, payer: ValidatorId) -> bool {
        self.of(payer).counts
    }

    /// Whether what anybody pays for makes no others wanted.
    pub(crate) fn is_some_discounted(&self) -> bool {
        self.is_some_discounted
    }

    /// Where the messages are that `payer` pays for and that wait for something.
    pub(crate) fn places(&self, payer: ValidatorId) -> Vec<Place> {
        let account = self.of(payer);
        self.links.iter(account.wanted).chain(self.links.iter(account.unwanted)).collect()
    }

    /// What `payer` pays for makes nothing wanted from now on: it is known to equivocate.
    pub(crate) fn discount(&mut self, payer: ValidatorId) {
        self.is_some_discounted = true;
        self.accounts.entry(payer).or_insert(Account::EMPTY).counts = false;
    }

    /// The message at `place` is pending.
    pub(crate) fn enter(&mut self, charge: Charge, place: Place) {
        let Self { accounts, links, bytes, .. } = self;
        let account = accounts.entry(charge.payer).or_insert(Account::EMPTY);
        *bytes += charge.bytes;
        account.bytes += charge.bytes;
        account.count += 1;
        links.push(account.list(charge.wanted), place);
    }

    /// The message at `place` waits for nothing any more: it is paid for, but not to be dropped.
    pub(crate) fn keep(&mut self, charge: Charge, place: Place) {
        let account = self.accounts.entry(charge.payer).or_insert(Account::EMPTY);
        self.links.remove(account.list(charge.wanted), place);
    }

    /// A message is pending no more. If it could have been dropped, `place` is where it was.
    pub(crate) fn leave(&mut self, charge: Charge, place: Option<Place>) {
        if let Some(place) = place {
            self.keep(charge, place);
        }
        let account = self.accounts.entry(charge.payer).or_insert(Account::EMPTY);
        account.bytes -= charge.bytes;
        account.count -= 1;
        self.bytes -= charge.bytes;
    }

    /// The place of the message that has to go, if a limit is exceeded since a message was entered
    /// that `payer` pays for. O(1) within the limits, or O(V).
    ///
    /// Who has a single message keeps it, whatever its size.
    pub(crate) fn excess(&self, payer: ValidatorId, limits: &Limits) -> Option<Place> {
        let account = self.of(payer);
        if account.bytes > limits.pending_per_validator
            && let Some(place) = account.first_out()
        {
            return Some(place);
        }
        if self.bytes <= limits.pending {
            return None;
        }
        let most = self.accounts.values().filter(|account| account.first_out().is_some());
        most.max_by_key(|account| account.bytes)?.first_out()
    }

    /// Whether a message of an equivocator may be stored because something that `payer` pays for
    /// waits for it; then it is owed, until that is justified.
    pub(crate) fn let_in(&mut self, payer: ValidatorId, bytes: usize, limits: &Limits) -> bool {
        let account = self.accounts.entry(payer).or_insert(Account::EMPTY);
        let room = limits.unwanted_per_validator.saturating_sub(account.let_in) >= bytes;
        if room {
            account.let_in += bytes;
        }
        room
    }

    /// What was let in for a message, and paid for by `payer`, is owed by `to` from now on; by
    /// nobody, if that message is justified and its sender no equivocator.
    pub(crate) fn settle(&mut self, payer: ValidatorId, bytes: usize, to: Option<ValidatorId>) {
        self.accounts.entry(payer).or_insert(Account::EMPTY).let_in -= bytes;
        if let Some(to) = to {
            self.accounts.entry(to).or_insert(Account::EMPTY).let_in += bytes;
        }
    }
}

impl Account {
    /// That of whoever has paid for nothing yet.
    const EMPTY: Self = Self {
        bytes: 0,
        count: 0,
        unwanted: List::EMPTY,
        wanted: List::EMPTY,
        counts: true,
        let_in: 0,
    };

    fn list(&mut self, wanted: bool) -> &mut List {
        if wanted { &mut self.wanted } else { &mut self.unwanted }
    }

    /// What goes first: the oldest that nobody wanted, or else the oldest. Not the only one.
    fn first_out(&self) -> Option<Place> {
        let list = if self.unwanted.is_empty() { self.wanted } else { self.unwanted };
        (self.count > 1 && list.first() != NOWHERE).then_some(list.first())
    }
}
