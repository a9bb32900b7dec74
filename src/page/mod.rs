//! Self-contained pages with line charts: one HTML file that needs no network, no script and no font of its own.
//!
//! It knows nothing of what is measured. In reading order:
//!
//! * [`Page`]: paragraphs, facts, findings, tables and charts, one below the other;
//! * [`finding`]: a large number, a sentence, and a bar for each of those that are compared;
//! * [`chart`]: a line chart as SVG;
//! * [`table`]: a table that becomes a list on a narrow screen;
//! * [`scale`]: maps values to positions on an axis, and chooses its ticks.
//!
//! Colours, including those of the dark mode, are in `style.css` only: the SVG names classes. That is why it is written
//! here, and not by a library. `plotters` writes colours and fonts into each element, so that no style sheet can make
//! it dark, and other fonts do not fit; `poloto` has classes, but no bands, whiskers or percentile axis; the other
//! libraries draw with a script.

pub(crate) mod chart;
mod escape;
pub(crate) mod finding;
pub(crate) mod scale;
mod table;

use crate::host::Origin;
use crate::text::Lang;
pub(crate) use chart::{Chart, Point, Series, Stroke};
pub(crate) use escape::escape;
pub(crate) use finding::{Bar, Finding};
pub(crate) use scale::{Axis, Kind, Steps};

/// The style of all pages, those of traces included.
const STYLE: &str = include_str!("style.css");

/// A page. Each method appends an element to it.
#[derive(Debug)]
pub(crate) struct Page {
    lang: Lang,
    title: String,
    body: String,
}

impl Page {
    pub(crate) fn new(lang: Lang, title: &str) -> Page {
        Page { lang, title: title.into(), body: format!("<h1>{}</h1>\n", escape(title)) }
    }

    /// A part of another page: without a title.
    pub(crate) fn part(lang: Lang) -> Page {
        Page { lang, title: String::new(), body: String::new() }
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
    fn facts(&mut self, facts: &[(&str, String)]) {
        self.body += "<dl>\n";
        for (name, value) in facts {
            self.body += &format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value));
        }
        self.body += "</dl>\n";
    }

    /// The command, the time, the program and the machine, and what else is to be said of the measurement.
    pub(crate) fn origin(&mut self, origin: &Origin, more: &[(&str, String)]) {
        let lang = self.lang;
        let build = if cfg!(debug_assertions) { " (debug)" } else { "" };
        let now = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::system());
        let names = match lang {
            Lang::En => ["command", "when", "program", "processor", "system"],
            Lang::Es => ["orden", "cuándo", "programa", "procesador", "sistema"],
        };
        let values = [
            origin.command.clone(),
            now.strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
            format!("tertulia {}{build}", origin.version),
            origin.processor(lang),
            origin.system.clone(),
        ];
        let facts: Vec<_> = names.into_iter().zip(values).chain(more.iter().cloned()).collect();
        self.facts(&facts);
    }

    /// Findings, side by side if there is room.
    pub(crate) fn findings(&mut self, findings: &[Finding]) {
        let findings: String = findings.iter().map(Finding::html).collect();
        self.body += &format!("<div class=\"findings\">\n{findings}</div>\n");
    }

    /// What is shown to those who ask, under a summary. On paper it is always shown.
    pub(crate) fn folded(&mut self, summary: &str, fill: impl FnOnce(&mut Page)) {
        self.body += &format!("<details>\n<summary>{}</summary>\n", escape(summary));
        fill(self);
        self.body += "</details>\n";
    }

    /// Charts, side by side if there is room.
    pub(crate) fn charts(&mut self, charts: &[Chart]) {
        let figures: String = charts.iter().map(figure).collect();
        self.body += &format!("<div class=\"charts\">\n{figures}</div>\n");
    }

    /// A chart, and a table of its figures beside it.
    pub(crate) fn chart_with_table(&mut self, chart: &Chart, head: &[String], rows: &[Vec<String>]) {
        self.body += &format!("<div class=\"beside\">\n{}{}</div>\n", figure(chart), table::html(head, rows, &[]));
    }

    /// A table whose first column labels the rows.
    pub(crate) fn table(&mut self, head: &[String], rows: &[Vec<String>]) {
        self.body += &table::html(head, rows, &[]);
    }

    /// The same; these columns hold words instead of figures.
    pub(crate) fn table_with_words(&mut self, head: &[String], rows: &[Vec<String>], words: &[usize]) {
        self.body += &table::html(head, rows, words);
    }

    /// The body of the page, to be put into another page.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    pub(crate) fn html(&self) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main class=\"sheet\">\n{}</main>\n</body>\n</html>\n",
            self.lang.code(),
            escape(&self.title),
            STYLE,
            self.body
        )
    }
}

fn figure(chart: &Chart) -> String {
    let note =
        if chart.note.is_empty() { String::new() } else { format!("<p class=\"note\">{}</p>\n", escape(&chart.note)) };
    format!("<figure>\n<figcaption>{}</figcaption>\n{}{note}</figure>\n", escape(&chart.title), chart.svg())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut page = Page::new(Lang::En, "a <b> & \"c\"");
        page.paragraph("<script>");
        page.table(&["<i>".into()], &[vec!["<u>".into(), "<s>".into()]]);
        let html = page.html();
        for tag in ["<b>", "<script>", "<i>", "<u>", "<s>"] {
            assert!(!html.contains(tag), "{tag}");
        }
        assert!(html.contains("a &lt;b&gt; &amp; &quot;c&quot;"), "{html}");
    }
}
