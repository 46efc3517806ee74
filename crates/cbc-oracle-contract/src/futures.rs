//! The search over all futures of a view.

use std::collections::BTreeMap;
use std::sync::Arc;

use cbc_message::{Message, ValidatorId, ValidatorSet, Weight};
use cbc_view::{MessageDag, MessageIndex};

use crate::play::Play;
use crate::world::{Group, Known, MOST, Panorama, World};

#[cfg(test)]
mod tests;

/// Which messages the search makes: see the documentation of the crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repertoire {
    /// Only those that can serve to turn the candidate.
    Lean,
    /// All.
    All,
}

/// A view, and the world in which its futures are made.
pub(crate) struct Situation<P: Play> {
    /// The messages of the view first, then those of its futures.
    pub(crate) world: World<P>,
    /// How many messages the view has.
    pub(crate) count: usize,
    /// Those whom the view proves to have equivocated.
    pub(crate) proven: Group,
    /// All that the view has seen.
    pub(crate) tips: Panorama,
}

impl<P: Play> Situation<P> {
    /// The view that has these messages, each after all it cites.
    pub(crate) fn new(validators: &Arc<ValidatorSet>, messages: &[Message<P::Estimate>]) -> Self {
        let mut world = World::new(Arc::clone(validators));
        for message in messages {
            world.insert(message.clone());
        }
        let equivocations = world.view().equivocations();
        let proven = Group::of(equivocations.map(|equivocation| equivocation.validator));
        Self { count: messages.len(), proven, tips: world.tips(), world }
    }

    /// The least weight, up to `most`, of a set of validators, none of them proven to have
    /// equivocated, that turns `candidate`; `None` if none does. And for each set that is lighter,
    /// whom it can turn.
    pub(crate) fn least(&mut self, candidate: &P::Value, most: Weight) -> Least {
        let count = self.world.validators().len();
        let mut sets: Vec<(Weight, Group)> = Group::all(count)
            .filter(|set| set.is_apart_from(self.proven))
            .map(|set| (set.weight(self.world.validators()), set))
            .filter(|&(weight, _)| weight <= most)
            .collect();
        sets.sort_unstable();
        let mut lighter = Vec::new();
        for (weight, equivocators) in sets {
            let futures = search(self, equivocators, candidate, Repertoire::Lean, usize::MAX);
            if let Some(attack) = futures.attack {
                return Least { attack: Some((weight, equivocators, attack)), lighter };
            }
            lighter.push((weight, equivocators, futures.turned));
        }
        Least { attack: None, lighter }
    }
}

/// What a candidate tolerates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Least {
    /// The least weight that turns it, the set of validators, and how.
    pub(crate) attack: Option<(Weight, Group, Attack)>,
    /// All sets that do not, and weigh no more; each with its weight and those honest whom it can
    /// lead to disagree, though not all together.
    pub(crate) lighter: Vec<(Weight, Group, Group)>,
}

/// The messages, of the view and beyond, of a future that turns a candidate: each after all it
/// cites.
pub(crate) type Attack = Vec<MessageIndex>;

/// What can come of a view.
#[derive(Clone, Debug)]
pub(crate) struct Futures {
    /// A future that turns the candidate, if there is one.
    pub(crate) attack: Option<Attack>,
    /// Those honest who can be led to make a message that disagrees, whatever they have seen of
    /// the view. Incomplete if there is an attack.
    pub(crate) turned: Group,
}

/// Whether `equivocators` turn `candidate`, by chains of at most `depth` citations.
///
/// # Panics
///
/// If an attack that it found fails when it is carried out: then the search is wrong.
pub(crate) fn search<P: Play>(
    situation: &mut Situation<P>,
    equivocators: Group,
    candidate: &P::Value,
    repertoire: Repertoire,
    depth: usize,
) -> Futures {
    let equivocators = equivocators.and(situation.proven);
    if situation.world.ids().all(|validator| equivocators.has(validator)) {
        // Nobody is honest.
        return Futures { attack: None, turned: Group::NOBODY };
    }
    let mut search = Search::new(situation, equivocators, candidate, repertoire);
    for round in 0.. {
        let end = search.last_question();
        if let Some(end) = end {
            let past = search.situation.world.past(&end);
            let view = (0..search.situation.count as u32).map(MessageIndex::new);
            let beyond = past.into_iter().filter(|&message| search.is_new(message));
            let attack: Attack = view.chain(beyond).collect();
            carry_out(search.situation, &attack, equivocators, candidate);
            return Futures { attack: Some(attack), turned: search.turned };
        }
        if round == depth || !search.make_more() {
            break;
        }
    }
    Futures { attack: None, turned: search.turned }
}

