//! Phases 2 and 3: some turn out to be equivocators, and the adversary turns the others, one after
//! another.

use std::cmp::Reverse;
use std::sync::Arc;

use cbc_message::{ValidatorId, Weight};
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};

use super::Corruption;
use super::arena::Arena;
use super::set::Messages;
use super::world::{Record, World};

/// Whom the adversary corrupts: nobody that finalized, and as much as the tolerance allows, or as
/// little of the quorum as goes beyond it; or the `next` to that.
pub(super) fn corrupt<P: Arena>(
    world: &mut World<P>,
    lock: &Record<P::Value>,
    corruption: Corruption,
    next: usize,
) -> Option<Vec<ValidatorId>> {
    let validators = Arc::clone(&world.validators);
    let members = |bits: u32| validators.ids().filter(move |id| bits >> id.get() & 1 == 1);
    let weight = |bits: u32| validators.weight_of(members(bits));
    let finalizer = 1 << lock.validator.get();
    let mut sets: Vec<u32> =
        (0..1 << validators.len()).filter(|set| set & finalizer == 0).collect();
    sets.shuffle(&mut world.rng);
    match corruption {
        Corruption::Within => {
            sets.retain(|&set| weight(set) <= lock.tolerance);
            if world.rng.random_bool(0.8) {
                sets.sort_by_key(|&set| Reverse(weight(set)));
            }
        }
        Corruption::Beyond => {
            let quorum = lock.quorum.iter().fold(0, |bits, id| bits | 1 << id.get());
            // Somebody honest is to be left besides the one that finalized.
            let most = validators.len() as u32 - 2;
            sets.retain(|&set| {
                set & !quorum == 0 && set.count_ones() <= most && weight(set) > lock.tolerance
            });
            sets.sort_by_key(|&set| weight(set));
        }
    }
    Some(members(*sets.get(next)?).collect())
}

/// The attack on what `lock` says is final.
pub(super) struct Attack<V> {
    pub(super) lock: Record<V>,
    pub(super) equivocators: Vec<ValidatorId>,
    pub(super) honest: Vec<ValidatorId>,
    /// The side against the value, where there is a choice.
    pub(super) side: bool,
}

impl<V: Clone + Eq> Attack<V> {
    /// Turns whom it can; then those turned try to finalize something else.
    pub(super) fn carry_out<P: Arena<Value = V>>(&self, world: &mut World<P>) {
        while self.honest.iter().filter(|&&victim| self.turn(world, victim)).count() > 0 {}
        for _ in 0..3 {
            self.rally(world);
        }
    }

    /// Without a plan: forks and deliveries at random.
    pub(super) fn harass<P: Arena<Value = V>>(&self, world: &mut World<P>) {
        for _ in 0..world.rng.random_range(0..12) {
            let some = self.some(world);
            if let Some(&forger) = self.equivocators.choose(&mut world.rng)
                && !world.exposes(some, forger)
                && world.rng.random_bool(0.3)
            {
                world.forge(forger, some, self.side);
            } else if let Some(&victim) = self.honest.choose(&mut world.rng) {
                world.deliver(victim, some);
                if world.rng.random_bool(0.7) {
                    world.speak(victim, self.side);
                }
            }
        }
    }

    /// The partition heals: everybody sees everything, and speaks.
    pub(super) fn heal<P: Arena<Value = V>>(&self, world: &mut World<P>) {
        for _ in 0..2 {
            let cones = world.messages().map(|message| world.cone(message));
            let everything = cones.fold(Messages::EMPTY, Messages::union);
            for &validator in &self.honest {
                world.deliver(validator, everything);
            }
            for &validator in &self.honest {
                world.speak(validator, self.side);
            }
        }
    }

    /// Some messages, and all that they cite.
    fn some<P: Arena<Value = V>>(&self, world: &mut World<P>) -> Messages {
        let mut set = Messages::EMPTY;
        for message in world.messages() {
            if world.rng.random_bool(0.15) {
                set = set.union(world.cone(message));
            }
        }
        set
    }

