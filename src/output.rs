//! Everything that commands and benches print passes through here: tables, JSON, lines, notes.
//!
//! Results go to standard output, news about the program's own doing (reconnecting, signed out) to standard error, so
//! that a pipe carries results alone. No other file prints, but `main` when it fails.

use std::io::Write;

use clap::ValueEnum;
use serde_json::Value;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON value.
    Json,
    /// A line of JSON for each thing.
    Jsonl,
}

/// Rows under headings, aligned when written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Lines that stand beneath a row, by its number.
    beneath: Vec<(usize, String)>,
}

impl Table {
    /// A table without rows.
    pub fn new(headings: impl Into<Vec<&'static str>>) -> Self {
        Self { headings: headings.into(), rows: Vec::new(), beneath: Vec::new() }
    }

    /// Adds a row; empty cells are shown as a dash.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(
            cells
                .into_iter()
                .map(|cell| if cell.is_empty() { "-".to_owned() } else { one_line(&cell) })
                .collect(),
        );
    }

    /// Adds an indented line beneath the last row, which no column has to make room for.
    pub fn beneath(&mut self, line: &str) {
        self.beneath.push((self.rows.len(), format!("    {}\n", one_line(line))));
    }

    /// The table as text: columns as wide as their widest cell, two blanks between, none at a line's end.
    pub fn text(&self) -> String {
        let mut widths: Vec<usize> = self.headings.iter().map(|h| h.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let headings: Vec<String> = self.headings.iter().map(|&h| h.to_owned()).collect();
        let mut text = String::new();
        for (number, row) in std::iter::once(&headings).chain(&self.rows).enumerate() {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                // Figures stand to the right, so that they can be compared.
                let right = cell.starts_with(|c: char| c.is_ascii_digit())
                    && cell.trim_end_matches(['%', 's', 'm', 'u', 'µ']).parse::<f64>().is_ok();
                let blanks = " ".repeat(width - cell.chars().count());
                line +=
                    &if right { format!("{blanks}{cell}  ") } else { format!("{cell}{blanks}  ") };
            }
            text += line.trim_end();
            text.push('\n');
            let beneath = self.beneath.iter().filter(|(row, _)| *row == number);
            text.extend(beneath.map(|(_, line)| line.as_str()));
        }
        text
    }
}

/// Where results go, in the format asked for.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    format: Format,
}

impl Output {
    /// Output in this format.
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether people read it, rather than programs.
    pub fn for_people(self) -> bool {
        self.format == Format::Table
    }

    /// A list: a table, one JSON array, or a line of JSON for each.
    pub fn list<T>(
        self,
        items: &[T],
        json: impl Fn(&T) -> Value,
        table: impl FnOnce(&[T]) -> Table,
    ) {
        match self.format {
            Format::Table if items.is_empty() => note("nothing there"),
            Format::Table => put(&table(items).text()),
            Format::Json => put(&pretty(&Value::Array(items.iter().map(json).collect()))),
            Format::Jsonl => items.iter().for_each(|item| put(&format!("{}\n", json(item)))),
        }
    }

    /// One thing: text for people, or JSON.
    pub fn one(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) {
        match self.format {
            Format::Table => put(&ended(lines(&text()))),
            Format::Json => put(&pretty(&json())),
            Format::Jsonl => put(&format!("{}\n", json())),
        }
    }

    /// One of many things that come over time: a line of text, or a line of JSON.
    pub fn event(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) {
        match self.format {
            Format::Table => put(&ended(lines(&text()))),
            Format::Json | Format::Jsonl => put(&format!("{}\n", json())),
        }
    }

    /// Text for people alone.
    pub fn say(self, text: &str) {
        if self.for_people() {
            put(&ended(lines(text)));
        }
    }
}

/// Writes text as it is, such as a completion script.
pub fn raw(text: &str) {
    put(text);
}

/// News about the program's own doing, on standard error.
pub fn note(text: &str) {
    // If even standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{}", lines(text));
}

/// A value as indented lines of `name: value`, for people: what is empty is left out.
pub fn fields(value: &Value) -> String {
    let mut text = String::new();
    if let Value::Object(object) = value {
        let width = object.keys().map(String::len).max().unwrap_or(0);
        for (key, value) in object {
            let shown = match value {
                Value::String(text) => one_line(text),
                Value::Array(items) if items.is_empty() => continue,
                Value::Object(items) if items.is_empty() => continue,
                other => other.to_string(),
            };
            text += &format!("{key:width$}  {shown}\n");
        }
    }
    text
}

/// Text that others wrote, so that it stays text (D5): what would move the cursor, ring the bell, turn the direction of
/// writing round or begin a line of its own is shown as an escape.
pub fn one_line(text: &str) -> String {
    escaped(text, |c| c.is_control() || turns_round(c))
}

/// The same of text that has lines.
pub fn lines(text: &str) -> String {
    escaped(text, |c| c != '\n' && (c.is_control() || turns_round(c)))
}

fn escaped(text: &str, is_active: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_active(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks, embeddings, overrides and isolates of the direction of writing, and separators of lines and paragraphs.
const fn turns_round(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes to standard output; a reader who has gone (`| head`) ends the program quietly.
fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        let quiet = error.kind() == std::io::ErrorKind::BrokenPipe;
        if !quiet {
            note(&format!("baton: can't write: {error}"));
        }
        std::process::exit(i32::from(!quiet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters_and_lines_end_without_blanks() {
        let mut table = Table::new(["REP", "USED", "STATUS"]);
        table.row(["ana".into(), "5%".into(), "available".into()]);
        table.row(["žofie".into(), "100%".into(), String::new()]);
        assert_eq!(table.text(), "REP    USED  STATUS\nana      5%  available\nžofie  100%  -\n");
    }

    #[test]
    fn a_line_beneath_a_row_widens_no_column() {
        let mut table = Table::new(["A", "B"]);
        table.row(["x".into(), "y".into()]);
        table.beneath("rather long");
        table.row(["z".into(), String::new()]);
        assert_eq!(table.text(), "A  B\nx  y\n    rather long\nz  -\n");
    }

    #[test]
    fn d5_what_others_wrote_stays_text() {
        let hostile = "\u{1b}[2Ja\u{7}b\rc\0d\u{9b}31m\u{202e}e\nf\tg\u{7f}";
        let mut table = Table::new(["NOTE"]);
        table.row([hostile.to_owned()]);
        table.beneath(hostile);
        let value = serde_json::json!({ "note": hostile });
        for text in [table.text(), fields(&value), lines(hostile)] {
            let active = |c: char| c != '\n' && (c.is_control() || turns_round(c));
            assert!(!text.contains(active), "{text:?}");
            assert!(text.contains(r"\u{1b}[2Ja\u{7}b\rc\u{0}d\u{9b}31m\u{202e}e"), "{text}");
        }
        assert_eq!(table.text().lines().count(), 3, "nothing begins a line of its own");
        assert_eq!(
            one_line("žofie 👋 שלום"),
            "žofie 👋 שלום",
            "what people write is left as it is"
        );
    }

    #[test]
    fn fields_leave_out_what_is_empty() {
        let value = serde_json::json!({"id": "s1", "list": [], "map": {}, "n": 3});
        assert_eq!(fields(&value), "id    s1\nn     3\n");
    }
}
