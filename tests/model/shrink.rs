//! Makes a program that fails smaller.

/// The least program that still fails, by leaving out ever smaller parts and by making bytes nought. Greedy: what helps
/// is kept, and it ends when nothing does.
pub(crate) fn shrink(program: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut best = program.to_vec();
    loop {
        let before = best.clone();
        let mut part = best.len() / 2;
        while part > 0 {
            let mut at = 0;
            while at < best.len() {
                let end = best.len().min(at + part);
                let less = [&best[..at], &best[end..]].concat();
                if fails(&less) {
                    best = less;
                } else {
                    at += part;
                }
            }
            part /= 2;
        }
        for at in 0..best.len() {
            for smaller in [0, 1, 2, best[at] / 2, best[at].saturating_sub(1)] {
                if smaller < best[at] {
                    let old = std::mem::replace(&mut best[at], smaller);
                    if fails(&best) {
                        break;
                    }
                    best[at] = old;
                }
            }
        }
        if best == before {
            return best;
        }
    }
}

#[test]
fn what_does_not_matter_is_left_out() {
    let fails = |program: &[u8]| program.contains(&7) && program.last() == Some(&3);
    assert_eq!(shrink(&[9, 7, 1, 200, 7, 8, 3], fails), [7, 3]);
}
