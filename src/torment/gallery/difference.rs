//! The lines that differ between an exhibit and the server without its mistake.

/// A line of a function, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// In both, as it is indented in the server.
    Both(&'static str),
    /// In the exhibit only.
    Wrong(&'static str),
    /// In the server without the mistake only.
    Right(&'static str),
}

/// The functions of an exhibit that replace those of the same name in a server, line by line.
pub(super) fn lines(exhibit: &'static str, server: &'static str) -> Vec<Line> {
    let replaced = names(exhibit).filter_map(|name| Some((function(exhibit, name)?, function(server, name)?)));
    replaced.flat_map(|(wrong, right)| compare(&wrong, &right)).collect()
}

/// The private functions of a source.
fn names(source: &'static str) -> impl Iterator<Item = &'static str> {
    source.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next())
}

/// A function's lines. It begins and ends without indentation.
fn function(source: &'static str, name: &str) -> Option<Vec<&'static str>> {
    let begins = |line: &str| line.strip_prefix("fn ").is_some_and(|rest| rest.split('(').next() == Some(name));
    let mut lines: Vec<&str> = source.lines().skip_while(|line| !begins(line)).collect();
    let end = lines.iter().position(|line| *line == "}")?;
    lines.truncate(end + 1);
    Some(lines)
}

/// Keeps as many lines as both have in the same order, whatever their indentation: it changes with the lines around.
fn compare(wrong: &[&'static str], right: &[&'static str]) -> Vec<Line> {
    let is_same = |i, j| is_same(wrong, right, i, j);
    // The number of such lines in what follows each pair of places.
    let mut common = vec![vec![0; right.len() + 1]; wrong.len() + 1];
    for i in (0..wrong.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] = match is_same(i, j) {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    while i < wrong.len() || j < right.len() {
        if i < wrong.len() && j < right.len() && is_same(i, j) {
            lines.push(Line::Both(right[j]));
            (i, j) = (i + 1, j + 1);
        } else if i < wrong.len() && (j == right.len() || common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Wrong(wrong[i]));
            i += 1;
        } else {
            lines.push(Line::Right(right[j]));
            j += 1;
        }
    }
    lines
}

/// Whether two lines are the same. A brace alone says nothing: it belongs to the line before it.
fn is_same(wrong: &[&str], right: &[&str], i: usize, j: usize) -> bool {
    let is_last = [wrong[i], right[j]].iter().all(|line| *line == "}");
    let follows = |line: &str| line.trim_start() != "}" || is_last || is_same(wrong, right, i - 1, j - 1);
    wrong[i].trim_start() == right[j].trim_start() && follows(wrong[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use Line::{Both, Right, Wrong};

    #[test]
    fn a_function_is_compared_with_the_one_of_its_name() {
        let exhibit = "fn serve() {\n}\n\nfn read(n: usize) {\n    a {\n        b\n    }\n    c\n}\n";
        let server =
            "fn read_all() {\n}\n\nfn read(n: usize) {\n    loop {\n        a {\n            b\n        }\n    }\n}\n";
        let expected = [
            Both("fn read(n: usize) {"),
            Right("    loop {"),
            Both("        a {"),
            Both("            b"),
            Both("        }"),
            Wrong("    c"),
            Right("    }"),
            Both("}"),
        ];
        assert_eq!(lines(exhibit, server), expected);
    }
}
