//! Small pieces of text: numbers with thousands apart, bars, columns.

/// `61233` as `61,233`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `61,233 rows`.
pub(crate) fn count(value: u64, what: &str) -> String {
    format!("{} {what}{}", number(value), if value == 1 { "" } else { "s" })
}

/// A bar for `part` of `most`, `width` characters at the longest; something is never nothing.
pub(crate) fn bar(part: u64, most: u64, width: usize) -> String {
    if part == 0 || most == 0 {
        return String::new();
    }
    let length = (part as f64 / most as f64 * width as f64).round() as usize;
    "█".repeat(length.max(1))
}

/// Rows in columns, two blanks between; `right` tells the columns of numbers.
pub(crate) fn columns(rows: &[Vec<String>], right: &[usize]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut lines = Vec::new();
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let gap = " ".repeat(widths[at] - cell.chars().count());
            let (before, after) = if right.contains(&at) { (gap.as_str(), "") } else { ("", gap.as_str()) };
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
            line.push_str("  ");
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_bars_and_columns() {
        assert_eq!(
            [0, 12, 999, 1_000, 61_233, 1_234_567].map(number),
            ["0", "12", "999", "1,000", "61,233", "1,234,567"]
        );
        assert_eq!([0, 1, 1_000].map(|rows| count(rows, "row")), ["0 rows", "1 row", "1,000 rows"]);
        assert_eq!((bar(5, 10, 8), bar(1, 1000, 8), bar(0, 10, 8)), ("████".to_owned(), "█".to_owned(), String::new()));
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "23".to_owned()]];
        assert_eq!(columns(&rows, &[1]), "a     1\nbcd  23");
    }
}
