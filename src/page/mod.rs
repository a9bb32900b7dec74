//! Self-contained pages with line charts: one HTML file that needs no network, no script and no font of its own.
//!
//! It knows nothing of what is measured. In reading order:
//!
//! * [`Page`]: paragraphs, facts, tables and charts, one below the other;
//! * [`chart`]: a line chart as SVG;
//! * [`scale`]: maps values to positions on an axis, and chooses its ticks.
//!
//! Colours, including those of the dark mode, are in `style.css` only: the SVG names classes. That is why it is written
//! here, and not by a library. `plotters` writes colours and fonts into each element, so that no style sheet can make
//! it dark, and other fonts do not fit; `poloto` has classes, but no bands, whiskers or percentile axis; the other
//! libraries draw with a script.

pub(crate) mod chart;
mod escape;
pub(crate) mod scale;

pub(crate) use chart::{Chart, Point, Series, Stroke};
pub(crate) use escape::escape;
pub(crate) use scale::{Axis, Kind, Steps};

/// A page. Each method appends an element to it.
#[derive(Debug)]
pub(crate) struct Page {
    title: String,
    body: String,
}

impl Page {
    pub(crate) fn new(title: &str) -> Page {
        Page { title: title.into(), body: format!("<h1>{}</h1>\n", escape(title)) }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.body += &format!("<h2>{}</h2>\n", escape(text));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        self.body += &format!("<p>{}</p>\n", escape(text));
    }

    /// Something that a reader must know before trusting the rest.
    pub(crate) fn warning(&mut self, text: &str) {
        self.body += &format!("<p class=\"warning\" role=\"note\">{}</p>\n", escape(text));
    }

    /// A list of names, each with its value.
    pub(crate) fn facts(&mut self, facts: &[(&str, String)]) {
        self.body += "<dl>\n";
        for (name, value) in facts {
            self.body += &format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
        }
        self.body += "</dl>\n";
    }

    /// Charts, two side by side if there is room.
    pub(crate) fn charts(&mut self, charts: &[Chart]) {
        let figures: String = charts.iter().map(figure).collect();
        self.body += &format!("<div class=\"charts\">\n{figures}</div>\n");
    }

    /// A chart, and a table of its figures beside it.
    pub(crate) fn chart_with_table(&mut self, chart: &Chart, head: &[String], rows: &[Vec<String>]) {
        self.body += &format!("<div class=\"beside\">\n{}{}</div>\n", figure(chart), table(head, rows));
    }

    /// A table whose first column labels the rows.
    pub(crate) fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        self.body += &table(head, rows);
    }

    /// The body of the page, to be put into another page.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    pub(crate) fn html(&self) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escape(&self.title),
            include_str!("style.css"),
            self.body
        )
    }
}

fn figure(chart: &Chart) -> String {
    let note =
        if chart.note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>\n", escape(&chart.note)) };
    format!("<figure>\n<figcaption>{}</figcaption>\n{}{note}</figure>\n", escape(&chart.title), chart.svg())
}

fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let row = |cells: &[String], scope: &str| {
        let mut html = String::from("<tr>");
        for (column, cell) in cells.iter().enumerate() {
            // All cells in the first row or the first column are headers.
            let (open, close) = match (scope, column) {
                ("row", 1..) => ("<td>".to_owned(), "</td>"),
                _ => (format!("<th scope=\"{scope}\">"), "</th>"),
            };
            html += &format!("{open}{}{close}", escape(cell));
        }
        html + "</tr>\n"
    };
    let rows: String = rows.iter().map(|cells| row(cells, "row")).collect();
    format!("<div class=\"table\"><table>\n{}{rows}</table></div>\n", row(head, "col"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut page = Page::new("a <b> & \"c\"");
        page.paragraph("<script>");
        page.table(&["<i>".into()], &[vec!["<u>".into(), "<s>".into()]]);
        let html = page.html();
        for tag in ["<b>", "<script>", "<i>", "<u>", "<s>"] {
            assert!(!html.contains(tag), "{tag}");
        }
        assert!(html.contains("a &lt;b&gt; &amp; &quot;c&quot;"), "{html}");
    }
}
