//! Vectors that keep little in reserve.

/// Adds `item` at the end of `column`, as `push` does, but makes room for an eighth more where that
/// would make room for as much again: what is held for every block should not be held twice.
/// O(1) amortized, at about four times the copying.
pub(crate) fn push<T>(column: &mut Vec<T>, item: T) {
    if column.len() == column.capacity() {
        column.reserve_exact(1 + column.len() / 8);
    }
    column.push(item);
}
