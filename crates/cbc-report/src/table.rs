//! Rows of cells below a heading.

/// A table: some columns of words, then columns of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// How many columns are words, which stand to the left; numbers stand to the right.
    pub words: usize,
    /// What stands above the columns.
    pub heading: Vec<String>,
    /// The rows, each as long as the heading.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The table in Markdown.
    pub fn to_markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let mut text = line(&self.heading);
        let numbers = self.heading.len().saturating_sub(self.words);
        text += &format!("|{}{}\n", " --- |".repeat(self.words), " ---: |".repeat(numbers));
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }
}
