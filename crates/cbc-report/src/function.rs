//! What is measured, and what it is there for.

use std::fmt;

/// What a function is compared with another for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What nobody can do without, such as hashing the bytes of a message.
    Floor,
    /// A straightforward way to the same answer.
    Twin,
    /// Somebody else's way.
    Rival,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Floor, Self::Twin, Self::Rival];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Twin => "twin",
            Self::Rival => "rival",
        }
    }
}

/// A function of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// What it is called.
    pub name: String,
    /// What it is beside, by name, and as what; nothing, if it is there to be measured.
    pub beside: Option<(Role, String)>,
}

impl Function {
    /// One that is there to be measured.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), beside: None }
    }

    /// One that is there to be compared with the function `ours`.
    pub fn beside(name: impl Into<String>, role: Role, ours: impl Into<String>) -> Self {
        Self { name: name.into(), beside: Some((role, ours.into())) }
    }
}

/// The name, and its role where the name does not say it.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.beside {
            Some((role, _)) if self.name != role.name() => write!(f, " ({})", role.name()),
            _ => Ok(()),
        }
    }
}
