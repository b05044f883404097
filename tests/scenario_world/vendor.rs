//! What partners do in scenarios, and what is asked about them.
//!
//! `vendor ack s` · `vendor ack s as w1` · `vendor renew s` · `vendor take s` · `vendor refuse s BUSY` ·
//! `vendor route s rep:ana whatever weight=1.50 barred=decline,transfer,end` · `vendor cannot s` ·
//! `channel return s queue:sales` · `? ask s: routing ASKED NEW 1` · `? partner vendor: away, 1 stranded`

use baton::domain::command::{Command, Returning, RouteAnswer, RouteTarget, Target};
use baton::domain::id::{PartnerId, SessionId};
use baton::domain::live::{
    AskFailure, FailureReason, OpenAskKind, PartnerAsk, Recipient, WorkRestrictions,
};
use baton::domain::record_lookup::RecordLookup;
use baton::domain::time::Span;
use baton::domain::units::{CentiPercent, Units, Weight};

use super::{Result, World, recipient};

/// The words of an answer, besides what it is.
#[derive(Default)]
struct Said {
    reference: String,
    lease: Option<Span>,
    whatever: bool,
    weight: Option<Weight>,
    restrictions: WorkRestrictions,
}

fn said(words: &[&str]) -> Result<Said> {
    let mut said = Said::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.split_once('=') {
            None if *word == "as" => said.reference = (*rest.next().ok_or("as whom?")?).to_owned(),
            None if *word == "whatever" => said.whatever = true,
            Some(("lease", seconds)) => {
                let seconds = seconds.parse().map_err(|_| "lease=SECONDS")?;
                said.lease = Some(Span::from_secs(seconds));
            }
            Some(("weight", text)) => said.weight = Some(weight(text)?),
            Some(("barred", from)) => {
                let from: Vec<&str> = from.split(',').collect();
                let barred = |what| from.contains(&what);
                let (decline, transfer) = (barred("decline"), barred("transfer"));
                said.restrictions = WorkRestrictions { decline, transfer, end: barred("end") };
            }
            _ => return Err(format!("unknown word {word}")),
        }
    }
    Ok(said)
}

/// `2` units, or `50%`.
fn weight(text: &str) -> Result<Weight> {
    match text.strip_suffix('%') {
        Some(share) => {
            let share: u32 = share.parse().map_err(|_| "weight=50%")?;
            Ok(Weight::Percent(CentiPercent::new(share * 100)))
        }
        None => Ok(Weight::Units(Units::whole(text.parse().map_err(|_| "weight=2")?))),
    }
}

fn failure(name: &str) -> Result<FailureReason> {
    use FailureReason::{Busy, Closed, Error, NoAnswer, Overloaded, Refused, UnknownContact};
    let all = [Busy, NoAnswer, Closed, UnknownContact, Refused, Overloaded, Error];
    all.into_iter().find(|known| known.name() == name).ok_or_else(|| format!("no reason {name}"))
}

impl World {
    /// What is open, or was last asked, about a session.
    fn ask_of(&self, label: &str) -> Result<PartnerAsk> {
        let id = self.session(label)?;
        let open = self.state.session(&id).and_then(|session| session.open_ask());
        open.or_else(|| self.last_ask(id)).ok_or_else(|| format!("nobody was asked about {label}"))
    }

    fn last_ask(&self, session: SessionId) -> Option<PartnerAsk> {
        let asked_at = |ask: &PartnerAsk| match ask {
            PartnerAsk::Handoff(id) => self.state.handoff(id).map(|h| h.asked_at),
            PartnerAsk::Routing(id) => self.state.routing_request(id).map(|r| r.asked_at),
        };
        self.state.asks_of_session(session).max_by_key(asked_at)
    }

