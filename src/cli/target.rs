//! What people write for a recipient, an attribute, a skill or a length of time, as values, and back. Asked by the
//! arguments of the command line and by org files.

use std::time::{Duration, SystemTime};

use super::names::{Named as _, nearest};
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

/// Parses `rep:ana`, `queue:support` or `flow:triage`: a recipient within the org.
pub fn inner_recipient(text: &str) -> Result<pb::Recipient, String> {
    let parsed = recipient(text)?;
    match parsed.recipient {
        Some(Kind::ExternalContact(_)) => {
            Err(format!("`{text}` is outside: write rep:ID, queue:ID or flow:ID"))
        }
        _ => Ok(parsed),
    }
}

/// Parses where a partner routes a session: `rep:ana`, `queue:support`, `flow:triage` or `contact:42`, one of its own.
pub fn route(text: &str) -> Result<pb::route_session_request::Target, String> {
    use pb::route_session_request::Target;
    if let Some(contact) = text.strip_prefix("contact:") {
        return match contact {
            "" => Err(format!("`{text}` lacks the id after the colon")),
            of if of.contains('/') => Err(format!(
                "`{text}` names a partner: a partner routes to contacts of its own, so write contact:ID"
            )),
            id => Ok(Target::Contact(id.to_owned())),
        };
    }
    Ok(match recipient(text)?.recipient {
        Some(Kind::Rep(id)) => Target::Rep(id),
        Some(Kind::Queue(id)) => Target::Queue(id),
        Some(Kind::Flow(id)) => Target::Flow(id),
        Some(Kind::ExternalContact(contact)) => Target::Contact(contact.contact),
        None => return Err(format!("`{text}` isn't a target")),
    })
}

/// Parses a type of recipients; `contact` is short for EXTERNAL_CONTACT.
pub fn recipient_type(text: &str) -> Result<pb::RecipientType, String> {
    match text.to_ascii_lowercase().as_str() {
        "contact" | "contacts" => Ok(pb::RecipientType::ExternalContact),
        _ => pb::RecipientType::parse(text),
    }
}

/// Parses a reason for which a partner may fail what it is asked; EXPIRED is what the server says of silence.
pub fn answerable_failure(text: &str) -> Result<pb::HandoffFailure, String> {
    match pb::HandoffFailure::parse(text)? {
        pb::HandoffFailure::Expired => {
            Err("EXPIRED is what is said of a partner that didn't answer: use another reason"
                .into())
        }
        reason => Ok(reason),
    }
}

/// Parses how many contacts go into a call: 1 to 10000.
pub fn page_size(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| format!("`{text}` isn't a number from 1 to 10000"))
}

/// Parses a weight: units such as `2` or `0.5`, or a percentage such as `50%`.
pub fn weight(text: &str) -> Result<pb::weight::Weight, String> {
    use pb::weight::Weight;
    let bad =
        || format!("must be units such as 1 or 0.5, or a percentage such as 25%, not `{text}`");
    if let Some(percent) = text.strip_suffix('%') {
        let centi = hundredths(percent.trim_end()).filter(|centi| *centi <= 10_000);
        return i32::try_from(centi.ok_or_else(bad)?).map(Weight::CentiPercent).map_err(|_| bad());
    }
    hundredths(text).filter(|c| *c <= MOST_CENTI_UNITS).map(Weight::CentiUnits).ok_or_else(bad)
}

/// A million units.
pub const MOST_CENTI_UNITS: i64 = 100_000_000;

/// `2.5` as 250: exact, no floats.
pub fn hundredths(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 12
        || decimals.len() > 2
        || !digits(whole)
        || !digits(decimals)
    {
        return None;
    }
    let decimals: i64 = format!("{decimals:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(decimals)
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

/// Parses a time, or how long ago it was by this machine's clock.
pub fn since(text: &str) -> Result<prost_types::Timestamp, String> {
    let ago = || Some(SystemTime::now().checked_sub(duration(text).ok()?)?.into());
    time(text).ok().or_else(ago).ok_or_else(|| {
        format!("`{text}` isn't a time: write 2026-03-02T09:30:00Z, or 30m or 7d for so long ago")
    })
}

/// Parses `SESSION`, `QUEUE:billing`: a kind of things that the audit names, or one of them.
pub fn audited(text: &str) -> Result<(pb::AuditKind, String), String> {
    let (kind, id) = text.split_once(':').unwrap_or((text, ""));
    Ok((pb::AuditKind::parse(kind)?, id.to_owned()))
}

/// Parses `250ms`, `30s`, `1.5s`, `5m`, `24h`, `7d` or several of them in a row, such as `1m30s`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("`{text}` isn't a length of time: write 250ms, 30s, 5m, 24h or 7d");
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let figures = |c: char| c.is_ascii_digit() || c == '.';
        let digits = rest.find(|c: char| !figures(c)).ok_or_else(bad)?;
        let unit_end = rest[digits..].find(figures).map_or(rest.len(), |at| at + digits);
        let unit_ms: u64 = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(bad()),
        };
        let part = span_of(&rest[..digits], unit_ms).ok_or_else(bad)?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = &rest[unit_end..];
    }
    Ok(total)
}

/// So many units of so many milliseconds; of fractions, what is less than a millisecond doesn't count.
fn span_of(number: &str, unit_ms: u64) -> Option<Duration> {
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if decimals.is_empty() || decimals.len() > 9 || decimals.contains('.') {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit_ms)?;
    let scale = 10_u64.pow(u32::try_from(decimals.len()).ok()?);
    let part = decimals.parse::<u64>().ok()?.checked_mul(unit_ms)? / scale;
    whole.checked_add(part).map(Duration::from_millis)
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
    fn n1_a_partner_routes_to_contacts_of_its_own() {
        use pb::route_session_request::Target;
        assert_eq!(route("contact:42"), Ok(Target::Contact("42".into())));
        assert_eq!(route("rep:a:b"), Ok(Target::Rep("a:b".into())));
        assert!(route("contact:acme/42").unwrap_err().contains("write contact:ID"));
        assert!(route("contact:").is_err() && route("ana").is_err());
        assert!(inner_recipient("contact:acme/42").unwrap_err().contains("is outside"));
        assert!(inner_recipient("flow:triage").is_ok());
    }

    #[test]
    fn c1_weights_are_units_or_a_percentage() {
        use pb::weight::Weight;
        assert_eq!(weight("2"), Ok(Weight::CentiUnits(200)));
        assert_eq!(weight("0.5"), Ok(Weight::CentiUnits(50)));
        assert_eq!(weight("12.5%"), Ok(Weight::CentiPercent(1_250)));
        for bad in ["", "%", "101%", "-1", "2 units", "1.234"] {
            assert!(weight(bad).unwrap_err().contains("a percentage such as 25%"), "{bad}");
        }
    }

    #[test]
    fn t23_a_partner_cant_answer_that_it_was_late() {
        assert_eq!(answerable_failure("no-answer"), Ok(pb::HandoffFailure::NoAnswer));
        assert!(answerable_failure("expired").unwrap_err().contains("didn't answer"));
        assert!(answerable_failure("bussy").unwrap_err().contains("did you mean BUSY?"));
    }

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("24h"), Ok(Duration::from_secs(86_400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("20.000250s"), Ok(Duration::from_secs(20)));
        assert_eq!(duration("0.5h1.25s"), Ok(Duration::from_millis(1_801_250)));
        let bad =
            ["", "30", "s", "5 parsecs", "99999999999999999999s", "-1s", "1..5s", "1.s", ".5s"];
        for bad in bad {
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
