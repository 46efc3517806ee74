//! Experiments that come with the program, by name.

/// An experiment that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// What it is called.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// The configuration.
    pub toml: &'static str,
}

/// All of them.
pub const READY: &[Ready] = &[
    Ready {
        name: "latency",
        about: "latency to finality against the number of validators, by oracle, network and mode",
        toml: include_str!("ready/latency.toml"),
    },
    Ready {
        name: "poc",
        about: "what the Python proof of concept measured, by its own definitions and ours",
        toml: include_str!("ready/poc.toml"),
    },
    Ready {
        name: "equivocators",
        about: "validators who equivocate, are silent or crash, below and above what is tolerated",
        toml: include_str!("ready/equivocators.toml"),
    },
    Ready {
        name: "world",
        about: "ten cloud regions, with lost messages, and with a partition that heals",
        toml: include_str!("ready/world.toml"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Experiment;

    #[test]
    fn each_is_read_and_has_its_name() {
        for ready in READY {
            let experiment = Experiment::parse(ready.name, ready.toml, &|_| Err(String::new()));
            assert_eq!(experiment.unwrap().name, ready.name);
        }
    }
}
