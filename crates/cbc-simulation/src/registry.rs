//! The registry: each protocol and each oracle of the workspace, in one row.
//!
//! What a row says is all that programs, traces and experiments need to know of it: what it is
//! called, what it is, and how it is made. Whoever adds one adds a row.

/// A list of names: an enum with a variant for each row, the first of which is the default.
macro_rules! names {
    (
        $(#[$meta:meta])*
        $type:ident, $what:literal: $($variant:ident $name:literal $about:literal)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $(#[doc = $about] $variant,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// What it is called.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }
        }

        impl Default for $type {
            fn default() -> Self {
                let [first, ..] = Self::ALL;
                first
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownName;

            fn from_str(name: &str) -> Result<Self, $crate::UnknownName> {
                let named = Self::ALL.into_iter().find(|it| it.name() == name);
                named.ok_or_else(|| $crate::UnknownName {
                    what: $what,
                    found: name.to_owned(),
                    expected: &[$($name),*],
                })
            }
        }
    };
}

mod oracle_name;
mod protocol_name;

use thiserror::Error;

pub use oracle_name::OracleName;
pub(crate) use oracle_name::{PROOF_OF_CONCEPT, named_in_traces, poc_figures};
pub use protocol_name::{DynOracle, ProtocolName, Start, WithRun};

/// A name that is not in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{found:?} is no {what}: expected {}", expected.join(", "))]
pub struct UnknownName {
    /// What was looked for: a protocol, or an oracle.
    pub what: &'static str,
    /// What was found in place of a name.
    pub found: String,
    /// The names that there are.
    pub expected: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_found_by_its_name() {
        for oracle in OracleName::ALL {
            assert_eq!(oracle.name().parse(), Ok(oracle));
        }
        for protocol in ProtocolName::ALL {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_answered_with_those_that_are() {
        assert_eq!(
            "delphi".parse::<OracleName>().unwrap_err().to_string(),
            "\"delphi\" is no oracle: expected clique, turan, inspector, adversary"
        );
    }
}
