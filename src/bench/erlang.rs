//! Erlang's formulas: what theory says of a line with Poisson arrivals, exponential handling and so many servers.
//!
//! Pure arithmetic. `bench day` calls it, to set what Baton does beside what theory expects. Erlang C knows no
//! customer who gives up, no overload, and no skills.

/// Erlang B: the share of arrivals that find all servers busy, if those are turned away.
///
/// By the recurrence over the number of servers, which neither overflows nor cancels, unlike the formula with powers
/// and factorials.
pub fn erlang_b(load: f64, servers: u32) -> f64 {
    (1..=servers).fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked))
}

/// A line in balance: M/M/c.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErlangC {
    load: f64,
    servers: f64,
    waiting: f64,
}

impl ErlangC {
    /// A line with this offered load, in Erlangs. None if there is no balance: a load that isn't below the number of
    /// servers, or isn't above 0.
    pub fn of(load: f64, servers: u32) -> Option<Self> {
        let count = f64::from(servers);
        if !(load > 0.0 && load < count) {
            return None;
        }
        let blocked = erlang_b(load, servers);
        let waiting = count * blocked / (count - load * (1.0 - blocked));
        Some(Self { load, servers: count, waiting })
    }

    /// The share of arrivals that wait at all.
    pub fn waiting(&self) -> f64 {
        self.waiting
    }

    /// The mean wait of all arrivals, those that don't wait included, in the unit of `handling`, the mean handling
    /// time.
    pub fn mean_wait(&self, handling: f64) -> f64 {
        self.waiting * handling / (self.servers - self.load)
    }

    /// The share of arrivals that wait no longer than `within`, in the unit of `handling`.
    pub fn service_level(&self, handling: f64, within: f64) -> f64 {
        1.0 - self.waiting * (-(self.servers - self.load) * within / handling).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64, tolerance: f64) {
        assert!((left - right).abs() <= tolerance, "{left} isn't {right} ± {tolerance}");
    }

    #[test]
    fn one_and_two_servers_agree_with_their_closed_forms() {
        for share in [0.1, 0.5, 0.9, 0.99] {
            near(ErlangC::of(share, 1).unwrap().waiting(), share, 1e-12);
            let two = 2.0 * share * share / (1.0 + share);
            near(ErlangC::of(2.0 * share, 2).unwrap().waiting(), two, 1e-12);
        }
        near(erlang_b(1.0, 2), 1.0 / 5.0, 1e-12);
        near(erlang_b(2.0, 3), 4.0 / 19.0, 1e-12);
    }

    /// 100 calls of 3 minutes in half an hour, 14 agents: the example of `pyworkforce` 0.1.0, whose
    /// description gives the probability of waiting and the service level in 20 s.
    #[test]
    fn a_published_example_of_workforce_planning_comes_out() {
        let line = ErlangC::of(10.0, 14).unwrap();
        near(line.waiting(), 0.174_131_933_595_049_8, 1e-12);
        near(line.service_level(180.0, 20.0), 0.888_350_019_179_466_9, 1e-12);
        near(line.mean_wait(180.0), 0.174_131_933_595_049_8 * 180.0 / 4.0, 1e-9);
    }

    /// 120 customers an hour, 3 minutes each, 10 assistants: a textbook's exercise reads "about 0.10" off the curve.
    #[test]
    fn a_textbook_curve_comes_out() {
        near(ErlangC::of(6.0, 10).unwrap().waiting(), 0.10, 0.005);
    }

    /// The formula as it is written down, with powers and factorials, where it still can be evaluated.
    #[test]
    fn the_recurrence_is_the_formula() {
        let (load, servers) = (17.5_f64, 20_u32);
        let (mut term, mut sum) = (1.0, 0.0);
        for n in 0..servers {
            sum += term;
            term *= load / f64::from(n + 1);
        }
        let last = term * f64::from(servers) / (f64::from(servers) - load);
        near(ErlangC::of(load, servers).unwrap().waiting(), last / (sum + last), 1e-12);
    }

    #[test]
    fn a_big_line_neither_overflows_nor_vanishes() {
        let line = ErlangC::of(4_900.0, 5_000).unwrap();
        assert!(line.waiting() > 0.0 && line.waiting() < 1.0);
        near(line.service_level(180.0, 0.0), 1.0 - line.waiting(), 1e-12);
    }

    #[test]
    fn overload_has_no_balance() {
        assert_eq!(ErlangC::of(10.0, 10), None);
        assert_eq!(ErlangC::of(0.0, 10), None);
        assert_eq!(ErlangC::of(f64::NAN, 10), None);
    }
}
