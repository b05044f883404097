//! What people write for a recipient, an attribute, a skill or a length of time, as values, and back. Asked by the
//! arguments of the command line and by org files.

use std::time::Duration;

use super::names::nearest;
use crate::pb;
use crate::pb::recipient::Recipient as Kind;

/// Parses `rep:ana`, `queue:support`, `flow:triage` or `contact:PARTNER/CONTACT`.
pub fn recipient(text: &str) -> Result<pb::Recipient, String> {
    const KINDS: [&str; 4] = ["rep", "queue", "flow", "contact"];
    let Some((kind, id)) = text.split_once(':') else {
        return Err(format!(
            "`{text}` doesn't say what it is: write rep:{text}, queue:{text} or flow:{text}"
        ));
    };
    if id.is_empty() {
        return Err(format!("`{text}` lacks the id after the colon"));
    }
    let recipient = match kind {
        "rep" => Kind::Rep(id.to_owned()),
        "queue" => Kind::Queue(id.to_owned()),
        "flow" => Kind::Flow(id.to_owned()),
        "contact" => match id.split_once('/') {
            Some((partner, contact)) if !partner.is_empty() && !contact.is_empty() => {
                Kind::ExternalContact(pb::ExternalContactRef {
                    partner: partner.to_owned(),
                    contact: contact.to_owned(),
                })
            }
            _ => {
                return Err(format!(
                    "`{text}` must name partner and contact: contact:PARTNER/CONTACT"
                ));
            }
        },
        _ => {
            let near = nearest(kind, KINDS)
                .map_or_else(String::new, |near| format!(" (did you mean {near}:{id}?)"));
            return Err(format!(
                "`{kind}` isn't a kind of recipient: use rep:, queue:, flow: or contact:{near}"
            ));
        }
    };
    Ok(pb::Recipient { recipient: Some(recipient) })
}

/// A recipient as people write it.
pub fn recipient_text(recipient: Option<&pb::Recipient>) -> String {
    match recipient.and_then(|r| r.recipient.as_ref()) {
        Some(Kind::Rep(id)) => format!("rep:{id}"),
        Some(Kind::Queue(id)) => format!("queue:{id}"),
        Some(Kind::Flow(id)) => format!("flow:{id}"),
        Some(Kind::ExternalContact(c)) => format!("contact:{}/{}", c.partner, c.contact),
        None => String::new(),
    }
}

/// Parses `key=value`.
pub fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("`{text}` isn't key=value")),
    }
}

/// Parses `es=3`: a skill and the level asked for.
pub fn skill(text: &str) -> Result<pb::SkillLevel, String> {
    let bad = || format!("`{text}` isn't a skill with its level: write spanish=50");
    let (skill, level) = text.split_once('=').ok_or_else(bad)?;
    let level = level.parse().ok().filter(|level| *level <= 100);
    match level {
        Some(level) if !skill.is_empty() => Ok(pb::SkillLevel { skill: skill.to_owned(), level }),
        Some(_) => Err(bad()),
        None => Err(format!("`{text}`: a level is 0 to 100")),
    }
}

/// Parses `vip=1` or `vip=1:30s`: a skill wished for, and how long.
pub fn wish(text: &str) -> Result<pb::AdditionalSkill, String> {
    let (wanted, timeout) = match text.split_once(':') {
        Some((wanted, timeout)) => (wanted, Some(duration(timeout)?)),
        None => (text, None),
    };
    let timeout = timeout.map(prost_types::Duration::try_from).transpose();
    let timeout = timeout.map_err(|_| format!("`{text}` wishes for too long"))?;
    Ok(pb::AdditionalSkill { skill: Some(skill(wanted)?), timeout })
}

