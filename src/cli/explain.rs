//! `quote`, `recipients` and `explain`: what would happen, to whom, and why not.

use anyhow::bail;

use super::args::{Explain, Recipients};
use super::{Context, asked, contact, json, names, queue, rep, target, words};
use crate::output::Table;
use crate::pb;
use crate::pb::recipient_entry::Entry;

const NO_SESSION: &str =
    "for which session? Give its ID, or --channel ID for any session of a channel";

/// `baton quote`.
pub async fn quote(context: &Context, session: String, to: pb::Recipient) -> anyhow::Result<()> {
    let request = pb::QuoteTransferRequest { session, recipient: Some(to), ..Default::default() };
    let quote = context.client()?.quote_transfer(request).await?;
    context.out.one(|| json::of("QuoteTransferResponse", &quote), || quote_text(&quote));
    Ok(())
}

fn quote_text(quote: &pb::QuoteTransferResponse) -> String {
    let queue = match quote.queue.as_str() {
        "" => String::new(),
        queue => format!(" of queue:{queue}"),
    };
    let line = match (quote.queue.as_str(), quote.rep.as_str()) {
        ("", "") => String::new(),
        ("", rep) => format!(" for {rep}"),
        (queue, _) => format!(" in queue:{queue}"),
    };
    let wait = quote.estimated_wait.as_ref();
    let wait = wait.map_or_else(String::new, |wait| format!(", about {}", target::span(wait)));
    let mut text = match (quote.allowed, quote.offered_now, quote.would_wait) {
        (false, ..) => "not allowed".to_owned(),
        (true, true, _) if quote.rep.is_empty() => {
            "allowed: the partner is asked at once; the session stays where it is meanwhile"
                .to_owned()
        }
        (true, true, _) => format!("allowed: offered at once to {}{queue}", quote.rep),
        (true, false, true) => {
            format!("allowed: it would wait{line}, place {}{wait}", quote.position)
        }
        (true, false, false) => "allowed".to_owned(),
    };
    if quote.allowed && quote.would_be_stranded {
        text += "; nobody there could ever take it";
    }
    if quote.allowed && quote.original_rep_removed_at_once {
        text += "; the original rep is removed at once";
    }
    for reason in &quote.reasons {
        text += &format!("\n  {}: {}", names::of::<pb::ErrorReason>(reason.reason), reason.text);
    }
    text
}

/// `baton recipients`.
pub async fn recipients(context: &Context, args: Recipients) -> anyhow::Result<()> {
    use pb::list_recipients_request::About;
    let client = context.client()?;
    let session = args.session.or(args.named);
    let about = session.map(About::Session).or(args.channel.map(About::Channel));
    if about.is_none() {
        bail!(NO_SESSION);
    }
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListRecipientsRequest {
            r#type: args.kind as i32,
            query: args.query.clone(),
            page_size: i32::try_from((args.limit - entries.len()).clamp(1, 500))?,
            page_token,
            about: about.clone(),
            contact_types: args.contact_type.clone(),
            contact_availabilities: contact::availabilities(&args.availability),
            ..Default::default()
        };
        let page = client.list_recipients(request).await?;
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() || entries.len() >= args.limit {
            break;
        }
    }
    let table = |entries: &[pb::RecipientEntry]| recipients_table(args.kind, entries);
    context.out.list(&entries, |entry| json::of("RecipientEntry", entry), table);
    Ok(())
}

fn recipients_table(kind: pb::RecipientType, entries: &[pb::RecipientEntry]) -> Table {
    let figures: &[&'static str] = match kind {
        pb::RecipientType::Rep => &["USED", "NOW"],
        pb::RecipientType::Queue => &["WAITING", "AVAILABLE", "ESTIMATED WAIT", "SAMPLES"],
        pb::RecipientType::ExternalContact => &["TYPE", "AVAILABILITY", "WAIT"],
        _ => &[],
    };
    let mut headings = vec!["RECIPIENT", "NAME"];
    headings.extend(figures);
    headings.extend(["TRANSFERABLE", "REASONS"]);
    let mut rows = Table::new(headings);
    for entry in entries {
        let Some(mut cells) = recipient_cells(entry) else { continue };
        let reasons: Vec<String> =
            entry.reasons.iter().map(|r| names::of::<pb::ErrorReason>(r.reason)).collect();
        cells.push(if entry.transferable { "yes" } else { "no" }.to_owned());
        cells.push(reasons.join(","));
        rows.row(cells);
    }
    rows
}

