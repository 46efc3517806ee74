//! What a benchmark declares in its name: what sizes count, what times are of, and what it is
//! compared with.
//!
//! A group is called `TITLE [SIZE]`, or `TITLE [SIZE; ELEMENT]` where its times are those of one
//! element of a throughput: `ancestor [blocks; query]`. A function is called `NAME`, or
//! `NAME [ROLE of NAME]` if it is there to be compared with another: a `floor`, a `twin` or a
//! `rival` of it, as in `parent by parent [twin of jump pointers]`.

use anyhow::{Context, bail};
use cbc_report::{Function, Role};

/// What the name of a group declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) title: String,
    pub(crate) size: String,
    pub(crate) element: Option<String>,
}

/// Reads the name of a group.
pub(crate) fn group(id: &str) -> anyhow::Result<Declared> {
    let (title, declared) = in_brackets(id).with_context(|| {
        format!("the benchmark group {id:?} does not say what its sizes count: TITLE [SIZE]")
    })?;
    let (size, element) = match declared.split_once("; ") {
        Some((size, element)) => (size, Some(element.to_owned())),
        None => (declared, None),
    };
    Ok(Declared { title: title.to_owned(), size: size.to_owned(), element })
}

/// Reads the name of a function.
pub(crate) fn function(id: &str) -> anyhow::Result<Function> {
    let Some((name, declared)) = in_brackets(id) else { return Ok(Function::new(id)) };
    let (role, ours) = declared.split_once(" of ").unwrap_or_default();
    match Role::ALL.into_iter().find(|it| it.name() == role) {
        Some(role) => Ok(Function::beside(name, role, ours)),
        None => bail!("the benchmark {id:?} declares no role: NAME [floor, twin or rival of NAME]"),
    }
}

/// What stands before brackets at the end, and in them.
fn in_brackets(id: &str) -> Option<(&str, &str)> {
    id.strip_suffix(']')?.rsplit_once(" [")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_says_what_its_sizes_count_and_what_its_times_are_of() {
        let ancestor = group("ancestor [blocks; query]").unwrap();
        assert_eq!((ancestor.title.as_str(), ancestor.size.as_str()), ("ancestor", "blocks"));
        assert_eq!(ancestor.element.as_deref(), Some("query"));
        assert_eq!(group("clique oracle [validators]").unwrap().element, None);
        let error = group("clique oracle").unwrap_err().to_string();
        assert!(error.contains("TITLE [SIZE]"), "{error}");
    }

    #[test]
    fn a_function_says_what_it_is_beside() {
        assert_eq!(function("view (V1-V4)").unwrap(), Function::new("view (V1-V4)"));
        let floor = Function::beside("floor", Role::Floor, "view (V1-V4)");
        assert_eq!(function("floor [floor of view (V1-V4)]").unwrap(), floor);
        let error = function("by hand [twim of ours]").unwrap_err().to_string();
        assert!(error.contains("declares no role"), "{error}");
    }
}
