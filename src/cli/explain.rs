//! `quote`, `recipients` and `explain`: what would happen, to whom, and why not.

use anyhow::bail;

use super::args::{Explain, Recipients};
use super::names::{self};
use super::output::Table;
use super::{Context, json, table, target};
use crate::pb;
use crate::pb::recipient_entry::Entry;

/// `baton quote`.
pub async fn quote(context: &Context, session: String, to: pb::Recipient) -> anyhow::Result<()> {
    let request = pb::QuoteTransferRequest { session, recipient: Some(to), ..Default::default() };
    let quote = context.client()?.quote_transfer(request).await?;
    context.out.one(
        || json::of("QuoteTransferResponse", &quote),
        || {
            let mut text = match (quote.allowed, quote.offered_now, quote.would_wait) {
                (false, ..) => "not allowed".to_owned(),
                (true, true, _) => format!("allowed: offered at once to {}", quote.rep),
                (true, false, true) => format!(
                    "allowed: it would wait, at position {}; the original rep is removed at once",
                    quote.position
                ),
                (true, false, false) => "allowed".to_owned(),
            };
            for reason in &quote.reasons {
                text += &format!(
                    "\n  {}: {}",
                    names::of::<pb::ErrorReason>(reason.reason),
                    reason.text
                );
            }
            text
        },
    );
    Ok(())
}

/// `baton recipients`.
pub async fn recipients(context: &Context, args: Recipients) -> anyhow::Result<()> {
    use pb::list_recipients_request::About;
    let client = context.client()?;
    let about = args.session.map(About::Session).or(args.channel.map(About::Channel));
    let mut entries = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListRecipientsRequest {
            r#type: args.kind as i32,
            query: args.query.clone(),
            page_size: i32::try_from((args.limit - entries.len()).clamp(1, 500))?,
            page_token,
            about: about.clone(),
            ..Default::default()
        };
        let page = client.list_recipients(request).await?;
        entries.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() || entries.len() >= args.limit {
            break;
        }
    }
    context.out.list(&entries, |entry| json::of("RecipientEntry", entry), recipients_table);
    Ok(())
}

fn recipients_table(entries: &[pb::RecipientEntry]) -> Table {
    let mut rows = Table::new(["RECIPIENT", "NAME", "USED", "NOW", "TRANSFERABLE", "REASONS"]);
    for entry in entries {
        let (id, name, used, now) = match &entry.entry {
            Some(Entry::Rep(rep)) => {
                let now = if rep.available_now { "yes" } else { "would wait" };
                (
                    format!("rep:{}", rep.rep),
                    rep.name.clone(),
                    table::percent(rep.used_centi_percent),
                    now,
                )
            }
            Some(Entry::Queue(q)) => {
                (format!("queue:{}", q.queue), q.name.clone(), String::new(), "")
            }
            Some(Entry::Flow(f)) => (format!("flow:{}", f.flow), f.name.clone(), String::new(), ""),
            Some(Entry::ExternalContact(c)) => {
                let contact = c.contact.clone().unwrap_or_default();
                (
                    format!("contact:{}/{}", contact.partner, contact.contact),
                    c.name.clone(),
                    String::new(),
                    "",
                )
            }
            None => continue,
        };
        let reasons: Vec<String> =
            entry.reasons.iter().map(|r| names::of::<pb::ErrorReason>(r.reason)).collect();
        let transferable = if entry.transferable { "yes" } else { "no" };
        rows.row([id, name, used, now.to_owned(), transferable.to_owned(), reasons.join(",")]);
    }
    rows
}

/// `baton explain`.
pub async fn explain(context: &Context, args: Explain) -> anyhow::Result<()> {
    if args.what == "capacity" {
        let Some(rep) = args.rep.or_else(|| context.global.actor.clone()) else {
            bail!("whose capacity? Write `explain capacity ana`");
        };
        return capacity(context, rep).await;
    }
    let recipient = target::recipient(&args.what).map_err(anyhow::Error::msg)?;
    use pb::explain_recipient_request::About;
    let about = args.session.map(About::Session).or(args.channel.map(About::Channel));
    if about.is_none() {
        bail!("for which session? Give --session ID, or --channel ID for any session of a channel");
    }
    let request =
        pb::ExplainRecipientRequest { recipient: Some(recipient), about, ..Default::default() };
    let answer = context.client()?.explain_recipient(request).await?;
    context.out.one(|| json::of("ExplainRecipientResponse", &answer), || recipient_text(&answer));
    Ok(())
}

fn recipient_text(answer: &pb::ExplainRecipientResponse) -> String {
    let mut rows = Table::new(["RULE", "PASSED", "REASON", "EFFECT", "TEXT"]);
    for verdict in &answer.verdicts {
        let effect = match (verdict.passed, verdict.hides, verdict.forbids) {
            (true, ..) => "",
            (_, true, true) => "hides and forbids",
            (_, true, false) => "hides",
            (_, false, true) => "forbids",
            (_, false, false) => "none",
        };
        rows.row([
            verdict.rule.clone(),
            if verdict.passed { "yes" } else { "no" }.to_owned(),
            if verdict.passed {
                String::new()
            } else {
                names::of::<pb::ErrorReason>(verdict.reason)
            },
            effect.to_owned(),
            verdict.text.clone(),
        ]);
    }
    let yes = |is: bool| if is { "yes" } else { "no" };
    format!(
        "listed: {}  transferable: {}  would wait: {}\n{}",
        yes(answer.listed),
        yes(answer.transferable),
        yes(answer.would_wait),
        rows.text()
    )
}

async fn capacity(context: &Context, rep: String) -> anyhow::Result<()> {
    let request = pb::ExplainCapacityRequest { rep, ..Default::default() };
    let answer = context.client()?.explain_capacity(request).await?.explanation.unwrap_or_default();
    context.out.one(
        || json::of("CapacityExplanation", &answer),
        || {
            let mut rows = Table::new([
                "WORK", "SESSION", "CHANNEL", "STATE", "HOLDS", "SINCE", "REASON", "WHY",
            ]);
            for line in &answer.lines {
                rows.row([
                    line.work.clone(),
                    line.session.clone(),
                    line.channel.clone(),
                    names::of::<pb::WorkState>(line.state),
                    table::units(line.holds_centi_units),
                    table::clock(line.since.as_ref()),
                    names::of::<pb::HoldReason>(line.reason),
                    line.why.clone(),
                ]);
            }
            format!(
                "{}: {} of {} units, {}\n{}",
                answer.rep,
                table::units(answer.used_centi_units),
                table::units(answer.capacity_centi_units),
                table::percent(answer.used_centi_percent),
                if rows.len() == 0 { String::new() } else { rows.text() }
            )
        },
    );
    Ok(())
}
