//! How one rep looks: connected, chosen and available, kept apart (P3), and the ledger of what fills them (C7).

use super::{Context, json, names, words};
use crate::output::Table;
use crate::pb;

/// `baton reps get`.
pub async fn get(context: &Context, rep: String) -> anyhow::Result<()> {
    let client = context.client()?;
    let request = pb::GetRepPresenceRequest { rep: rep.clone(), ..Default::default() };
    let found = client.get_rep_presence(request).await?;
    let shown = found.rep_presence.unwrap_or_default();
    let at_least_revision = found.revision;
    let request = pb::ExplainCapacityRequest { rep, at_least_revision };
    let ledger = client.explain_capacity(request).await?.explanation.unwrap_or_default();
    context.out.one(
        || {
            let mut value = json::of("RepPresence", &shown);
            value["capacity"] = json::of("CapacityExplanation", &ledger);
            value
        },
        || format!("{}\n{}", text(&shown), ledger_text(&ledger)),
    );
    Ok(())
}

/// `baton explain capacity`.
pub async fn capacity(context: &Context, rep: String) -> anyhow::Result<()> {
    let request = pb::ExplainCapacityRequest { rep, ..Default::default() };
    let answer = context.client()?.explain_capacity(request).await?.explanation.unwrap_or_default();
    context.out.one(
        || json::of("CapacityExplanation", &answer),
        || format!("{}: {}", answer.rep, ledger_text(&answer)),
    );
    Ok(())
}

/// What a rep is, in words.
fn text(rep: &pb::RepPresence) -> String {
    let name = if rep.name == rep.rep { String::new() } else { rep.name.clone() };
    let mut rows = vec![
        ("rep", rep.rep.clone()),
        ("name", name),
        ("connected", connected(rep)),
        ("chosen", chosen(rep)),
        ("available", available(rep)),
    ];
    if let Some(presence) = &rep.presence {
        rows.push(("because", because(presence.cause, presence.changed_by.as_ref())));
        rows.push(("then", then(presence)));
        rows.push(("device", presence.device.clone()));
        rows.push(("presence", presence.id.clone()));
    }
    rows.push(("work", work(rep)));
    words::labelled(&rows)
}

fn work(rep: &pb::RepPresence) -> String {
    match &rep.sessions_kept_until {
        Some(until) => format!("{}, kept until {}", rep.open_work, words::clock(Some(until))),
        None => rep.open_work.to_string(),
    }
}

fn connected(rep: &pb::RepPresence) -> String {
    match (&rep.presence, &rep.last_closed) {
        (Some(presence), _) if rep.connected => {
            format!("yes, signed in at {}", words::clock(presence.opened_at.as_ref()))
        }
        (Some(presence), _) => format!(
            "no: not renewed since {}, and waited for",
            words::clock(presence.disconnected_since.as_ref())
        ),
        (None, Some(last)) => format!(
            "no: signed out at {} ({})",
            words::clock(last.closed_at.as_ref()),
            because(last.cause, last.closed_by.as_ref())
        ),
        (None, None) => "no: never signed in".to_owned(),
    }
}

fn chosen(rep: &pb::RepPresence) -> String {
    let Some(presence) = &rep.presence else { return "OFFLINE".to_owned() };
    let means = names::of::<pb::PresenceStatusType>(rep.status_type);
    let since = words::clock(presence.status_since.as_ref());
    format!("{} ({means}) since {since}", presence.status)
}

fn available(rep: &pb::RepPresence) -> String {
    if !rep.available_channel_types.is_empty() {
        return words::channel_types(&rep.available_channel_types);
    }
    let why = match &rep.presence {
        None => "offline",
        Some(_) if !rep.connected => "disconnected",
        Some(presence) if is_finishing(presence) => "finishing the current work",
        Some(_) if rep.status_type() == pb::PresenceStatusType::Busy => "busy",
        Some(_) => "full",
    };
    format!("no: {why}")
}

/// Why a presence is as it is, and who made it so (P8).
fn because(cause: i32, by: Option<&pb::Actor>) -> String {
    let cause = names::of::<pb::PresenceCause>(cause);
    match by {
        Some(by) => format!("{cause}, by {}", words::actor(Some(by))),
        None => cause,
    }
}

fn is_finishing(presence: &pb::Presence) -> bool {
    presence.close_when_done || !presence.next_status.is_empty()
}

/// What happens when the current work is done (P10).
fn then(presence: &pb::Presence) -> String {
    match (presence.next_status.as_str(), presence.close_when_done) {
        ("", false) => String::new(),
        ("", true) => "signs out when the current work is done; nothing new until then".to_owned(),
        (next, _) => {
            format!("goes {next} when the current work is done; nothing new until then")
        }
    }
}

/// What became of a choice, in a sentence.
pub fn choice(rep: &pb::RepPresence) -> String {
    match &rep.presence {
        None => format!("{} is OFFLINE", rep.rep),
        Some(presence) if is_finishing(presence) => {
            format!("{} stays {}, and {}", rep.rep, presence.status, then(presence))
        }
        Some(presence) => format!("{} is {}", rep.rep, presence.status),
    }
}

