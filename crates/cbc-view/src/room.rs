//! Vectors that keep little in reserve.

/// Adds `item` at the end of `column`, as `push` does, but makes room for an eighth more where that
/// would make room for as much again: what is held for every message should not be held twice.
/// O(1) amortized, at about four times the copying.
pub(crate) fn push<T>(column: &mut Vec<T>, item: T) {
    make_room(column, 1);
    column.push(item);
}

/// As [`push`], for several items.
pub(crate) fn extend<T: Copy>(column: &mut Vec<T>, items: &[T]) {
    make_room(column, items.len());
    column.extend_from_slice(items);
}

fn make_room<T>(column: &mut Vec<T>, count: usize) {
    if column.capacity() - column.len() < count {
        column.reserve_exact(count + column.len() / 8);
    }
}
