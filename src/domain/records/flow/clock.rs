//! An org's local time: its zone, its business hours, and what conditions read as `time`. Pure: the
//! moment is an argument, the zones' rules are compiled in. Runs and the settings' checks call it.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::domain::directory::OpeningHours;
use crate::domain::time::Timestamp;

use super::spelling::nearest;

/// 0001-01-02 and 9999-12-30: a day inside what CEL's timestamps reach, so that every zone fits.
const EARLIEST_MS: i64 = -62_135_510_400_000;
const LATEST_MS: i64 = 253_402_214_400_000;

/// An org's zone and business hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgClock {
    /// The zone's IANA name, such as `Europe/Berlin`; one that isn't known counts as `UTC`.
    pub zone: String,
    /// When the org is open; empty: always. A spell past midnight is written as two.
    pub hours: Vec<OpeningHours>,
}

/// What conditions read as `time`, in the org's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The moment itself.
    pub now: Timestamp,
    /// The year.
    pub year: i32,
    /// 1–12.
    pub month: u32,
    /// 1–31.
    pub day: u32,
    /// 1 is Monday, 7 is Sunday.
    pub weekday: u32,
    /// 0–23.
    pub hour: u32,
    /// 0–59.
    pub minute: u32,
    /// Minutes on the wall clock since midnight, 0–1439.
    pub minute_of_day: u32,
    /// Within the business hours.
    pub open: bool,
}

impl OrgClock {
    /// What clocks in the org's zone show at `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> LocalTime {
        let zone = Tz::from_str(&self.zone).unwrap_or(Tz::UTC);
        let ms = now.as_ms().clamp(EARLIEST_MS, LATEST_MS);
        let utc = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
        let local = utc.with_timezone(&zone).naive_local();
        let weekday = local.weekday().number_from_monday();
        let minute_of_day = local.hour() * 60 + local.minute();
        let within = |hours: &OpeningHours| {
            u32::from(hours.weekday) == weekday
                && (u32::from(hours.from_minute)..u32::from(hours.to_minute))
                    .contains(&minute_of_day)
        };
        LocalTime {
            now: Timestamp::from_ms(ms),
            year: local.year(),
            month: local.month(),
            day: local.day(),
            weekday,
            hour: local.hour(),
            minute: local.minute(),
            minute_of_day,
            open: self.hours.is_empty() || self.hours.iter().any(within),
        }
    }
}

/// Is this the IANA name of a time zone?
///
/// # Errors
/// Says that it isn't, with the name that was probably meant.
pub fn check_zone(zone: &str) -> Result<(), String> {
    if Tz::from_str(zone).is_ok() {
        return Ok(());
    }
    let shown: String = zone.chars().take(64).collect();
    if let Some((fixed, said)) = fixed_offset(zone) {
        return Err(format!(
            "`{shown}` isn't a time zone; `{fixed}` is always {said} UTC, and a place such as Europe/Berlin \
             also changes its clocks"
        ));
    }
    let names = || TZ_VARIANTS.iter().map(|known| known.name());
    // People know their city better than its continent.
    let city = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    let near = nearest(zone, names()).or_else(|| {
        let meant = nearest(zone.rsplit('/').next().unwrap_or(zone), names().map(city))?;
        names().find(|name| city(name) == meant)
    });
    // Another number is another zone, however near it looks.
    let digits = |name: &str| -> String { name.chars().filter(char::is_ascii_digit).collect() };
    let near = near.filter(|near| digits(near) == digits(zone));
    Err(match near {
        Some(near) => format!("`{shown}` isn't a time zone; did you mean `{near}`?"),
        None => format!("`{shown}` isn't a time zone; give an IANA name such as Europe/Berlin"),
    })
}

/// The zone that is always so many hours ahead of UTC, or behind, as something like `GMT+2` means; and in words. Its name
/// has the other sign.
fn fixed_offset(written: &str) -> Option<(String, String)> {
    let offset = ["GMT", "UTC"].iter().find_map(|name| written.strip_prefix(name));
    let offset = offset.unwrap_or(written);
    let ahead = match offset.chars().next()? {
        '+' => true,
        '-' => false,
        _ => return None,
    };
    let hours =
        offset[1..].trim_end_matches(":00").parse::<u8>().ok().filter(|hours| *hours > 0)?;
    let (sign, side) = if ahead { ('-', "ahead of") } else { ('+', "behind") };
    let name = format!("Etc/GMT{sign}{hours}");
    let said = format!("{hours} h {side}");
    Tz::from_str(&name).is_ok().then_some((name, said))
}

/// A moment written as in RFC 3339, in milliseconds since the epoch.
pub(super) fn parse_moment(text: &str) -> Option<i64> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?;
    let ms = moment.timestamp_millis();
    let whole = moment.timestamp_subsec_nanos() % 1_000_000 == 0;
    (whole && (EARLIEST_MS..=LATEST_MS).contains(&ms)).then_some(ms)
}

/// A moment in milliseconds since the epoch, written as in RFC 3339.
pub(super) fn write_moment(ms: i64) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(ms).unwrap_or_default();
    let (year, month, day) = (moment.year(), moment.month(), moment.day());
    let (hour, minute, second) = (moment.hour(), moment.minute(), moment.second());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The moment, if CEL's timestamps reach it.
