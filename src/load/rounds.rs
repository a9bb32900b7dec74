//! The rule by which rounds tell two servers apart.
//!
//! The servers take turns, so what they did in the same round is compared: if the machine is slow for a while, both are
//! slow. One server is called better only if it was better in every round, and by a tenth or more in the median. In three
//! rounds chance alone puts all on one side in one of four comparisons, in five rounds in one of sixteen.

use crate::page::Point;

/// Less than this ratio between the medians is not called a difference.
const DIFFERENCE: f64 = 1.1;
/// Chance puts two rounds on one side in half of all comparisons.
const ROUNDS_MIN: usize = 3;

/// The same figure of two servers, round by round.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Duel {
    pub rounds: usize,
    /// Rounds in which the first server was better.
    pub won: usize,
    /// The ratio of the medians: above 1 if the first server's is better.
    pub times: f64,
}

impl Duel {
    /// Compares the scores of two servers, of which a higher one is better. What they scored in the same round is at the
    /// same place; `None` is a figure that the system did not report. Returns `None` if no round has both.
    pub(crate) fn of(first: &[Option<f64>], second: &[Option<f64>]) -> Option<Duel> {
        let pairs: Vec<(f64, f64)> = first.iter().zip(second).filter_map(|(a, b)| (*a).zip(*b)).collect();
        let (a, b) =
            (Point::of(0.0, pairs.iter().map(|pair| pair.0))?, Point::of(0.0, pairs.iter().map(|pair| pair.1))?);
        let won = pairs.iter().filter(|(a, b)| a > b).count();
        Some(Duel { rounds: pairs.len(), won, times: a.y / b.y })
    }

    /// The first server is better.
    pub(crate) fn is_won(&self) -> bool {
        self.rounds >= ROUNDS_MIN && self.won == self.rounds && self.times >= DIFFERENCE
    }

    /// The medians are so near to each other that it does not matter which one is better.
    pub(crate) fn is_close(&self) -> bool {
        self.times < DIFFERENCE && self.times > 1.0 / DIFFERENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duel(first: &[f64], second: &[f64]) -> Duel {
        let scores = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        Duel::of(&scores(first), &scores(second)).expect("rounds with both")
    }

    #[test]
    fn rounds_are_compared_with_their_neighbours() {
        // The machine was slow in the second round, for both: the ranges overlap, and yet each round says the same.
        let duel = duel(&[40.0, 18.0, 41.0], &[20.5, 9.0, 20.0]);
        assert_eq!(duel, Duel { rounds: 3, won: 3, times: 2.0 });
        assert!(duel.is_won() && !duel.is_close());
    }

    #[test]
    fn what_chance_does_is_no_finding() {
        assert!(!duel(&[40.0, 41.0], &[20.0, 20.0]).is_won(), "two rounds are too few");
        assert!(!duel(&[40.0, 19.0, 41.0], &[20.0, 20.0, 20.0]).is_won(), "one round says otherwise");
        let close = duel(&[20.1, 20.2, 21.0], &[20.0, 20.0, 20.0]);
        assert!(!close.is_won() && close.is_close());
        assert!(duel(&[20.0; 3], &[20.2; 3]).is_close());
    }

    #[test]
    fn a_round_without_a_figure_is_left_out() {
        let duel = Duel::of(&[Some(1.0), None, Some(4.0)], &[Some(2.0), Some(9.0), Some(2.0)]).expect("two rounds");
        assert_eq!((duel.rounds, duel.won), (2, 1));
        assert_eq!(Duel::of(&[None, Some(1.0)], &[Some(1.0), None]), None);
    }
}