fn recipient_cells(entry: &pb::RecipientEntry) -> Option<Vec<String>> {
    Some(match entry.entry.as_ref()? {
        Entry::Rep(rep) => {
            let now = match (entry.transferable, rep.available_now) {
                (false, _) => "no",
                (true, true) => "yes",
                (true, false) => "would wait",
            };
            let used = words::percent(rep.used_centi_percent);
            vec![format!("rep:{}", rep.rep), rep.name.clone(), used, now.to_owned()]
        }
        Entry::Queue(q) => vec![
            format!("queue:{}", q.queue),
            q.name.clone(),
            q.length.to_string(),
            q.available_reps.to_string(),
            queue::wait(q.estimated_wait.as_ref()),
            q.estimated_wait.as_ref().map(|wait| wait.samples.to_string()).unwrap_or_default(),
        ],
        Entry::Flow(f) => vec![format!("flow:{}", f.flow), f.name.clone()],
        Entry::ExternalContact(c) => {
            let wait = c.estimated_wait.as_ref().map(target::span).unwrap_or_default();
            let availability = words::set_name::<pb::ContactAvailability>(c.availability);
            let contact = asked::contact(c.contact.as_ref());
            vec![contact, c.name.clone(), c.r#type.clone(), availability, wait]
        }
    })
}

/// `baton explain`.
pub async fn explain(context: &Context, args: Explain) -> anyhow::Result<()> {
    if args.what == "capacity" {
        let Some(rep) = args.rep.or_else(|| context.global.actor.clone()) else {
            bail!("whose capacity? Write `explain capacity ana`");
        };
        return rep::capacity(context, rep).await;
    }
    let recipient = target::recipient(&args.what).map_err(anyhow::Error::msg)?;
    let whom = args.what.strip_prefix("rep:").unwrap_or(&args.what).to_owned();
    let of = match (&args.session, &args.channel) {
        (Some(session), _) => format!("session {session}"),
        (None, channel) => {
            format!("a session of channel {}", channel.as_deref().unwrap_or_default())
        }
    };
    use pb::explain_recipient_request::About;
    let about = args.session.map(About::Session).or(args.channel.map(About::Channel));
    if about.is_none() {
        bail!(NO_SESSION);
    }
    let request =
        pb::ExplainRecipientRequest { recipient: Some(recipient), about, ..Default::default() };
    let answer = context.client()?.explain_recipient(request).await?;
    context.out.one(
        || json::of("ExplainRecipientResponse", &answer),
        || recipient_text(&answer, &whom, &of),
    );
    Ok(())
}

/// The verdict in a sentence, then the rules in words: first those that speak against it.
fn recipient_text(answer: &pb::ExplainRecipientResponse, whom: &str, about: &str) -> String {
    let (against, passed): (Vec<_>, Vec<_>) = answer.verdicts.iter().partition(|v| !v.passed);
    let mut text = verdict(answer, whom, about);
    for (mark, rules) in [("✗", against), ("✓", passed)] {
        for rule in rules {
            let reason = if rule.passed {
                String::new()
            } else {
                format!("  [{}{}]", names::of::<pb::ErrorReason>(rule.reason), effect(rule))
            };
            text += &format!("\n  {mark} {:4} {}{reason}", rule.rule, rule.text);
        }
    }
    if !answer.reps.is_empty() {
        text += &format!("\n\n{}", reps_table(&answer.reps).text());
    }
    text
}

fn verdict(answer: &pb::ExplainRecipientResponse, whom: &str, about: &str) -> String {
    let listed = if answer.listed { "is in the list" } else { "isn't in the list" };
    let can = match (answer.transferable, answer.would_wait) {
        (false, _) => format!("can't be given {about}"),
        (true, true) if answer.would_be_stranded => {
            format!("{about} would wait: nobody there could ever take it")
        }
        (true, true) => format!("{about} would wait"),
        (true, false) => format!("can be given {about} now"),
    };
    let and = if answer.listed == answer.transferable { "and" } else { "but" };
    format!("{whom} {listed}, {and} {can}")
}

/// What a rule that isn't passed does.
fn effect(rule: &pb::RuleVerdict) -> &'static str {
    match (rule.hides, rule.forbids) {
        (true, true) => ": hides and forbids",
        (true, false) => ": hides",
        (false, true) => ": forbids",
        (false, false) => "",
    }
}

