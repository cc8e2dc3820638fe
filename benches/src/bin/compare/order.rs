//! Who comes after whom.

/// An order of the contenders for each round, drawn by lot: nobody has the same one before him in all rounds. The lots are those of
/// the contest, so that a run can be repeated.
#[derive(Debug)]
pub(crate) struct Orders(u64);

impl Orders {
    /// Those of the contest of this name.
    pub(crate) fn of(contest: &str) -> Self {
        let mut orders = Self(0);
        for byte in contest.bytes() {
            orders.0 ^= u64::from(byte);
            orders.0 = orders.next();
        }
        orders
    }

    /// The numbers below `count`, in the order of the next round.
    pub(crate) fn round(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            order.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
        order
    }

    /// `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::Orders;

    #[test]
    fn each_round_has_all_of_them_and_an_order_of_its_own() {
        let mut orders = Orders::of("W1 of 1000 on tokio-current");
        let rounds: Vec<Vec<usize>> = (0..25).map(|_| orders.round(12)).collect();
        for (index, round) in rounds.iter().enumerate() {
            let mut sorted = round.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..12));
            assert!(!rounds[..index].contains(round));
        }
        for contender in 0..12 {
            let before = |round: &Vec<usize>| {
                round.iter().position(|one| *one == contender)?.checked_sub(1).map(|at| round[at])
            };
            let first = before(&rounds[0]);
            assert!(rounds.iter().any(|round| before(round) != first), "always after {first:?}");
        }
    }

    #[test]
    fn a_contest_has_the_same_orders_each_time() {
        let (mut one, mut other) = (Orders::of("W1"), Orders::of("W1"));
        assert!((0..9).all(|_| one.round(12) == other.round(12)));
        assert_ne!(Orders::of("W1").round(12), Orders::of("W2").round(12));
    }
}
