//! A table that becomes a list on a narrow screen: each cell also holds the head of its column.

use super::escape;

/// A table whose first row labels the columns, and whose first column labels the rows. Columns of `words` begin on the left, the
/// others are figures.
pub(super) fn html(head: &[String], rows: &[Vec<String>], words: &[usize]) -> String {
    let class = |column| if words.contains(&column) { " class=\"words\"" } else { "" };
    let label =
        |(column, label): (usize, &String)| format!("<th scope=\"col\"{}>{}</th>", class(column), escape(label));
    let cell = |(column, cell): (usize, &String)| match (column, head.get(column)) {
        (1.., Some(label)) => {
            let value = if words.contains(&column) { escape(cell) } else { value(cell) };
            format!("<td{} data-of=\"{}\">{value}</td>", class(column), escape(label))
        }
        _ => format!("<th scope=\"row\">{}</th>", escape(cell)),
    };
    let labels: String = head.iter().enumerate().map(label).collect();
    let row = |cells: &Vec<String>| format!("<tr>{}</tr>\n", cells.iter().enumerate().map(cell).collect::<String>());
    let rows: String = rows.iter().map(row).collect();
    format!("<div class=\"table\"><table>\n<tr class=\"head\">{labels}</tr>\n{rows}</table></div>\n")
}

/// A value, and its range in parentheses if it has one, which may stand on a line of its own. A number is not parted from its unit.
fn value(text: &str) -> String {
    let joined = |text: &str| match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => escape(&text.replace(' ', "\u{a0}")),
        false => escape(text),
    };
    match text.split_once(" (").filter(|_| text.ends_with(')')) {
        Some((value, range)) => format!("<b>{}</b> <small>({}</small>", joined(value), escape(range)),
        None => format!("<b>{}</b>", joined(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_knows_its_column_and_its_range() {
        let (head, rows) = (["".into(), "epoll".into()], [vec!["time".into(), "3 µs (2 … 4)".into()]]);
        let figures = html(&head, &rows, &[]);
        assert!(figures.contains("<td data-of=\"epoll\"><b>3\u{a0}µs</b> <small>(2 … 4)</small></td>"), "{figures}");
        let words = html(&head, &rows, &[1]);
        assert!(words.contains("<td class=\"words\" data-of=\"epoll\">3 µs (2 … 4)</td>"), "{words}");
    }
}
