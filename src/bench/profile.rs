//! How a day's arrivals are spread over its hours, and where that is taken from.
//!
//! Only shares and their source: how many arrivals that is, the caller says by the load at the peak.

/// Arrivals by the hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The hour of the day at which it opens, from 0.
    pub opens: u8,
    /// Arrivals in each hour, as a share of those in the busiest.
    pub shares: Vec<f64>,
    /// Where it is taken from.
    pub source: &'static str,
}

/// Expected calls an hour from 8 to 21 h, before the day's own busyness factor: the call centre example in the tutorial
/// of P. L'Ecuyer's SSJ (`CallCenter.dat`, <https://github.com/umontreal-simul/ssj>). The peak is the hour from noon.
const SSJ_CALL_CENTER: [f64; 13] =
    [100.0, 150.0, 150.0, 180.0, 200.0, 150.0, 150.0, 150.0, 120.0, 100.0, 80.0, 70.0, 60.0];

impl Profile {
    /// A day with a peak at lunch.
    pub fn lunch() -> Self {
        let most = SSJ_CALL_CENTER.iter().copied().fold(0.0, f64::max);
        Self {
            opens: 8,
            shares: SSJ_CALL_CENTER.iter().map(|calls| calls / most).collect(),
            source: "the call centre example (CallCenter.dat) in the tutorial of P. L'Ecuyer's SSJ, \
                     github.com/umontreal-simul/ssj",
        }
    }

    /// So many hours alike.
    pub fn flat(hours: u8) -> Self {
        Self {
            opens: 0,
            shares: vec![1.0; usize::from(hours)],
            source: "the same rate all the time",
        }
    }

    /// The name of an hour of it.
    pub fn hour(&self, number: usize) -> String {
        let hour = usize::from(self.opens) + number;
        format!("{:02}–{:02}", hour % 24, (hour + 1) % 24)
    }

    /// Offered load of each hour in Erlangs, if the busiest has this.
    pub fn loads(&self, peak: f64) -> Vec<f64> {
        self.shares.iter().map(|share| share * peak).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_peaks_at_lunch_and_its_busiest_hour_has_the_load_asked_for() {
        let profile = Profile::lunch();
        let loads = profile.loads(450.0);
        let busiest = (0..loads.len()).max_by(|a, b| loads[*a].total_cmp(&loads[*b])).unwrap();
        assert_eq!(profile.hour(busiest), "12–13");
        assert_eq!(loads[busiest], 450.0);
        assert_eq!(loads[0], 225.0);
        assert_eq!(profile.hour(12), "20–21");
    }

    #[test]
    fn a_flat_profile_is_flat() {
        assert_eq!(Profile::flat(3).loads(9.0), [9.0; 3]);
    }
}