/// Checks an attack: somebody who has seen nothing receives all of it.
fn carry_out<P: Play>(
    situation: &Situation<P>,
    attack: &[MessageIndex],
    equivocators: Group,
    candidate: &P::Value,
) {
    let world = &situation.world;
    let victim = world.ids().find(|&validator| !equivocators.has(validator)).unwrap();
    // The view's messages are the first of either world: their blocks have the same places.
    let future = Situation::<P>::new(world.view().validators(), &world.messages(attack));
    assert!(future.proven.is_within(equivocators), "somebody honest equivocated");
    let (mut future, panorama) = (future.world, future.tips);
    let value = future.value(&panorama);
    assert!(future.disagrees(value.as_ref(), candidate), "the attack fails");
    let ballots = P::ballots(&future, value.as_ref());
    let disagrees = ballots.into_iter().any(|ballot| {
        let message = future.speak(victim, &panorama, ballot);
        !future.agrees(message, candidate)
    });
    assert!(disagrees, "the victim has nothing to say that disagrees");
}

struct Search<'a, P: Play> {
    situation: &'a mut Situation<P>,
    /// Those who equivocate, and those who have.
    equivocators: Group,
    candidate: &'a P::Value,
    repertoire: Repertoire,
    /// The messages of each validator that others can cite.
    known: [Vec<MessageIndex>; MOST],
    /// Those of them that are worth citing.
    worth: [Vec<MessageIndex>; MOST],
    /// For each equivocator, two first messages.
    proofs: [Known; MOST],
    turned: Group,
}

/// What a message needs to be: who makes it, and on top of which.
#[derive(Clone, Copy)]
struct Place {
    sender: ValidatorId,
    own: Option<MessageIndex>,
}

impl<'a, P: Play> Search<'a, P> {
    fn new(
        situation: &'a mut Situation<P>,
        equivocators: Group,
        candidate: &'a P::Value,
        repertoire: Repertoire,
    ) -> Self {
        let mut proofs = [Known::Nothing; MOST];
        let mut messages: Vec<_> = (0..situation.count as u32).map(MessageIndex::new).collect();
        for equivocator in equivocators.members() {
            let fresh = P::fresh()
                .map(|estimate| situation.world.speak(equivocator, &Panorama::EMPTY, estimate));
            proofs[equivocator.index()] =
                Known::Equivocation(fresh[0].min(fresh[1]), fresh[0].max(fresh[1]));
            messages.extend(fresh.iter().filter(|fresh| fresh.index() >= situation.count));
        }
        let mut search = Self {
            situation,
            equivocators,
            candidate,
            repertoire,
            known: Default::default(),
            worth: Default::default(),
            proofs,
            turned: Group::NOBODY,
        };
        messages.into_iter().for_each(|message| search.admit(message));
        search
    }

    fn admit(&mut self, message: MessageIndex) {
        let world = &self.situation.world;
        let sender = world.view().sender(message).index();
        self.known[sender].push(message);
        if self.repertoire == Repertoire::All || !world.agrees(message, self.candidate) {
            self.worth[sender].push(message);
        }
    }

    fn is_new(&self, message: MessageIndex) -> bool {
        message.index() >= self.situation.count
    }

    /// What somebody who has seen all of the view, and disagrees, can have seen.
    fn last_question(&self) -> Option<Panorama> {
        let mut found = None;
        self.each_panorama(&self.situation.tips, &mut |panorama| {
            let value = self.situation.world.value(panorama);
            if self.situation.world.disagrees(value.as_ref(), self.candidate) {
                found = Some(*panorama);
            }
            found.is_none()
        });
        found
    }

    /// The places at which a next message can stand.
    fn places(&self) -> Vec<Place> {
        let world = &self.situation.world;
        let lean = self.repertoire == Repertoire::Lean;
        let mut places = Vec::new();
        for sender in world.ids() {
            let known = &self.known[sender.index()];
            let latest = self.situation.tips.of(sender).latest();
            let free = self.equivocators.has(sender);
            if free || latest.is_none() {
                places.push(Place { sender, own: None });
            }
            for &own in known {
                let open = free || latest == Some(own) || self.is_new(own);
                let needless = lean
                    && (self.is_new(own) || P::TWO_VALUED && !world.agrees(own, self.candidate));
                if open && !needless {
                    places.push(Place { sender, own: Some(own) });
                }
            }
        }
        places
    }

