//! How sure a simulated mean is: batch means, as neighbours in a line share their luck.
//!
//! Waits of successive customers depend on each other, so their own variance says too little. Means of long batches
//! hardly do. See Law, Simulation Modeling and Analysis, on the method of batch means. Pure arithmetic.

/// How many batches.
const BATCHES: usize = 20;
/// Fewest values in a batch.
const FEWEST: usize = 10;
/// Student's t with 19 degrees of freedom, 97.5 %.
const T_19: f64 = 2.093;

/// A mean with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean of all values.
    pub mean: f64,
    /// Half of the interval's width.
    pub half_width: f64,
}

impl Interval {
    /// The interval of values in the order in which they came. None with too few of them. Up to 19 of the first are
    /// left out, so that batches are alike.
    pub fn of(values: &[f64]) -> Option<Self> {
        let size = values.len() / BATCHES;
        if size < FEWEST {
            return None;
        }
        let used = &values[values.len() - size * BATCHES..];
        let means: Vec<f64> =
            used.chunks(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect();
        let count = BATCHES as f64;
        let mean = means.iter().sum::<f64>() / count;
        let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Some(Self { mean, half_width: T_19 * (variance / count).sqrt() })
    }

    /// Whether a value lies in it.
    pub fn holds(&self, value: f64) -> bool {
        (value - self.mean).abs() <= self.half_width
    }
}

#[cfg(test)]
mod tests {
    use super::super::draws::Draws;
    use super::super::erlang::ErlangC;
    use super::*;

    #[test]
    fn too_few_values_have_no_interval() {
        assert_eq!(Interval::of(&[1.0; 199]), None);
        let same = Interval::of(&[1.0; 200]).unwrap();
        assert_eq!((same.mean, same.half_width), (1.0, 0.0));
    }

    #[test]
    fn nineteen_of_twenty_intervals_hold_the_mean() {
        let held = (0..400)
            .filter(|seed| {
                let mut draws = Draws::from_seed(*seed);
                let values: Vec<f64> = (0..2_000).map(|_| draws.exponential(3.0)).collect();
                Interval::of(&values).unwrap().holds(3.0)
            })
            .count();
        assert!((365..=395).contains(&held), "{held} of 400");
    }

    /// A line of five servers, first come first served, without Baton: each session takes the server that is free
    /// first. The simulation, its interval and Erlang C have to agree.
    #[test]
    fn a_simulated_line_agrees_with_erlang_c() {
        let mut draws = Draws::from_seed(11);
        let (servers, load, handling) = (5, 4.0, 180.0);
        let mut free = [0.0_f64; 5];
        let (mut at, mut waits, mut waited) = (0.0, Vec::new(), Vec::new());
        for number in 0..400_000 {
            at += draws.exponential(handling / load);
            let first = (0..servers).min_by(|a, b| free[*a].total_cmp(&free[*b])).unwrap();
            let wait = (free[first] - at).max(0.0);
            free[first] = at + wait + draws.exponential(handling);
            if number >= 10_000 {
                waits.push(wait);
                waited.push(f64::from(u8::from(wait > 0.0)));
            }
        }
        let theory = ErlangC::of(load, 5).unwrap();
        let (wait, share) = (Interval::of(&waits).unwrap(), Interval::of(&waited).unwrap());
        assert!(wait.holds(theory.mean_wait(handling)), "{wait:?} {}", theory.mean_wait(handling));
        assert!(share.holds(theory.waiting()), "{share:?} {}", theory.waiting());
        assert!(wait.half_width < 0.1 * wait.mean, "{wait:?}");
    }
}
