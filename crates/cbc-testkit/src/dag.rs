//! Message DAGs from text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use cbc_message::{
    Citation, EquivocationProof, Header, Justification, Message, MessageHash, ValidatorId,
};

use crate::DagEstimate;

/// Named messages, each after all it cites.
#[derive(Clone, Debug)]
pub struct Dag<E> {
    messages: Vec<Message<E>>,
    names: Vec<String>,
    /// The place of each message, by name and by hash.
    by_name: BTreeMap<String, usize>,
    by_hash: BTreeMap<MessageHash, usize>,
}

impl<E: DagEstimate> Dag<E> {
    /// The messages that `text` describes, in the language of the [crate's documentation](crate).
    ///
    /// # Panics
    ///
    /// If `text` is malformed, names two messages alike, or describes one message twice. Says what
    /// is wrong, and with which message.
    pub fn parse(text: &str) -> Self {
        let mut dag = Self {
            messages: Vec::new(),
            names: Vec::new(),
            by_name: BTreeMap::new(),
            by_hash: BTreeMap::new(),
        };
        let code = |line| str::split_once(line, "//").map_or(line, |(code, _)| code);
        let entries = text.lines().flat_map(|line| code(line).split(';'));
        for entry in entries.map(str::trim).filter(|entry| !entry.is_empty()) {
            if let Err(reason) = dag.add(entry) {
                panic!("`{entry}`: {reason}");
            }
        }
        dag
    }

    fn add(&mut self, entry: &str) -> Result<(), String> {
        let mut words = entry.split_whitespace();
        let mut next = |what| words.next().ok_or_else(|| format!("the {what} is missing"));
        let label = next("name")?;
        let (name, explicit) = label.split_once('@').unzip();
        let name = name.unwrap_or(label);
        let sender = ValidatorId::new(number(next("sender")?)?);
        let estimate = next("estimate")?;
        let estimate = E::parse(estimate, &|name| Some(self.find(name)?.hash()))
            .ok_or_else(|| format!("`{estimate}` is no estimate"))?;
        let citations: Result<Vec<_>, String> = words.map(|word| self.citation(word)).collect();
        let (citations, as_written): (Vec<_>, Vec<bool>) = citations?.into_iter().unzip();
        let seen = Justification::new(citations.clone()).map_err(|error| error.to_string())?;
        let needed =
            citations.iter().zip(as_written).filter_map(|(&(validator, citation), exact)| {
                let others = citations.iter().filter(|&&(other, _)| other != validator);
                let others = others.flat_map(|(_, citation)| citation.hashes());
                let cited = if exact { Some(citation) } else { self.needed(citation, others) };
                Some((validator, cited?))
            });
        let justification =
            Justification::new(needed.collect()).map_err(|error| error.to_string())?;
        let sequence_number = match (explicit, seen.get(sender)) {
            (Some(explicit), _) => number(explicit)?,
            (None, Some(Citation::Latest(previous))) => {
                self.messages[self.by_hash[&previous]].sequence_number() + 1
            }
            (None, Some(Citation::Equivocation(_)) | None) => 0,
        };
        self.push(
            name,
            Message::new(Header { sender, sequence_number, justification, estimate })
                .unwrap_or_else(|error| panic!("{error}")),
        )
    }

    /// What is left of a citation beside others: what of it is in the past of none of them.
    fn needed(
        &self,
        citation: Citation,
        others: impl Iterator<Item = MessageHash>,
    ) -> Option<Citation> {
        let mut past = BTreeSet::new();
        let mut open: Vec<MessageHash> = others.collect();
        while let Some(hash) = open.pop() {
            let cited = self.messages[self.by_hash[&hash]].justification().hashes();
            open.extend(cited.filter(|&cited| past.insert(cited)));
        }
        let mut needed = citation.hashes().filter(|hash| !past.contains(hash));
        match (needed.next()?, needed.next()) {
            (_, Some(_)) => Some(citation),
            (one, None) => Some(Citation::Latest(one)),
        }
    }