    /// What a partner or an adapter does.
    pub(super) fn partner_command(&self, words: &[&str]) -> Result<Option<Command>> {
        Ok(Some(match words {
            ["ack", s, rest @ ..] => {
                let words = said(rest)?;
                match self.ask_of(s)? {
                    PartnerAsk::Handoff(handoff) => {
                        Command::AcknowledgeHandoff { handoff, reference: words.reference }
                    }
                    PartnerAsk::Routing(request) => Command::AcknowledgeRouting {
                        request,
                        reference: words.reference,
                        lease: words.lease,
                    },
                }
            }
            ["renew", s, rest @ ..] => {
                let Said { reference, lease, .. } = said(rest)?;
                let PartnerAsk::Routing(request) = self.ask_of(s)? else {
                    return Err("a hand-off has no lease".into());
                };
                Command::RenewRoutings { partner: None, requests: vec![request], reference, lease }
            }
            ["take", s, rest @ ..] => {
                let PartnerAsk::Handoff(handoff) = self.ask_of(s)? else {
                    return Err("that is no hand-off".into());
                };
                Command::CompleteHandoff { handoff, reference: said(rest)?.reference }
            }
            [word @ ("refuse" | "cannot"), s, rest @ ..] => {
                let reason = match rest.first().filter(|_| *word == "refuse") {
                    Some(name) => failure(name)?,
                    None => FailureReason::Error,
                };
                let rest = if *word == "refuse" { &rest[1..] } else { rest };
                self.failing(s, reason, said(rest)?.reference)?
            }
            ["route", s, to, rest @ ..] => self.routing(s, to, said(rest)?)?,
            ["return", s, rest @ ..] => Command::ReturnSession(Box::new(Returning {
                session: self.session(s)?,
                to: rest.first().map(|to| target(to)).transpose()?,
                note: "back".into(),
                reason: None,
            })),
            _ => return Ok(None),
        }))
    }

    fn failing(&self, s: &str, reason: FailureReason, reference: String) -> Result<Command> {
        let failure =
            AskFailure { reason, text: String::new(), retryable: true, retry_after: None };
        Ok(match self.ask_of(s)? {
            PartnerAsk::Handoff(handoff) => Command::FailHandoff { handoff, failure, reference },
            PartnerAsk::Routing(request) => Command::FailRouting { request, failure, reference },
        })
    }

    fn routing(&self, s: &str, to: &str, said: Said) -> Result<Command> {
        let PartnerAsk::Routing(request) = self.ask_of(s)? else {
            return Err("that is no routing request".into());
        };
        let to = match recipient(to.strip_prefix("rep:").unwrap_or(to))? {
            Recipient::Rep(rep) => RouteTarget::Rep(rep),
            Recipient::Queue(queue) => RouteTarget::Queue(queue),
            Recipient::Flow(flow) => RouteTarget::Flow(flow),
            Recipient::Contact(of) => RouteTarget::Contact(of.contact),
        };
        Ok(Command::RouteSession(Box::new(RouteAnswer {
            request,
            to,
            skip_capacity_check: said.whatever,
            weight: said.weight,
            restrictions: said.restrictions,
            reference: said.reference,
        })))
    }

    /// `routing ACKNOWLEDGED TIMED_OUT 2 tried ana`, `handoff ASKED`.
    pub(super) fn ask_words(&self, s: &str) -> Result<String> {
        Ok(match self.ask_of(s)? {
            PartnerAsk::Handoff(id) => {
                let handoff = self.state.handoff(&id).ok_or("it is forgotten")?;
                format!("handoff {}", handoff.state.name())
            }
            PartnerAsk::Routing(id) => {
                let request = self.state.routing_request(&id).ok_or("it is forgotten")?;
                let tried: Vec<String> = request.tried.iter().map(ToString::to_string).collect();
                let tried = match tried.is_empty() {
                    true => String::new(),
                    false => format!(" tried {}", tried.join(",")),
                };
                let (state, cause) = (request.state.name(), request.cause);
                format!("routing {state} {cause:?} {}{tried}", request.attempt)
            }
        })
    }

    /// `there`, or `away`; what it is being asked, and how many sessions wait until it is back.
    pub(super) fn partner_words(&self, name: &str) -> Result<String> {
        let partner = PartnerId::new(name).map_err(|e| e.to_string())?;
        let health = self.state.partner_health(&partner);
        let how = if health.away_since.is_some() { "away" } else { "there" };
        let open = [OpenAskKind::Handoff, OpenAskKind::Asked, OpenAskKind::Acknowledged];
        let open: u32 = open.into_iter().map(|kind| self.state.open_asks(&partner, kind)).sum();
        let unasked = self.state.unasked(&partner).count();
        let row = health.expired_in_a_row;
        Ok(format!("{how}, {row} expired in a row, {open} open, {unasked} unasked"))
    }
}

fn target(text: &str) -> Result<Target> {
    Ok(match recipient(text.strip_prefix("rep:").unwrap_or(text))? {
        Recipient::Rep(rep) => Target::Rep(rep),
        Recipient::Queue(queue) => Target::Queue(queue),
        Recipient::Flow(flow) => Target::Flow(flow),
        Recipient::Contact(_) => return Err("no session comes back to a contact".into()),
    })
}
