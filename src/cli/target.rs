//! What people write for a recipient, an attribute or a length of time, as values.

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
    fn recipients_are_read_as_they_are_written() {
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
    fn attributes_keep_further_equals_signs() {
        assert_eq!(attribute("q=a=b"), Ok(("q".into(), "a=b".into())));
        assert!(attribute("=b").is_err() && attribute("b").is_err());
    }
}
