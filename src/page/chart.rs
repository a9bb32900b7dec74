//! A line chart as SVG. Lengths are in the drawing's own units, which a browser scales.

use super::escape::escape;
use super::scale::{Axis, Scale};
use crate::text::say;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 360.0;
/// The margins of the plot, for the numbers and the label of an axis.
const LEFT: f64 = 86.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 62.0;
/// The height of a line of text and the approximate width of a character; bold ones are wider.
const LINE: f64 = 22.0;
const CHAR: f64 = 10.0;
const BOLD_CHAR: f64 = 11.4;
/// A line with more points than this has no marks, and its spread is drawn as a band.
const POINTS_MARKED_MAX: usize = 16;

/// Lines over an axis, each with its name at its end.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub title: String,
    /// The explanation below the chart; may be empty.
    pub note: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub name: String,
    /// The number of its colour and mark, of which there are six. Series that belong together have the same.
    pub colour: usize,
    pub stroke: Stroke,
    /// In ascending order of x.
    pub points: Vec<Point>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stroke {
    Solid,
    Dashed,
}

/// A value, and its range in repeated measurements.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Point {
    pub x: f64,
    pub y: f64,
    pub low: f64,
    pub high: f64,
}

impl Point {
    /// The median of repeated measurements, with their spread. `None` if there are none.
    pub(crate) fn of(x: f64, values: impl IntoIterator<Item = f64>) -> Option<Point> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let y = if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Some(Point { x, y, low, high })
    }
}

impl Chart {
    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    pub(crate) fn svg(&self) -> String {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = self.x.scale(points().map(|point| point.x));
        let y = self.y.scale(points().flat_map(|point| [point.low, point.high]));
        let name_len_max = self.series.iter().map(|series| series.name.chars().count()).max().unwrap_or(0);
        let frame = Frame { x, y, right: WIDTH - 18.0 - BOLD_CHAR * name_len_max as f64, bottom: HEIGHT - BOTTOM };

        let (title, of, by) = (&self.title, &self.y.label, &self.x.label);
        let label = say!(self.x.lang, "{title}: {of} by {by}"; "{title}: {of} según {by}");
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(&label)
        );
        svg += &self.grid(&frame);
        for series in &self.series {
            svg += &series.svg(&frame, self);
        }
        svg += &self.names(&frame);
        svg + "</svg>\n"
    }

    fn grid(&self, frame: &Frame) -> String {
        let Frame { right, bottom, .. } = *frame;
        let mut svg = String::new();
        let mut line = |class, x1: f64, y1: f64, x2: f64, y2: f64| {
            svg += &format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n");
        };
        frame.y.ticks.iter().for_each(|&tick| line("grid", LEFT, frame.y(tick), right, frame.y(tick)));
        frame.x.ticks.iter().for_each(|&tick| line("grid", frame.x(tick), TOP, frame.x(tick), bottom));
        line("axis", LEFT, bottom, right, bottom);

        let mut text = |x: f64, y: f64, class, text: &str| {
            svg += &format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>\n", escape(text));
        };
        for (tick, label) in labels(&frame.y, &self.y) {
            text(LEFT - 9.0, frame.y(tick) + 6.0, "end", &label);
        }
        let mut free_from = f64::MIN;
        for (tick, label) in labels(&frame.x, &self.x) {
            let half = CHAR * label.chars().count() as f64 / 2.0;
            // A number that would overlap the one before it is left out.
            if frame.x(tick) - half > free_from {
                text(frame.x(tick), bottom + 24.0, "middle", &label);
                free_from = frame.x(tick) + half + 4.0;
            }
        }
        text((LEFT + right) / 2.0, HEIGHT - 10.0, "middle label", &self.x.label);
        text(4.0, 16.0, "label", &self.y.label);
        svg
    }

    /// The name of each line at its end. Names that would overlap are moved apart.
    fn names(&self, frame: &Frame) -> String {
        let ends = self.series.iter().filter_map(|series| Some((frame.y(series.points.last()?.y), series)));
        let mut names: Vec<_> = ends.collect();
        names.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free_from = f64::MIN;
        for (y, _) in &mut names {
            *y = y.max(free_from);
            free_from = *y + LINE;
        }
        let mut free_to = frame.bottom;
        for (y, _) in names.iter_mut().rev() {
            *y = y.min(free_to);
            free_to = *y - LINE;
        }
        let name = |(y, series): &(f64, &Series)| {
            let class = format!("name c{}", series.colour % COLOURS);
            format!(
                "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
                frame.right + 12.0,
                y + 6.0,
                escape(&series.name)
            )
        };
        names.iter().map(name).collect()
    }
}

/// The ticks that have a label. One that would repeat the label before it, because both are rounded, has none.
fn labels(scale: &Scale, axis: &Axis) -> Vec<(f64, String)> {
    let mut labels: Vec<(f64, String)> = scale.ticks.iter().map(|&tick| (tick, axis.write(tick))).collect();
    labels.dedup_by(|(_, label), (_, before)| label == before);
    labels
}

/// The number of classes in the style, `c0` to `c5`.
pub(super) const COLOURS: usize = 6;

/// The position and the scales of the plot.
struct Frame {
    x: Scale,
    y: Scale,
    right: f64,
    bottom: f64,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.at(value) * (self.right - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - self.y.at(value) * (self.bottom - TOP)
    }