    /// Makes all messages that can be made now; whether there are any that were not there.
    fn make_more(&mut self) -> bool {
        let mut made = Vec::new();
        for place in self.places() {
            let seen = place.own.map_or(Panorama::EMPTY, |own| self.situation.world.told_by(own));
            let mut ends = BTreeMap::new();
            self.each_panorama(&seen, &mut |panorama| {
                // Its own last message is the one it stands on.
                if panorama.of(place.sender) == seen.of(place.sender) {
                    ends.insert(panorama.key(), *panorama);
                }
                true
            });
            made.extend(self.make_at(place, ends.into_values().collect()));
        }
        for &message in &made {
            self.admit(message);
        }
        !made.is_empty()
    }

    /// Makes the messages of one place, having seen any of these.
    fn make_at(&mut self, place: Place, panoramas: Vec<Panorama>) -> Vec<MessageIndex> {
        let mut made: Vec<MessageIndex> = Vec::new();
        let lean = self.repertoire == Repertoire::Lean;
        let mut drafts: Vec<(Panorama, P::Estimate)> = Vec::new();
        for panorama in panoramas {
            let world = &self.situation.world;
            let value = world.value(&panorama);
            if lean && !world.disagrees(value.as_ref(), self.candidate) {
                continue;
            }
            let nothing = panorama.key() == Panorama::EMPTY.key();
            let ballots =
                if nothing { P::fresh().to_vec() } else { P::ballots(world, value.as_ref()) };
            drafts.extend(ballots.into_iter().map(|ballot| (panorama, ballot)));
        }
        for (draft, (panorama, ballot)) in drafts.iter().enumerate() {
            if lean && self.is_dominated(place, draft, panorama, ballot, &drafts) {
                continue;
            }
            let world = &mut self.situation.world;
            let message = world.speak(place.sender, panorama, ballot.clone());
            if self.known[place.sender.index()].contains(&message) || made.contains(&message) {
                continue;
            }
            let disagrees = !world.agrees(message, self.candidate);
            if lean && !disagrees {
                continue;
            }
            if disagrees && !self.equivocators.has(place.sender) {
                self.turned = self.turned.and(Group::of([place.sender]));
            }
            made.push(message);
        }
        made
    }

    /// Whether a message with the same maker, place and estimate has seen no more than this one.
    fn is_dominated(
        &self,
        place: Place,
        draft: usize,
        panorama: &Panorama,
        ballot: &P::Estimate,
        drafts: &[(Panorama, P::Estimate)],
    ) -> bool {
        let world = &self.situation.world;
        let view = world.view();
        let is_there = self.known[place.sender.index()].iter().any(|&known| {
            view.previous(known) == place.own
                && view.estimate(known) == ballot
                && world.is_within(&world.seen_by(known), panorama)
        });
        // Of two that have seen the same, which have different keys, none does.
        is_there
            || drafts.iter().enumerate().any(|(other, (less, same))| {
                other != draft && same == ballot && world.is_within(less, panorama)
            })
    }

    /// Calls `f` with all that somebody can have seen who has seen `least`, until it says `false`.
    fn each_panorama(&self, least: &Panorama, f: &mut impl FnMut(&Panorama) -> bool) {
        self.extend(0, least, f);
    }

    fn extend(
        &self,
        validator: usize,
        panorama: &Panorama,
        f: &mut impl FnMut(&Panorama) -> bool,
    ) -> bool {
        let world = &self.situation.world;
        if validator == world.validators().len() {
            return f(panorama);
        }
        let id = ValidatorId::new(validator as u32);
        if !self.extend(validator + 1, panorama, f) {
            return false;
        }
        if matches!(panorama.of(id), Known::Equivocation(..)) {
            return true;
        }
        if self.equivocators.has(id) {
            let exposed = panorama.with(id, self.proofs[validator]);
            if !self.extend(validator + 1, &exposed, f) {
                return false;
            }
        }
        for &message in &self.worth[validator] {
            let told = world.told_by(message);
            let Some(joined) = world.join(panorama, &told, self.equivocators) else { continue };
            // Else it was seen before, or proves what can be had for less.
            let news = joined.of(id) == Known::Latest(message) && joined.of(id) != panorama.of(id);
            if news && !self.extend(validator + 1, &joined, f) {
                return false;
            }
        }
        true
    }
}
