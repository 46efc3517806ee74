//! Reading a configuration so that whatever is wrong is told with its place and what is allowed.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {problem}")]
pub struct ConfigError {
    /// What errors call the text.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What is wrong, and what is allowed instead.
    pub problem: String,
}

/// Bytes of the text.
pub(crate) type Span = Range<usize>;

/// A text and what errors call it.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl<'a> Source<'a> {
    pub(crate) fn error(self, span: &Span, problem: impl Display) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ConfigError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem: problem.to_string(),
        }
    }

    /// Reads the whole text as a table with these keys, by `read`.
    pub(crate) fn read<T>(
        self,
        keys: &[&str],
        read: impl FnOnce(&Table<'_>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        let parsed = DeTable::parse(self.text).map_err(|error| {
            self.error(&error.span().unwrap_or(0..0), format!("no TOML: {}", error.message()))
        })?;
        let table = Table { source: self, path: "", span: parsed.span(), table: parsed.get_ref() };
        table.check_keys(keys)?;
        read(&table)
    }
}

/// A table, and where it stands.
pub(crate) struct Table<'a> {
    source: Source<'a>,
    path: &'a str,
    pub(crate) span: Span,
    table: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    fn check_keys(&self, keys: &[&str]) -> Result<(), ConfigError> {
        let unknown = self.table.iter().find(|(key, _)| !keys.contains(&key.get_ref().as_ref()));
        let Some((key, _)) = unknown else { return Ok(()) };
        let problem =
            format!("unknown key {:?}{}: expected {}", key.get_ref(), self.within(), one_of(keys));
        Err(self.source.error(&key.span(), problem))
    }

    fn within(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!(" in {}", self.path) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Item<'a>> {
        let (_, value) = self.table.iter().find(|(it, _)| it.get_ref().as_ref() == key)?;
        let path =
            if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Item { source: self.source, path, value })
    }

    /// What `read` makes of the value of a key; `default` if there is none.
    pub(crate) fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Item<'a>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.get(key).map_or(Ok(default), |item| read(&item))
    }

    /// The value of a key that has to be there.
    pub(crate) fn need(&self, key: &str, expected: &str) -> Result<Item<'a>, ConfigError> {
        self.get(key).ok_or_else(|| {
            self.source
                .error(&self.span, format!("no key {key:?}{}: expected {expected}", self.within()))
        })
    }

    pub(crate) fn error(&self, problem: impl Display) -> ConfigError {
        self.error_at(&self.span, problem)
    }

    pub(crate) fn error_at(&self, span: &Span, problem: impl Display) -> ConfigError {
        self.source.error(span, problem)
    }
}

/// A value, where it stands, and what it is the value of.
pub(crate) struct Item<'a> {
    source: Source<'a>,
    path: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    pub(crate) fn span(&self) -> Span {
        self.value.span()
    }

    /// The value is something else than `expected`.
    pub(crate) fn unexpected(&self, expected: impl Display) -> ConfigError {
        let span = self.value.span();
        let found = self.source.text.get(span.clone()).unwrap_or_default();
        let found = found.lines().next().unwrap_or_default();
        self.source.error(&span, format!("{}: found {found}, expected {expected}", self.path))
    }

    pub(crate) fn whole(&self, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
        let integer = self.value.get_ref().as_integer();
        let value = integer.and_then(|it| u64::from_str_radix(it.as_str(), it.radix()).ok());
        value.filter(|value| range.contains(value)).ok_or_else(|| {
            self.unexpected(format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// A number that `allows` is true of; `expected` says which are.
    pub(crate) fn number(
        &self,
        allows: impl Fn(f64) -> bool,
        expected: &str,
    ) -> Result<f64, ConfigError> {
        let value = match self.value.get_ref() {
            DeValue::Integer(it) => {
                i64::from_str_radix(it.as_str(), it.radix()).ok().map(|it| it as f64)
            }
            DeValue::Float(it) => it.as_str().parse().ok(),
            _ => None,
        };
        let value = value.filter(|&value: &f64| value.is_finite() && allows(value));
        value.ok_or_else(|| self.unexpected(expected))
    }

    pub(crate) fn text(&self, expected: &str) -> Result<&'a str, ConfigError> {
        self.value.get_ref().as_str().ok_or_else(|| self.unexpected(expected))
    }

    /// The one of these that is called so.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, ConfigError> {
        let name = self.value.get_ref().as_str();
        let chosen = choices.iter().find(|(it, _)| Some(*it) == name);
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        chosen.map(|&(_, chosen)| chosen).ok_or_else(|| self.unexpected(one_of(&names)))
    }

    /// A list of at least one, by `read`, each with its place; none may be twice.
    pub(crate) fn list<T: PartialEq>(
        &self,
        read: impl Fn(&Self) -> Result<T, ConfigError>,
    ) -> Result<Vec<Placed<T>>, ConfigError> {
        let read =
            |item: &Item<'a>| Ok((read(item)?, item.span(), item.unexpected("each value once")));
        let mut list: Vec<Placed<T>> = Vec::new();
        for (value, span, twice) in self.all(read)? {
            if list.iter().any(|known| known.value == value) {
                return Err(twice);
            }
            list.push(Placed { value, span });
        }
        Ok(list)
    }

    /// A list of at least one, by `read`; values may be in it more than once.
    pub(crate) fn all<T>(
        &self,
        read: impl Fn(&Self) -> Result<T, ConfigError>,
    ) -> Result<Vec<T>, ConfigError> {
        let array = self.value.get_ref().as_array();
        let array = array.filter(|array| !array.is_empty());
        let array = array.ok_or_else(|| self.unexpected("a list of at least one value, in [ ]"))?;
        let path = |place| format!("{}[{place}]", self.path);
        let item = |(place, value)| Item { source: self.source, path: path(place), value };
        array.iter().enumerate().map(|placed| read(&item(placed))).collect()
    }

    pub(crate) fn as_table(&self) -> Option<Table<'_>> {
        let table = self.value.get_ref().as_table()?;
        Some(Table { source: self.source, path: &self.path, span: self.value.span(), table })
    }

    /// Of a value that is a kind and its parameters, the kind: `"kind"`, or `{ kind = "kind", … }`.
    /// By it, `keys` says which parameters there are.
    pub(crate) fn kind<T: Copy>(&self, kinds: &[(&str, T)]) -> Result<T, ConfigError> {
        match self.as_table() {
            None => self.choice(kinds),
            Some(table) => {
                let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
                let kind = table.table.iter().find(|(it, _)| it.get_ref().as_ref() == "kind");
                let Some((_, value)) = kind else {
                    return Err(table
                        .need("kind", &one_of(&names))
                        .err()
                        .unwrap_or_else(|| table.error("")));
                };
                Item { source: self.source, path: format!("{}.kind", self.path), value }
                    .choice(kinds)
            }
        }
    }

    /// A table with no other keys than these.
    pub(crate) fn fields(&self, keys: &[&str], expected: &str) -> Result<Table<'_>, ConfigError> {
        let table = self.as_table().ok_or_else(|| self.unexpected(expected))?;
        table.check_keys(keys)?;
        Ok(table)
    }

    /// The table of parameters, if there is one, which has no other keys than these and `kind`.
    pub(crate) fn parameters(&self, keys: &[&str]) -> Result<Option<Table<'_>>, ConfigError> {
        let Some(table) = self.as_table() else { return Ok(None) };
        table.check_keys(&[&["kind"], keys].concat())?;
        Ok(Some(table))
    }
}

/// A value that was read, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// What may stand somewhere, in words.
pub(crate) fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        names => format!("one of {}", names.join(", ")),
    }
}