    fn path(&self, points: impl Iterator<Item = (f64, f64)>) -> String {
        let places: Vec<_> = points.map(|(x, y)| format!("{:.1} {:.1}", self.x(x), self.y(y))).collect();
        format!("M{}", places.join("L"))
    }
}

impl Series {
    fn svg(&self, frame: &Frame, chart: &Chart) -> String {
        if self.points.is_empty() {
            return String::new();
        }
        let dashed = if self.stroke == Stroke::Dashed { " dashed" } else { "" };
        let mut svg = format!("<g class=\"c{}{dashed}\">\n", self.colour % COLOURS);
        let marked = self.points.len() <= POINTS_MARKED_MAX;
        if marked {
            for point in self.points.iter().filter(|point| point.high > point.low) {
                let (x, low, high) = (frame.x(point.x), frame.y(point.low), frame.y(point.high));
                let (left, right) = (x - 6.0, x + 6.0);
                svg += &format!(
                    "<path class=\"whisker\" d=\"M{x:.1} {low:.1}V{high:.1}\
                     M{left:.1} {low:.1}H{right:.1}M{left:.1} {high:.1}H{right:.1}\"/>\n"
                );
            }
        } else {
            let up = self.points.iter().map(|point| (point.x, point.high));
            let down = self.points.iter().rev().map(|point| (point.x, point.low));
            svg += &format!("<path class=\"band\" d=\"{}Z\"/>\n", frame.path(up.chain(down)));
        }
        svg += &format!("<path class=\"line\" d=\"{}\"/>\n", frame.path(self.points.iter().map(|p| (p.x, p.y))));
        for point in self.points.iter().filter(|_| marked) {
            svg += &format!(
                "<path class=\"mark\" d=\"{}\"><title>{}</title></path>\n",
                mark(self.colour, frame.x(point.x), frame.y(point.y)),
                escape(&format!("{}, {}: {}", self.name, chart.x.write(point.x), chart.y.write(point.y)))
            );
        }
        svg + "</g>\n"
    }
}

/// The mark of a colour, so that lines differ without colours: a disc, a square, triangles, a diamond, a cross.
fn mark(colour: usize, x: f64, y: f64) -> String {
    let shape = match colour % COLOURS {
        0 => "m-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z",
        1 => "m-5.5 -5.5h11v11h-11z",
        2 => "m0 -7l7 12h-14z",
        3 => "m0 -7.5l7.5 7.5l-7.5 7.5l-7.5 -7.5z",
        4 => "m0 7l7 -12h-14z",
        _ => "m-7 -2.5h4.5v-4.5h5v4.5h4.5v5h-4.5v4.5h-5v-4.5h-4.5z",
    };
    format!("M{x:.1} {y:.1}{shape}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Kind;
    use crate::text::{Lang, numbers};

    fn chart(series: Vec<Series>) -> Chart {
        let axis = |label| Axis::new(Lang::En, label, Kind::Log, numbers::count);
        Chart { title: "t".into(), note: String::new(), x: axis("x"), y: axis("y"), series }
    }

    fn series(name: &str, points: usize) -> Series {
        let point = |n| Point { x: n as f64 + 1.0, y: 10.0, low: 9.0, high: 11.0 };
        Series { name: name.into(), colour: 0, stroke: Stroke::Solid, points: (0..points).map(point).collect() }
    }

    #[test]
    fn few_points_have_marks_and_whiskers_and_many_a_band() {
        let few = chart(vec![series("a", 3)]).svg();
        assert_eq!((few.matches("\"mark\"").count(), few.matches("\"whisker\"").count()), (3, 3));
        assert!(!few.contains("\"band\""), "{few}");
        let many = chart(vec![series("a", 100)]).svg();
        assert!(many.contains("\"band\"") && !many.contains("\"mark\""), "{many}");
    }

    #[test]
    fn names_of_lines_that_end_together_are_apart() {
        let svg = chart(vec![series("a", 3), series("b", 3), series("c", 3)]).svg();
        let mut ys: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("\"name "))
            .filter_map(|line| line.split("y=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        ys.sort_by(f64::total_cmp);
        assert!(ys.len() == 3 && ys[1] - ys[0] >= LINE && ys[2] - ys[1] >= LINE, "{ys:?}");
    }

    #[test]
    fn no_label_repeats_the_one_before_it() {
        let axis = |label| Axis::new(Lang::En, label, Kind::Linear, |_, value| format!("{value:.0} x"));
        let svg = Chart { x: axis("x"), y: axis("y"), ..chart(vec![series("a", 1)]) }.svg();
        // The ticks at 0, 0.2, 0.4 ... and 1.
        assert_eq!((svg.matches(">0 x<").count(), svg.matches(">1 x<").count()), (2, 1), "{svg}");
    }

    #[test]
    fn nothing_measured_is_no_nonsense() {
        let svg = chart(vec![series("a", 0)]).svg();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(Point::of(1.0, []), None);
        assert_eq!(Point::of(1.0, [3.0, 1.0, 2.0]), Some(Point { x: 1.0, y: 2.0, low: 1.0, high: 3.0 }));
        assert_eq!(Point::of(1.0, [1.0, 2.0]).map(|point| point.y), Some(1.5));
    }
}
