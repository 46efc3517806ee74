//! How the values of arguments are read, where clap does not know.

use std::str::FromStr;

use cbc_simulation::UnknownName;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// One of the rows of the registry, by its name; `about` says in the help what each is.
pub(crate) fn one_of<T>(
    rows: &'static [T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T>
where
    T: Copy + FromStr<Err = UnknownName> + Send + Sync + 'static,
{
    let value = |&row| PossibleValue::new(name(row)).help(about(row).trim_end_matches('.'));
    let values = rows.iter().map(value).collect::<Vec<_>>();
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}

/// A whole number.
pub(crate) fn whole<T: FromStr + TryFrom<u64>>(text: &str) -> Result<T, String> {
    let greatest = if T::try_from(u64::MAX).is_ok() { u64::MAX } else { u64::from(u32::MAX) };
    text.parse().map_err(|_| format!("expected a whole number from 0 to {greatest}"))
}
