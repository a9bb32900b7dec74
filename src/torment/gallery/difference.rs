//! The lines that differ between an exhibit and the server without its mistake.

/// A line of a function, and where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// In both.
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

/// Keeps as many lines as both have in the same order.
fn compare(wrong: &[&'static str], right: &[&'static str]) -> Vec<Line> {
    // The number of such lines in what follows each pair of places.
    let mut common = vec![vec![0; right.len() + 1]; wrong.len() + 1];
    for i in (0..wrong.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] = match wrong[i] == right[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut lines, mut i, mut j) = (Vec::new(), 0, 0);
    while i < wrong.len() || j < right.len() {
        if i < wrong.len() && j < right.len() && wrong[i] == right[j] {
            lines.push(Line::Both(wrong[i]));
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

#[cfg(test)]
mod tests {
    use super::*;
    use Line::{Both, Right, Wrong};

    #[test]
    fn a_function_is_compared_with_the_one_of_its_name() {
        let exhibit = "fn serve() {\n}\n\nfn read(n: usize) {\n    a\n    b\n    c\n}\n";
        let server = "fn read_all() {\n}\n\nfn read(n: usize) {\n    a\n    d\n    c\n    e\n}\n";
        let expected = [
            Both("fn read(n: usize) {"),
            Both("    a"),
            Wrong("    b"),
            Right("    d"),
            Both("    c"),
            Right("    e"),
            Both("}"),
        ];
        assert_eq!(lines(exhibit, server), expected);
    }
}