/// The reps of a queue, the next to be asked first, and why not.
fn reps_table(reps: &[pb::RepVerdicts]) -> Table {
    let mut rows = Table::new(["REP", "COULD TAKE IT", "RULES", "WHY NOT"]);
    for rep in reps {
        let rules: Vec<&str> = rep.verdicts.iter().map(|v| v.rule.as_str()).collect();
        let why: Vec<&str> = rep.verdicts.iter().map(|v| v.text.as_str()).collect();
        let could = if rep.could_take { "yes" } else { "no" };
        rows.row([rep.rep.clone(), could.to_owned(), rules.join(","), why.join("; ")]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t24_a_quote_says_where_it_would_wait_and_for_how_long() {
        let mut quote = pb::QuoteTransferResponse {
            allowed: true,
            would_wait: true,
            queue: "care".into(),
            position: 3,
            original_rep_removed_at_once: true,
            ..Default::default()
        };
        assert!(quote_text(&quote).starts_with("allowed: it would wait in queue:care, place 3;"));
        quote.estimated_wait = Some(prost_types::Duration { seconds: 40, nanos: 0 });
        assert!(quote_text(&quote).contains("place 3, about 40s;"));
        quote.would_be_stranded = true;
        assert!(quote_text(&quote).contains("; nobody there could ever take it;"));
        quote.would_be_stranded = false;
        quote.offered_now = true;
        quote.rep = "cleo".into();
        quote.original_rep_removed_at_once = false;
        assert_eq!(quote_text(&quote), "allowed: offered at once to cleo of queue:care");
        quote.allowed = false;
        assert_eq!(quote_text(&quote), "not allowed");
    }

    #[test]
    fn l6_a_queue_is_explained_by_its_rules_and_its_reps() {
        let verdict = |rule: &str, text: &str| pb::RuleVerdict {
            rule: rule.into(),
            text: text.into(),
            ..Default::default()
        };
        let answer = pb::ExplainRecipientResponse {
            verdicts: vec![
                pb::RuleVerdict { passed: true, ..verdict("T15", "ana may transfer there") },
                pb::RuleVerdict { forbids: true, ..verdict("P1", "nobody is there") },
            ],
            listed: true,
            reps: vec![
                pb::RepVerdicts { rep: "cleo".into(), could_take: true, verdicts: Vec::new() },
                pb::RepVerdicts {
                    rep: "dan".into(),
                    could_take: false,
                    verdicts: vec![verdict("P1", "dan is offline"), verdict("R4", "lacks es")],
                },
            ],
            ..Default::default()
        };
        let text = recipient_text(&answer, "queue:care", "session s");
        let (rules, reps) = text.split_once("\n\n").unwrap();
        let rules: Vec<&str> = rules.lines().collect();
        assert_eq!(rules[0], "queue:care is in the list, but can't be given session s");
        assert!(
            rules[1].starts_with("  ✗ P1   nobody is there  [") && rules[1].ends_with("forbids]")
        );
        assert_eq!(rules[2], "  ✓ T15  ana may transfer there", "{text}");
        assert!(reps.starts_with("REP   COULD TAKE IT  RULES"), "{text}");
        assert!(reps.ends_with("dan   no             P1,R4  dan is offline; lacks es\n"), "{text}");
    }

    #[test]
    fn l3_queues_are_listed_with_figures_of_their_own() {
        let estimated_wait =
            Some(pb::EstimatedWait { samples: 3, samples_needed: 10, ..Default::default() });
        let queue = pb::QueueEntry { queue: "care".into(), estimated_wait, ..Default::default() };
        let entry = pb::RecipientEntry { entry: Some(Entry::Queue(queue)), ..Default::default() };
        let text = recipients_table(pb::RecipientType::Queue, &[entry]).text();
        assert!(text.contains("absent (3 of 10)"), "{text}");
    }
}
