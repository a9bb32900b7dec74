//! A finding: a large number, a sentence that says what it means, and a bar for each of those that are compared.

use super::chart::{COLOURS, Point};
use super::escape;
use crate::text::Lang;
use crate::text::numbers::Format;

/// A finding.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    /// What was measured.
    pub title: String,
    /// The number.
    pub large: String,
    /// What it says, in a sentence.
    pub says: String,
    pub bars: Vec<Bar>,
    /// How to read the bars.
    pub note: String,
    pub lang: Lang,
    /// How the bars' values are written.
    pub format: Format,
}

/// One of those that are compared.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub name: String,
    /// The number of its colour, as in the charts.
    pub colour: usize,
    /// The value, which is the bar's length, and its range. `x` has no meaning.
    pub value: Point,
}

impl Finding {
    pub(super) fn html(&self) -> String {
        let Finding { title, large, says, note, .. } = self;
        let most = self.bars.iter().map(|bar| bar.value.high).fold(0.0, f64::max);
        let bars: String = self.bars.iter().map(|bar| self.bar(bar, most)).collect();
        let [title, large, says, note] = [title, large, says, note].map(|text| escape(text));
        format!(
            "<section class=\"finding\">\n<h3>{title}</h3>\n<p class=\"large\">{large}</p>\n<p class=\"says\">{says}</p>\n\
             <div class=\"bars\">\n{bars}</div>\n<p class=\"note\">{note}</p>\n</section>\n"
        )
    }

    fn bar(&self, bar: &Bar, most: f64) -> String {
        let part = |value: f64| if most > 0.0 { value / most * 100.0 } else { 0.0 };
        let Point { y, low, high, .. } = bar.value;
        let range = match high > low {
            true => format!("<u style=\"left:{:.1}%;width:{:.1}%\"></u>", part(low), part(high) - part(low)),
            false => String::new(),
        };
        format!(
            "<div class=\"c{}\"><span class=\"who\">{}</span><span class=\"track\"><i style=\"width:{:.1}%\"></i>{range}</span>\
             <span class=\"value\">{}</span></div>\n",
            bar.colour % COLOURS,
            escape(&bar.name),
            part(y),
            escape(&(self.format)(self.lang, y))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::numbers;

    #[test]
    fn the_longest_bar_is_the_highest_value_and_a_range_is_drawn_where_there_is_one() {
        let bar = |y: f64, high: f64| Bar { name: "a".into(), colour: 0, value: Point { x: 0.0, y, low: y, high } };
        let text = String::new;
        let finding = Finding {
            title: text(),
            large: text(),
            says: text(),
            bars: vec![bar(10.0, 20.0), bar(5.0, 5.0)],
            note: text(),
            lang: Lang::En,
            format: numbers::count,
        };
        let html = finding.html();
        assert!(html.contains("<i style=\"width:50.0%\"></i><u style=\"left:50.0%;width:50.0%\">"), "{html}");
        assert!(html.contains("<i style=\"width:25.0%\"></i></span>"), "{html}");
    }
}