/// What fills a rep: the sum, and the work that it is the sum of.
fn ledger_text(told: &pb::CapacityExplanation) -> String {
    let mut sum = format!(
        "{} of {} units, {}",
        words::units(told.used_centi_units),
        words::units(told.capacity_centi_units),
        words::percent(told.used_centi_percent)
    );
    if told.interruptible_capacity_centi_units > 0 || told.interruptible_used_centi_units > 0 {
        sum += &format!(
            "; interruptible {} of {}",
            words::units(told.interruptible_used_centi_units),
            words::units(told.interruptible_capacity_centi_units)
        );
    }
    if told.lines.is_empty() {
        return format!("{sum}: nothing holds capacity");
    }
    let mut rows = Table::new(["HOLDS", "SINCE", "SESSION", "CHANNEL", "STATE", "WHY", "WORK"]);
    for line in &told.lines {
        let pool = if line.interruptible { " interruptible" } else { "" };
        rows.row([
            words::units(line.holds_centi_units) + pool,
            words::clock(line.since.as_ref()),
            line.session.clone(),
            line.channel.clone(),
            names::of::<pb::WorkState>(line.state),
            line.why.clone(),
            line.work.clone(),
        ]);
    }
    format!("{sum}\n\n{}", rows.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ana() -> pb::RepPresence {
        pb::RepPresence {
            rep: "ana".into(),
            name: "Ana Ruiz".into(),
            connected: true,
            status: "available".into(),
            status_type: pb::PresenceStatusType::Online.into(),
            available_channel_types: vec![pb::ChannelType::Whatsapp.into()],
            presence: Some(pb::Presence {
                status: "available".into(),
                cause: pb::PresenceCause::Supervisor.into(),
                changed_by: Some(pb::Actor { role: pb::Role::Supervisor.into(), id: "sue".into() }),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn line<'t>(text: &'t str, label: &str) -> &'t str {
        text.lines().find(|line| line.starts_with(label)).unwrap_or_default()
    }

    #[test]
    fn p3_connected_chosen_and_available_are_three_lines() {
        let mut rep = ana();
        let told = text(&rep);
        assert!(line(&told, "connected").contains("yes"), "{told}");
        assert!(line(&told, "chosen").contains("available (ONLINE)"), "{told}");
        assert!(line(&told, "available").contains("WHATSAPP"), "{told}");
        assert!(line(&told, "because").contains("SUPERVISOR, by supervisor sue"), "{told}");
        rep.available_channel_types.clear();
        assert!(line(&text(&rep), "available").contains("no: full"));
        rep.connected = false;
        let told = text(&rep);
        assert!(line(&told, "connected").contains("not renewed since"), "{told}");
        assert!(line(&told, "available").contains("no: disconnected"), "{told}");
        rep.presence = None;
        rep.last_closed = Some(pb::ClosedPresence {
            cause: pb::PresenceCause::ConnectionLost.into(),
            ..Default::default()
        });
        let told = text(&rep);
        assert!(line(&told, "connected").contains("CONNECTION_LOST"), "{told}");
        assert!(line(&told, "chosen").contains("OFFLINE"), "{told}");
        rep.sessions_kept_until = Some(prost_types::Timestamp::default());
        assert!(line(&text(&rep), "work").contains("0, kept until"));
    }

    #[test]
    fn p10_what_happens_after_the_work_is_said() {
        let mut rep = ana();
        rep.available_channel_types.clear();
        rep.presence.as_mut().unwrap().next_status = "busy".into();
        assert!(line(&text(&rep), "available").contains("finishing"));
        assert!(choice(&rep).starts_with("ana stays available, and goes busy when"), "{rep:?}");
        rep.presence.as_mut().unwrap().next_status.clear();
        assert_eq!(choice(&rep), "ana is available");
        rep.presence = None;
        assert_eq!(choice(&rep), "ana is OFFLINE");
    }

    #[test]
    fn c7_the_ledger_has_its_sum_and_both_pools() {
        let mut told = pb::CapacityExplanation {
            used_centi_units: 150,
            capacity_centi_units: 300,
            used_centi_percent: 5_000,
            ..Default::default()
        };
        assert_eq!(ledger_text(&told), "1.5 of 3 units, 50%: nothing holds capacity");
        told.interruptible_capacity_centi_units = 200;
        told.lines = vec![pb::CapacityLine {
            session: "s-1".into(),
            holds_centi_units: 100,
            interruptible: true,
            why: "the rep has the session".into(),
            ..Default::default()
        }];
        let text = ledger_text(&told);
        assert!(text.contains("; interruptible 0 of 2\n"), "{text}");
        assert!(text.contains("1 interruptible"), "{text}");
        assert!(text.contains("the rep has the session"), "{text}");
    }
}
