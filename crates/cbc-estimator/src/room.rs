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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_is_kept_in_reserve_and_seldom_moved() {
        let mut column = Vec::new();
        let mut moves = 0;
        for item in 0..10_000 {
            let before = column.capacity();
            push(&mut column, item);
            moves += u32::from(column.capacity() != before);
            assert!(column.capacity() - column.len() <= column.len() / 8 + 1);
        }
        // It grows by an eighth from 8 on: 1.125^61 > 10 000 / 8.
        assert!(moves < 8 + 61 + 10, "{moves}");
    }
}
