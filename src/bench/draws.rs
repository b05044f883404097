//! Random times: exponential, log-normal, and the arrivals of a Poisson process whose rate changes by the hour.
//!
//! Everything comes from one seed, so that a run can be repeated. The times are numbers in whatever unit the caller
//! thinks in; nothing here sleeps.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A seeded source of random times.
#[derive(Debug)]
pub struct Draws(StdRng);

/// How long handling takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Handling {
    /// Exponential with this mean, as Erlang C supposes.
    Exponential {
        /// The mean.
        mean: f64,
    },
    /// Log-normal, as Brown et al. (2005) found service times to be.
    LogNormal {
        /// The mean.
        mean: f64,
        /// Standard deviation divided by the mean.
        variation: f64,
    },
}

impl Draws {
    /// The same times for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Above 0, up to 1: its logarithm is finite.
    fn uniform(&mut self) -> f64 {
        1.0 - self.0.random::<f64>()
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.uniform().ln()
    }

    /// Normal with mean 0 and variance 1, by Box and Muller (1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Log-normal with this mean, and this standard deviation over the mean.
    pub fn log_normal(&mut self, mean: f64, variation: f64) -> f64 {
        let variance = variation.mul_add(variation, 1.0).ln();
        (mean.ln() - variance / 2.0 + variance.sqrt() * self.normal()).exp()
    }

    /// One handling time.
    pub fn handling(&mut self, handling: Handling) -> f64 {
        match handling {
            Handling::Exponential { mean } => self.exponential(mean),
            Handling::LogNormal { mean, variation } => self.log_normal(mean, variation),
        }
    }

    /// When arrivals come, if so many are expected in each stretch of `stretch`. The exponential forgets, so beginning
    /// anew at each stretch is exact.
    pub fn arrivals(&mut self, expected: &[f64], stretch: f64) -> Vec<f64> {
        let mut arrivals = Vec::new();
        for (number, expected) in expected.iter().enumerate().filter(|(_, many)| **many > 0.0) {
            let begins = number as f64 * stretch;
            let mut at = self.exponential(stretch / expected);
            while at < stretch {
                arrivals.push(begins + at);
                at += self.exponential(stretch / expected);
            }
        }
        arrivals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 200_000;

    fn moments(values: &[f64]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance)
    }

    fn near(left: f64, right: f64, share: f64) {
        assert!((left / right - 1.0).abs() <= share, "{left} isn't {right} within {share}");
    }

    #[test]
    fn exponential_times_have_their_mean_variance_and_median() {
        let mut draws = Draws::from_seed(1);
        let mut values: Vec<f64> = (0..MANY).map(|_| draws.exponential(180.0)).collect();
        let (mean, variance) = moments(&values);
        near(mean, 180.0, 0.01);
        near(variance, 180.0 * 180.0, 0.03);
        values.sort_by(f64::total_cmp);
        near(values[MANY / 2], 180.0 * 2.0_f64.ln(), 0.02);
    }

    #[test]
    fn log_normal_times_have_their_mean_variation_and_median() {
        let mut draws = Draws::from_seed(2);
        let handling = Handling::LogNormal { mean: 180.0, variation: 0.8 };
        let mut values: Vec<f64> = (0..MANY).map(|_| draws.handling(handling)).collect();
        let (mean, variance) = moments(&values);
        near(mean, 180.0, 0.01);
        near(variance.sqrt() / mean, 0.8, 0.03);
        values.sort_by(f64::total_cmp);
        // The median of a log-normal is the exponential of the mean of its logarithm.
        near(values[MANY / 2], 180.0 / (1.0_f64 + 0.64).sqrt(), 0.02);
        let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        near(moments(&logarithms).1, 1.64_f64.ln(), 0.02);
    }

    #[test]
    fn arrivals_follow_their_rates_and_spread_as_poisson() {
        let counts: Vec<(f64, f64)> = (0..2_000)
            .map(|seed| {
                let arrivals = Draws::from_seed(seed).arrivals(&[20.0, 0.0, 60.0], 3_600.0);
                assert!(arrivals.is_sorted());
                let first = arrivals.iter().filter(|at| **at < 3_600.0).count();
                let last = arrivals.iter().filter(|at| **at >= 7_200.0).count();
                assert_eq!(first + last, arrivals.len());
                (first as f64, last as f64)
            })
            .collect();
        let (mean, variance) = moments(&counts.iter().map(|c| c.0).collect::<Vec<_>>());
        near(mean, 20.0, 0.02);
        near(variance, 20.0, 0.1);
        let (mean, variance) = moments(&counts.iter().map(|c| c.1).collect::<Vec<_>>());
        near(mean, 60.0, 0.02);
        near(variance, 60.0, 0.1);
    }

    #[test]
    fn a_seed_is_a_day() {
        let day = |seed| Draws::from_seed(seed).arrivals(&[100.0; 3], 3_600.0);
        assert_eq!(day(7), day(7));
        assert_ne!(day(7), day(8));
    }
}