    /// A citation, and whether it is to stand there also if others imply it.
    fn citation(&self, word: &str) -> Result<((ValidatorId, Citation), bool), String> {
        let (word, as_written) = match word.strip_prefix('+') {
            Some(word) => (word, true),
            None => (word, false),
        };
        let (validator, cited) = match word.split_once(':') {
            Some((validator, cited)) => {
                let validator = validator
                    .strip_prefix('v')
                    .ok_or_else(|| format!("expected v and a number before `:` in `{word}`"))?;
                (Some(ValidatorId::new(number(validator)?)), cited)
            }
            None => (None, word),
        };
        let message =
            |name| self.find(name).ok_or_else(|| format!("no message before is named `{name}`"));
        let (cited, citation) = match cited.strip_prefix('!') {
            Some(proof) => {
                let (one, other) = proof
                    .split_once(',')
                    .ok_or_else(|| format!("expected two names in the proof `{word}`"))?;
                let (one, other) = (message(one)?, message(other)?);
                let proof = EquivocationProof::new(one.hash(), other.hash())
                    .ok_or_else(|| format!("`{word}` proves nothing with one message"))?;
                (one, Citation::Equivocation(proof))
            }
            None => {
                let cited = message(cited)?;
                (cited, Citation::Latest(cited.hash()))
            }
        };
        Ok(((validator.unwrap_or(cited.sender()), citation), as_written))
    }

    fn push(&mut self, name: &str, message: Message<E>) -> Result<(), String> {
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || "_'".contains(c)) {
            return Err(format!("expected a name of letters and digits, found `{name}`"));
        }
        if name == "G" {
            return Err("`G` names the genesis, which is no message".to_owned());
        }
        let place = self.messages.len();
        if let Some(twin) = self.by_hash.insert(message.hash(), place) {
            return Err(format!("the same message as `{}`", self.names[twin]));
        }
        if self.by_name.insert(name.to_owned(), place).is_some() {
            return Err(format!("a message before is named `{name}` too"));
        }
        self.names.push(name.to_owned());
        self.messages.push(message);
        Ok(())
    }
}

impl<E> Dag<E> {
    /// The messages, in the order of the text.
    pub fn messages(&self) -> &[Message<E>] {
        &self.messages
    }

    /// Their names, in the same order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The name of the message with this hash.
    ///
    /// # Panics
    ///
    /// If there is no such message.
    pub fn name(&self, hash: MessageHash) -> &str {
        match self.by_hash.get(&hash) {
            Some(&place) => &self.names[place],
            None => panic!("no message has the hash {hash}"),
        }
    }

    fn find(&self, name: &str) -> Option<&Message<E>> {
        Some(&self.messages[*self.by_name.get(name)?])
    }
}

/// The message with this name; panics if there is none.
impl<E> Index<&str> for Dag<E> {
    type Output = Message<E>;

