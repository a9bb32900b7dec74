//! What became of one sender's lines on their way to one client.

/// Of lines that a sender numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Arrivals {
    /// Lines that arrived again.
    pub double: usize,
    /// Lines that arrived after a later one.
    pub reordered: usize,
    /// Between the first line and the last one that arrived, others lack.
    pub has_gaps: bool,
}

impl Arrivals {
    /// Of pairs of the sender and the number of its line, in the order in which they arrived.
    pub(crate) fn of(flood: &[(u16, u32)]) -> Arrivals {
        let mut sorted: Vec<u32> = flood.iter().map(|&(_, seq)| seq).collect();
        sorted.sort_unstable();
        sorted.dedup();
        Arrivals {
            double: flood.len() - sorted.len(),
            reordered: flood.windows(2).filter(|pair| pair[1].1 < pair[0].1).count(),
            has_gaps: sorted.windows(2).any(|pair| pair[1] != pair[0] + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_come_twice_or_late_are_not_lost() {
        let arrivals = |seqs: &[u32]| {
            let Arrivals { double, reordered, has_gaps } =
                Arrivals::of(&Vec::from_iter(seqs.iter().map(|seq| (7, *seq))));
            (double, reordered, has_gaps)
        };
        assert_eq!(arrivals(&[]), (0, 0, false));
        assert_eq!(arrivals(&[3, 4, 5]), (0, 0, false));
        assert_eq!(arrivals(&[3, 4, 4, 5]), (1, 0, false));
        assert_eq!(arrivals(&[4, 3, 5]), (0, 1, false));
        assert_eq!(arrivals(&[3, 5, 6]), (0, 0, true));
    }
}