    /// Whether `validator`'s last message, in `set`, is against the value.
    fn is_against<P: Arena<Value = V>>(
        &self,
        world: &World<P>,
        validator: ValidatorId,
        set: Messages,
    ) -> bool {
        world.tip(validator, set).is_some_and(|tip| !world.agrees(tip, &self.lock.value))
    }

    /// Turns `victim`, if that can be done and has not been.
    fn turn<P: Arena<Value = V>>(&self, world: &mut World<P>, victim: ValidatorId) -> bool {
        let seen = world.seen(victim);
        if self.is_against(world, victim, seen) || self.cannot_turn(world, victim) {
            return false;
        }
        let mut plan = self.persuade(world, seen, |_| true);
        if plan.is_none() {
            while self.equivocators.iter().any(|&forger| self.fork(world, forger, seen)) {}
            plan = self.persuade(world, seen, |_| true);
        }
        let Some(plan) = plan else { return false };
        world.deliver(victim, plan);
        world.speak(victim, self.side);
        self.is_against(world, victim, world.seen(victim))
    }

    /// Whether `victim` cannot speak against the value any more: a fork choice starts from what is
    /// finalized.
    fn cannot_turn<P: Arena<Value = V>>(&self, world: &World<P>, victim: ValidatorId) -> bool {
        let stays = |finalized| {
            let value = &self.lock.value;
            world.has(&finalized, value) || P::ONE_TREE && !world.conflict(&finalized, value)
        };
        P::opening(self.side).is_none() && world.finalized(victim).is_some_and(stays)
    }

    /// Makes a message of `forger` against the value that somebody who has seen `seen` takes for
    /// its next. False if there is none, or one already.
    fn fork<P: Arena<Value = V>>(
        &self,
        world: &mut World<P>,
        forger: ValidatorId,
        seen: Messages,
    ) -> bool {
        let base = match world.tip(forger, seen) {
            Some(tip) => world.cone(tip),
            None if world.exposes(seen, forger) => return false,
            None => Messages::EMPTY,
        };
        let exposed = world.exposed(seen);
        let unexposed = |world: &World<P>, set: Messages| {
            !world.exposes(set, forger) && world.exposed(seen.union(set)) == exposed
        };
        let known = world.by(forger).iter().any(|message| {
            !world.agrees(message, &self.lock.value)
                && world.tip(forger, seen.union(world.cone(message))) == Some(message)
                && world.exposed(seen.union(world.cone(message))) == exposed
        });
        if known {
            return false;
        }
        let Some(plan) = self.persuade(world, base, |set| unexposed(world, set)) else {
            return false;
        };
        let fork = world.forge(forger, plan, self.side);
        fork.is_some_and(|fork| !world.agrees(fork, &self.lock.value))
    }

    /// What to show to somebody who has seen `seen` so that it disagrees; all that it is shown on
    /// the way has to be `allowed`.
    fn persuade<P: Arena<Value = V>>(
        &self,
        world: &World<P>,
        seen: Messages,
        allowed: impl Fn(Messages) -> bool,
    ) -> Option<Messages> {
        let mut plan = seen;
        loop {
            let balance = world.balance(plan, &self.lock.value);
            if world.may_disagree(plan, &self.lock.value) {
                return Some(plan);
            }
            let more = world.messages().filter(|&message| !plan.contains(message));
            let plans = more.map(|message| plan.union(world.cone(message)));
            let rated = plans.map(|plan| (world.balance(plan, &self.lock.value), plan));
            let better = rated.filter(|&(rating, plan)| rating > balance && allowed(plan));
            plan = better.max_by_key(|&(rating, _)| rating)?.1;
        }
    }