    fn index(&self, name: &str) -> &Message<E> {
        match self.find(name) {
            Some(message) => message,
            None => panic!("no message is named `{name}`"),
        }
    }
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("expected a number, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use cbc_message::{Bit, BlockId, BlockVote, Integer, Order};

    use super::*;

    fn cited<E>(dag: &Dag<E>, by: &str, validator: u32) -> Option<Citation> {
        let justification = dag[by].justification();
        justification.get(ValidatorId::new(validator))
    }

    fn latest<E>(dag: &Dag<E>, name: &str) -> Option<Citation> {
        Some(Citation::Latest(dag[name].hash()))
    }

    #[test]
    fn citations_are_by_sender_and_number_the_message() {
        let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; c 0 0 b a; d 0 0 c b");
        assert_eq!(cited(&dag, "c", 1), latest(&dag, "b"));
        // b has seen a.
        assert_eq!(cited(&dag, "c", 0), None);
        assert_eq!(cited(&dag, "c", 2), None);
        let numbers: Vec<u64> = dag.messages().iter().map(Message::sequence_number).collect();
        assert_eq!(numbers, [0, 0, 1, 2]);
        assert_eq!(dag["c"].estimate(), &Bit::Zero);
    }

    #[test]
    fn messages_come_in_the_order_of_the_text_and_know_their_names() {
        let dag = Dag::<Bit>::parse(
            "
            late'  5 1         // a comment; it has no messages

            b2     0 0 ; a  1 1  b2 // another
            ",
        );
        assert!(dag.names().eq(["late'", "b2", "a"]));
        for (name, message) in dag.names().zip(dag.messages()) {
            assert_eq!(dag.name(message.hash()), name);
            assert_eq!(&dag[name], message);
        }
    }

    #[test]
    fn a_proof_is_cited_for_the_sender_of_its_messages() {
        let dag = Dag::<Bit>::parse("x 4 1; y 4 0; d 0 1 !y,x");
        let proof = EquivocationProof::new(dag["x"].hash(), dag["y"].hash());
        assert_eq!(cited(&dag, "d", 4), proof.map(Citation::Equivocation));
    }

    #[test]
    fn what_others_imply_is_cited_if_the_text_insists() {
        let dag = Dag::<Bit>::parse("a 0 1; b 1 1 a; c 0 0 b +a; x 2 1 a; y 2 0 a; d 3 0 a b !x,y");
        assert_eq!(cited(&dag, "c", 0), latest(&dag, "a"));
        assert_eq!(dag["d"].justification().len(), 2);
        // Of a proof what is left is not one, but a latest message.
        let dag = Dag::<Bit>::parse("x 2 1; y 2 0; a 0 1 x; b 1 1 a !x,y");
        assert_eq!(cited(&dag, "b", 2), latest(&dag, "y"));
    }

    #[test]
    fn a_message_can_be_cited_for_a_validator_that_did_not_send_it() {
        let dag = Dag::<Bit>::parse("a 0 1; x 0 0; b 1 1 v3:a v2:!a,x v1:a");
        assert_eq!(cited(&dag, "b", 3), latest(&dag, "a"));
        assert!(matches!(cited(&dag, "b", 2), Some(Citation::Equivocation(_))));
        assert_eq!(cited(&dag, "b", 0), None);
        assert_eq!(dag["b"].sequence_number(), 1); // after what it cites for itself
    }

    #[test]
    fn an_explicit_sequence_number_is_taken_as_it_is() {
        let dag = Dag::<Bit>::parse("a@7 0 1; b@0 0 1 a; c 0 1 a");
        let numbers: Vec<u64> = dag.messages().iter().map(Message::sequence_number).collect();
        assert_eq!(numbers, [7, 0, 8]);
    }

    #[test]
    fn integers_orders_and_block_votes_have_their_notations() {
        let integers = Dag::<Integer>::parse("a 0 -12; b 1 40");
        assert_eq!(integers["a"].estimate(), &Integer(-12));

        let orders = Dag::<Order>::parse("a 0 2>0>1; b 1 0");
        assert_eq!(orders["a"].estimate().items(), [2, 0, 1]);

        let blocks = Dag::<BlockVote>::parse("a 0 ^G; b 1 ^a a; c 2 =b b; d 3 =G");
        let [a, b] = ["a", "b"].map(|name| BlockId::Proposed(blocks[name].hash()));
        let votes: Vec<BlockVote> = blocks.messages().iter().map(|m| *m.estimate()).collect();
        assert_eq!(
            votes,
            [
                BlockVote::Propose { parent: BlockId::Genesis },
                BlockVote::Propose { parent: a },
                BlockVote::Vote { block: b },
                BlockVote::Vote { block: BlockId::Genesis },
            ]
        );
    }

    /// What `Dag::parse` panics with.
    fn complaint<E: DagEstimate>(text: &str) -> String {
        let panic = std::panic::catch_unwind(|| Dag::<E>::parse(text)).unwrap_err();
        *panic.downcast::<String>().unwrap()
    }

    #[test]
    fn a_malformed_text_is_refused_with_the_reason_and_the_place() {
        for (text, expected) in [
            ("a 0", "`a 0`: the estimate is missing"),
            ("a zero 1", "`a zero 1`: expected a number, found `zero`"),
            ("a@x 0 1", "`a@x 0 1`: expected a number, found `x`"),
            ("a 0 2", "`a 0 2`: `2` is no estimate"),
            ("a 0 1; b 1 1 c", "`b 1 1 c`: no message before is named `c`"),
            ("a 0 1; a 1 1", "`a 1 1`: a message before is named `a` too"),
            ("a 0 1; b 0 1", "`b 0 1`: the same message as `a`"),
            ("a 0 1; b 1 1 !a", "`b 1 1 !a`: expected two names in the proof `!a`"),
            ("a 0 1; b 1 1 !a,a", "`b 1 1 !a,a`: `!a,a` proves nothing with one message"),
            ("a 0 1; b 1 1 3:a", "`b 1 1 3:a`: expected v and a number before `:` in `3:a`"),
            ("a! 0 1", "`a! 0 1`: expected a name of letters and digits, found `a!`"),
            ("G 0 1", "`G 0 1`: `G` names the genesis, which is no message"),
        ] {
            assert_eq!(complaint::<Bit>(text), expected);
        }
        assert!(complaint::<Bit>("a 0 1; b 0 0; c 1 1 a b").contains("one citation each"));
        assert!(complaint::<BlockVote>("a 0 ^z").contains("`^z` is no estimate"));
        assert!(complaint::<Order>("a 0 1>1").contains("`1>1` is no estimate"));
    }
}