/// A length of time as people write it, to a tenth of a second: `1m30s`, `-4.5s`.
pub fn span(span: &prost_types::Duration) -> String {
    let ms = span.seconds.saturating_mul(1_000) + i64::from(span.nanos / 1_000_000);
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let tenths = if ms < 60_000 { (ms + 50) / 100 } else { (ms + 500) / 1_000 * 10 };
    if ms > 0 && tenths == 0 {
        return format!("{sign}{ms}ms");
    }
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let parts = [(seconds / 3_600, "h"), (seconds / 60 % 60, "m")];
    let mut text: String =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    match (seconds % 60, tenth) {
        (0, 0) if !text.is_empty() => {}
        (seconds, 0) => text += &format!("{seconds}s"),
        (seconds, tenth) => text += &format!("{seconds}.{tenth}s"),
    }
    format!("{sign}{text}")
}

/// Parses a point in time such as `2026-03-02T09:30:00Z`.
pub fn time(text: &str) -> Result<prost_types::Timestamp, String> {
    text.parse().map_err(|_| format!("`{text}` isn't a time: write 2026-03-02T09:30:00Z"))
}

/// Parses `250ms`, `30s`, `5m`, `24h`, `7d` or several of them in a row, such as `1m30s`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` isn't a length of time: write 250ms, 30s, 5m, 24h or 7d");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| at + digits);
        let unit_ms: u64 = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(bad()),
        };
        let part = number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = &rest[unit_end..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t2_recipients_are_read_as_they_are_written() {
        for text in
            ["rep:ana", "queue:support", "flow:triage", "contact:acme/front-desk", "rep:a:b"]
        {
            assert_eq!(recipient_text(Some(&recipient(text).unwrap())), text);
        }
    }

    #[test]
    fn a_bad_recipient_says_how_to_write_it() {
        for (text, said) in [
            ("ana", "write rep:ana"),
            ("rep:", "lacks the id"),
            ("reps:ana", "did you mean rep:ana?"),
            ("contact:acme", "contact:PARTNER/CONTACT"),
            ("team:x", "isn't a kind of recipient"),
        ] {
            let error = recipient(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "30", "s", "5 parsecs", "99999999999999999999s", "-1s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn skills_have_levels_and_wishes_may_have_a_limit() {
        let level = |skill: &str, level| pb::SkillLevel { skill: skill.into(), level };
        assert_eq!(skill("es=3"), Ok(level("es", 3)));
        let vip = wish("vip=1:1m30s").unwrap();
        assert_eq!(vip.skill, Some(level("vip", 1)));
        assert_eq!(vip.timeout.map(|t| t.seconds), Some(90));
        assert_eq!(wish("vip=1").unwrap().timeout, None);
        for bad in ["es", "=3", "es=", "es=101", "es=-1", "es=3:30s"] {
            assert!(skill(bad).is_err(), "{bad}");
        }
        assert!(wish("vip=1:soon").is_err() && wish("vip:30s").is_err());
    }

    #[test]
    fn lengths_of_time_are_written_as_they_are_read() {
        let of = |ms: i64| prost_types::Duration {
            seconds: ms / 1_000,
            nanos: i32::try_from(ms % 1_000 * 1_000_000).unwrap(),
        };
        for (ms, text) in [
            (0, "0s"),
            (40, "40ms"),
            (20_741, "20.7s"),
            (59_990, "1m"),
            (90_000, "1m30s"),
            (3_600_000, "1h"),
            (3_725_499, "1h2m5s"),
            (-4_500, "-4.5s"),
        ] {
            assert_eq!(span(&of(ms)), text);
        }
    }

    #[test]
    fn points_in_time_are_rfc_3339() {
        assert_eq!(time("1970-01-01T00:01:00Z").map(|t| t.seconds), Ok(60));
        assert_eq!(time("1970-01-01T02:01:00+02:00").map(|t| t.seconds), Ok(60));
        assert!(time("noon").is_err() && time("").is_err());
    }

    #[test]
    fn attributes_keep_further_equals_signs() {
        assert_eq!(attribute("q=a=b"), Ok(("q".into(), "a=b".into())));
        assert!(attribute("=b").is_err() && attribute("b").is_err());
    }
}