    /// All who are against the value speak again, having seen each other.
    fn rally<P: Arena<Value = V>>(&self, world: &mut World<P>) {
        let turned: Vec<ValidatorId> = self
            .honest
            .iter()
            .copied()
            .filter(|&id| self.is_against(world, id, world.seen(id)))
            .collect();
        for &validator in &turned {
            let gathered = self.gather(world, world.seen(validator));
            world.deliver(validator, gathered);
        }
        for &validator in &turned {
            world.speak(validator, self.side);
        }
        // What those turned take the equivocators' latest messages to be.
        let common = turned.iter().fold(Messages::EMPTY, |set, &id| set.union(world.seen(id)));
        for &forger in &self.equivocators {
            if let Some(tip) = world.tip(forger, common)
                && self.is_against(world, forger, common)
            {
                let gathered = self.gather(world, world.cone(tip));
                world.forge(forger, gathered, self.side);
            }
        }
        for &validator in &turned {
            let gathered = self.gather(world, world.seen(validator));
            world.deliver(validator, gathered);
        }
    }

    /// All that is against the value and exposes nobody, beside `seen`.
    fn gather<P: Arena<Value = V>>(&self, world: &World<P>, seen: Messages) -> Messages {
        let mut gathered = seen;
        for message in world.messages().rev() {
            if world.agrees(message, &self.lock.value) {
                continue;
            }
            let more = gathered.union(world.cone(message));
            if world.exposed(more) == world.exposed(seen)
                && world.balance(more, &self.lock.value)
                    >= world.balance(gathered, &self.lock.value)
            {
                gathered = more;
            }
        }
        gathered
    }

    /// What the equivocators weigh that `record` was not made in knowledge of.
    fn unknown_faults<P: Arena<Value = V>>(&self, world: &World<P>, record: &Record<V>) -> Weight {
        let known = |id: &&ValidatorId| !world.exposes(record.seen, **id);
        world.validators.weight_of(self.equivocators.iter().filter(known).copied())
    }

    /// How often what is claimed failed: of all that was finalized with a tolerance of what the
    /// equivocators weigh; or, beyond the tolerance, of what was finalized first.
    pub(super) fn audit<P: Arena<Value = V>>(
        &self,
        world: &World<P>,
        corruption: Corruption,
    ) -> Failures {
        let mut failures = Failures::default();
        let honest = |id: ValidatorId| self.honest.contains(&id);
        let binds = |record: &&Record<V>| {
            let tolerated = record.tolerance >= self.unknown_faults(world, record);
            honest(record.validator) && (tolerated || corruption == Corruption::Beyond)
        };
        let binding: Vec<&Record<V>> = world.records.iter().filter(binds).collect();
        for (place, one) in binding.iter().enumerate() {
            let others = binding[..place].iter();
            failures.conflicts +=
                others.filter(|other| world.conflict(&one.value, &other.value)).count();
        }
        let claims = match corruption {
            Corruption::Within => binding.as_slice(),
            Corruption::Beyond => binding.get(..1).unwrap_or_default(),
        };
        for record in claims {
            for message in world.messages() {
                let sender = world.sender(message);
                let held = record.quorum.contains(&sender)
                    && world.tip(sender, record.seen).is_some_and(|tip| message > tip);
                let informed = record.seen.is_subset(world.cone(message));
                if honest(sender)
                    && !record.seen.contains(message)
                    && (held || informed)
                    && !world.agrees(message, &record.value)
                {
                    failures.turned += 1;
                }
            }
            // Who fell silent did so for what it had finalized.
            let stuck = world.stuck.iter().flatten();
            let is_record = |&&place: &&usize| std::ptr::eq(&world.records[place], *record);
            failures.turned += stuck.filter(is_record).count();
        }
        failures
    }
}

/// How often what is claimed failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Pairs of conflicting values that honest validators finalized.
    pub conflicts: usize,
    /// Honest messages against a finalized value, of validators that had to stay with it; and
    /// honest validators that had to fall silent.
    pub turned: usize,
}