pub(super) fn within_reach(ms: i64) -> Option<i64> {
    (EARLIEST_MS..=LATEST_MS).contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, hours: &[OpeningHours], utc: &str) -> LocalTime {
        let clock = OrgClock { zone: zone.to_owned(), hours: hours.to_vec() };
        clock.at(Timestamp::from_ms(parse_moment(utc).expect("the test's moments are valid")))
    }

    fn spell(weekday: u8, from_minute: u16, to_minute: u16) -> OpeningHours {
        OpeningHours { weekday, from_minute, to_minute }
    }

    #[test]
    fn r8_clocks_follow_summer_time() {
        let shown = |utc| {
            let local = at("Europe/Berlin", &[], utc);
            (local.day, local.weekday, local.hour, local.minute, local.minute_of_day)
        };
        // 29 March 2026: 02:00 becomes 03:00.
        assert_eq!(shown("2026-03-29T00:59:59Z"), (29, 7, 1, 59, 119));
        assert_eq!(shown("2026-03-29T01:00:00Z"), (29, 7, 3, 0, 180));
        // 25 October 2026: 03:00 becomes 02:00, and that hour comes twice.
        assert_eq!(shown("2026-10-25T00:30:00Z"), (25, 7, 2, 30, 150));
        assert_eq!(shown("2026-10-25T01:30:00Z"), (25, 7, 2, 30, 150));
        assert_eq!(shown("2026-10-25T02:00:00Z"), (25, 7, 3, 0, 180));
        let eve = at("Asia/Tokyo", &[], "2026-12-31T15:00:00Z");
        assert_eq!((eve.year, eve.month, eve.day, eve.hour), (2027, 1, 1, 0));
    }

    #[test]
    fn r8_business_hours_are_local_and_end_before_their_end() {
        let office: Vec<OpeningHours> = (1..=5).map(|day| spell(day, 9 * 60, 17 * 60)).collect();
        let open = |utc| at("Europe/Berlin", &office, utc).open;
        // The same nine o'clock, before and after the change to summer time.
        assert!(open("2026-03-27T08:00:00Z"));
        assert!(!open("2026-03-27T07:59:59Z"));
        assert!(open("2026-03-30T07:00:00Z"));
        assert!(!open("2026-03-30T06:59:59Z"));
        assert!(open("2026-10-26T15:59:59Z"));
        assert!(!open("2026-10-26T16:00:00Z"));
        assert!(!open("2026-10-25T10:00:00Z"), "a Sunday");
        assert!(at("Europe/Berlin", &[], "2026-10-25T10:00:00Z").open, "no hours: always open");
    }

    #[test]
    fn r8_a_spell_past_midnight_is_two() {
        let night = [spell(5, 22 * 60, 1_440), spell(6, 0, 2 * 60)];
        let open = |utc| at("UTC", &night, utc).open;
        assert!(!open("2026-03-27T21:59:00Z"));
        assert!(open("2026-03-27T23:59:59Z"));
        assert!(open("2026-03-28T00:00:00Z"));
        assert!(!open("2026-03-28T02:00:00Z"));
    }

    #[test]
    fn d4_a_zone_that_is_not_known_names_the_one_meant() {
        assert_eq!(check_zone("Europe/Berlin"), Ok(()));
        assert_eq!(check_zone("UTC"), Ok(()));
        let said = |zone| check_zone(zone).expect_err("this zone isn't known");
        assert_eq!(
            said("Europe/Berln"),
            "`Europe/Berln` isn't a time zone; did you mean `Europe/Berlin`?"
        );
        assert_eq!(
            said("europe/berlin"),
            "`europe/berlin` isn't a time zone; did you mean `Europe/Berlin`?"
        );
        assert_eq!(said("Tokyo"), "`Tokyo` isn't a time zone; did you mean `Asia/Tokyo`?");
        let ahead = "isn't a time zone; `Etc/GMT-2` is always 2 h ahead of UTC, and a place such as \
                     Europe/Berlin also changes its clocks";
        for offset in ["GMT+2", "UTC+02:00", "+02:00", "+2"] {
            assert_eq!(said(offset), format!("`{offset}` {ahead}"));
        }
        assert!(said("GMT-7").contains("`Etc/GMT+7` is always 7 h behind UTC"));
        for none in ["GMT+15", "UTC+5:30", "Etc/GMT+15", "+x"] {
            let plain =
                format!("`{none}` isn't a time zone; give an IANA name such as Europe/Berlin");
            assert_eq!(said(none), plain);
        }
        assert_eq!(said(""), "`` isn't a time zone; give an IANA name such as Europe/Berlin");
    }

    #[test]
    fn d4_the_ends_of_time_are_told_without_a_fault() {
        for ms in [i64::MIN, i64::MIN + 1, EARLIEST_MS, 0, LATEST_MS, i64::MAX] {
            for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Nowhere"] {
                let clock = OrgClock { zone: zone.to_owned(), hours: Vec::new() };
                let local = clock.at(Timestamp::from_ms(ms));
                assert!((1..=9999).contains(&local.year), "{ms} {zone}: {local:?}");
            }
        }
    }
}
