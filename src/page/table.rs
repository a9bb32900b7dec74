//! A table that becomes a list on a narrow screen: each cell also holds the head of its column.

use super::escape;

/// A table whose first row labels the columns, and whose first column labels the rows.
pub(super) fn html(head: &[String], rows: &[Vec<String>]) -> String {
    let labels: String = head.iter().map(|label| format!("<th scope=\"col\">{}</th>", escape(label))).collect();
    let rows: String = rows.iter().map(|cells| format!("<tr>{}</tr>\n", row(head, cells))).collect();
    format!("<div class=\"table\"><table>\n<tr class=\"head\">{labels}</tr>\n{rows}</table></div>\n")
}

fn row(head: &[String], cells: &[String]) -> String {
    let cell = |(column, cell): (usize, &String)| match (column, head.get(column)) {
        (1.., Some(label)) => format!("<td data-of=\"{}\">{}</td>", escape(label), value(cell)),
        _ => format!("<th scope=\"row\">{}</th>", escape(cell)),
    };
    cells.iter().enumerate().map(cell).collect()
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
        let html = html(&["".into(), "epoll".into()], &[vec!["time".into(), "3 µs (2 … 4)".into()]]);
        assert!(html.contains("<td data-of=\"epoll\"><b>3\u{a0}µs</b> <small>(2 … 4)</small></td>"), "{html}");
    }
}
