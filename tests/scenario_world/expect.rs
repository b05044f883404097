//! What a scenario asks: lines that start with `?`.
//!
//! `s ACTIVE ana` · `s WAITING ben` · `transfer s OFFERED ben` · `ana used 1.00` · `ana online` ·
//! `list s as ana: ben 33.33 now, cleo 100.00 wait` · `quote s ben as ana: now` ·
//! `why ben s as ana: RECIPIENT_FULL` · `chain s: COMPLETED ben, WAITING` · `place s: 2` ·
//! `estimate sales: absent of 3` · `score care: 2, 500ms, 1500ms off` · `chosen s: ben FirstInOrder; ana Load` ·
//! `queues s as ana: sales 3/0, late 0/0` · `flows s as rob: night`

use baton::domain::id::{RepId, SessionId};
use baton::domain::live::{
    Absence, Actor, Connection, Line, PlannedChange, SessionState, WorkState,
};
use baton::domain::reasons::named;
use baton::domain::recipients::explain::explain;
use baton::domain::recipients::lines::{list_flows, list_queues};
use baton::domain::recipients::quote::quote;
use baton::domain::recipients::{RecipientQuestion, list_reps};
use baton::domain::record_lookup::RecordLookup;
use baton::domain::wait::{estimate, score, standpoint};

use super::{Result, World, actor, recipient};

impl World {
    /// Answers one question and compares.
    pub fn ask(&self, question: &str) -> Result<()> {
        let (asked, wanted) = match question.split_once(": ") {
            Some((asked, wanted)) => (asked.trim(), wanted.trim().to_owned()),
            None => self.short(question)?,
        };
        let words: Vec<&str> = asked.split_whitespace().collect();
        let found = match words.as_slice() {
            ["transfer", s] => self.transfer_words(s)?,
            ["chain", s] => self.chain(s)?,
            ["ask", s] => self.ask_words(s)?,
            ["partner", name] => self.partner_words(name)?,
            ["place", s] => self.place(s)?,
            ["estimate", queue] => self.estimate(queue)?,
            ["score", queue] => self.score(queue)?,
            ["chosen", s] => self.chosen(s)?,
            ["queues", s, "as", who] => self.queues(s, who)?,
            ["flows", s, "as", who] => self.flows(s, who)?,
            ["list", s, "as", who] => self.list(s, who)?,
            ["quote", s, rep, "as", who] => self.quote(s, rep, who)?,
            ["why", rep, s, "as", who] => self.why(rep, s, who)?,
            ["strand", channel, queue] => self.strand(channel, queue)?,
            ["attributes", s] => {
                let session = self.state.session(&self.session(s)?).ok_or("it is forgotten")?;
                let words =
                    session.attributes.iter().map(|(name, value)| format!("{name}={value}"));
                words.collect::<Vec<_>>().join(" ")
            }
            ["previous", s] => {
                let session = self.state.session(&self.session(s)?).ok_or("it is forgotten")?;
                let previous = session.previous.map(|id| self.state.session(&id));
                let told = match previous {
                    None => "none",
                    Some(None) => "forgotten",
                    Some(Some(known)) if known.external_reference.as_str() == *s => "known",
                    Some(Some(_)) => "another",
                };
                told.to_owned()
            }
            ["removed", s] => {
                let at = self.last_transfer(s)?.original_removed_at;
                at.map_or("no".into(), |_| "yes".into())
            }
            [rep, "used"] => return same(rep, &self.used(rep)?, &wanted, "used"),
            [rep, "presence"] => self.presence_words(rep)?,
            [rep, "ledger"] => self.ledger(rep)?,
            ["work", s] => self.work_words(s)?,
            ["by", rep] => self.by(rep)?,
            [s, "state"] => self.session_words(s)?,
            ["asks", s] => self.state.asks_of_session(self.session(s)?).count().to_string(),
            [s, "priority"] => {
                let session = self.state.session(&self.session(s)?);
                session.map_or("FORGOTTEN".into(), |session| session.priority.to_string())
            }
            other => return Err(format!("unknown question {other:?}")),
        };
        same(asked, &found, &wanted, "is")
    }

    /// `s ACTIVE ana` for `s state: ACTIVE ana`, and so on.
    fn short<'q>(&self, question: &'q str) -> Result<(&'q str, String)> {
        let words: Vec<&str> = question.split_whitespace().collect();
        let cut = match words.as_slice() {
            ["transfer", ..] => 2,
            [_, "used" | "presence", ..] => 2,
            _ => return Err(format!("a question needs `: ` in {question}")),
        };
        let at = question.find(words[cut]).ok_or("no answer expected")?;
        Ok((question[..at].trim(), question[at..].trim().to_owned()))
    }

    fn session_words(&self, label: &str) -> Result<String> {
        let Some(session) = self.state.session(&self.session(label)?) else {
            return Ok("FORGOTTEN".into());
        };
        Ok(match &session.state {
            SessionState::Waiting { offer, absence } => {
                let line = match &session.line {
                    Line::Rep(rep) => rep.to_string(),
                    Line::Queue(queue) => format!("queue:{queue}"),
                    Line::Partner(partner) => format!("partner:{partner}"),
                };
                let asked = match (offer, absence) {
                    (Some(_), _) => " asked",
                    (None, Some(Absence::Until(..))) => " absent",
                    (None, Some(Absence::Stranded)) => " stranded",
                    (None, None) => "",
                };
                format!("WAITING {line}{asked}")
            }
            SessionState::Offered { rep, .. } => format!("OFFERED {rep}"),
            SessionState::Active { rep, .. } => format!("ACTIVE {rep}"),
            SessionState::Paused { rep, .. } => format!("PAUSED {rep}"),
            SessionState::Inactive { rep, .. } => format!("INACTIVE {rep}"),
            SessionState::Ended { by, .. } => format!("ENDED {by:?}"),
            SessionState::External { contact, .. } => {
                format!("EXTERNAL {}/{}", contact.partner, contact.contact)
            }
        })
    }

    fn presence_words(&self, rep: &str) -> Result<String> {
        let rep: RepId = rep.parse().map_err(|e| format!("{e}"))?;
        let live = self.state.rep_presence(&rep);
        Ok(match (&live.presence, &live.last) {
            (Some(presence), _) => match presence.connection {
                Connection::Connected => format!("{} {:?}", presence.status, presence.cause),
                Connection::Disconnected { .. } => format!("{} disconnected", presence.status),
            },
            (None, Some(last)) => format!("OFFLINE {:?}", last.cause),
            (None, None) => "OFFLINE".into(),
        })
    }

    /// `2.00 of 3.00: a 1.00 Open, b 1.00 WrappingUp`, and the pool of interruptible work behind `+`.
    fn ledger(&self, rep: &str) -> Result<String> {
        let rep: RepId = rep.parse().map_err(|e| format!("{e}"))?;
        let live = self.state.rep_presence(&rep);
        let lines = self.state.work_of_rep(&rep).map(|work| {
            let state = match work.state {
                WorkState::WrappingUp { .. } => "WrappingUp".to_owned(),
                state => format!("{state:?}"),
            };
            let pool = if work.interruptible { "+" } else { "" };
            format!("{} {pool}{} {state}", self.label(work.session), work.holds)
        });
        let lines = lines.collect::<Vec<_>>().join(", ");
        Ok(format!("{} +{}: {lines}", live.used, live.interruptible_used).trim().to_owned())
    }

    /// `WrappingUp`, `Ended Orphaned`: the last work on a session.
    fn work_words(&self, label: &str) -> Result<String> {
        let work = self.state.work_of_session(self.session(label)?).last().ok_or("no work")?;
        Ok(match work.state {
            WorkState::WrappingUp { until, extended } => {
                format!(
                    "{} WrappingUp {}s {extended}",
                    work.rep,
                    until.since(self.now).as_ms() / 1_000
                )
            }
            WorkState::Ended { why, .. } => format!("{} Ended {why:?}", work.rep),
            state => format!("{} {state:?}", work.rep),
        })
    }

    /// Who made a presence as it is, and what happens when the current work is done.
    fn by(&self, rep: &str) -> Result<String> {
        let rep: RepId = rep.parse().map_err(|e| format!("{e}"))?;
        let live = self.state.rep_presence(&rep);
        let name =
            |by: &Option<Actor>| by.as_ref().map_or("nobody".to_owned(), |by| by.id.to_string());
        Ok(match (&live.presence, &live.last) {
            (Some(presence), _) => match presence.next.as_ref().map(|next| &next.then) {
                Some(PlannedChange::Status(status)) => {
                    format!("{} then {status}", name(&presence.by))
                }
                Some(PlannedChange::SignOut) => format!("{} then OFFLINE", name(&presence.by)),
                None => name(&presence.by),
            },
            (None, Some(last)) => name(&last.by),
            (None, None) => "nobody".into(),
        })
    }

    fn chain(&self, label: &str) -> Result<String> {
        let session = self.session(label)?;
        let steps = self.state.transfers_of_session(session).map(|t| {
            let (_, to) = named(&t.recipient);
            let how = t.state.name();
            format!("{} for {} to {to} {how}", t.asked_by.id, t.from_rep)
        });
        Ok(steps.collect::<Vec<_>>().join(", "))
    }

    fn about(&self, label: &str) -> Result<RecipientQuestion> {
        if label == "anything" {
            return Ok(RecipientQuestion::Anything);
        }
        match label.strip_prefix("channel=") {
            Some(channel) => {
                Ok(RecipientQuestion::Channel(channel.parse().map_err(|e| format!("{e}"))?))
            }
            None => Ok(RecipientQuestion::Session(self.session(label)?)),
        }
    }

    fn list(&self, label: &str, who: &str) -> Result<String> {
        let entries = match list_reps(&self.state, &actor(who), &self.about(label)?, "") {
            Ok(entries) => entries,
            Err(rejection) => return Ok(rejection.reason.name().to_owned()),
        };
        let words = entries.iter().map(|e| {
            let used = f64::from(e.used.get()) / 100.0;
            match (e.transferable, e.available_now) {
                (false, _) => {
                    let against: Vec<&str> =
                        e.against.iter().filter(|v| v.forbids).map(|v| v.reason.name()).collect();
                    format!("{} {used:.2} {}", e.rep, against.join("+"))
                }
                (true, true) => format!("{} {used:.2} now", e.rep),
                (true, false) => format!("{} {used:.2} wait", e.rep),
            }
        });
        Ok(words.collect::<Vec<_>>().join(", "))
    }

    fn quote(&self, label: &str, rep: &str, who: &str) -> Result<String> {
        let session: SessionId = self.session(label)?;
        let quote = quote(&self.state, &actor(who), session, &recipient(rep)?, self.now)
            .map_err(|r| r.to_string())?;
        let against: Vec<&str> =
            quote.against.iter().filter(|v| v.forbids).map(|v| v.reason.name()).collect();
        Ok(match (quote.allowed, quote.position, quote.removed_at_once) {
            (false, ..) => against.join("+"),
            (true, Some(position), true) => format!("wait at {position}"),
            (true, Some(position), false) => format!("wait at {position}, not removed"),
            (true, None, true) => "now, removed at once".into(),
            (true, None, false) => "now".into(),
        })
    }

    /// Would work of a channel that is new to a queue be stranded (R11)?
    fn strand(&self, label: &str, queue: &str) -> Result<String> {
        let about = self.about(label)?;
        let told = explain(&self.state, &actor("admin"), &about, &recipient(queue)?, self.now)
            .map_err(|r| r.to_string())?;
        Ok(if told.stranded { "yes" } else { "no" }.to_owned())
    }

    fn why(&self, rep: &str, label: &str, who: &str) -> Result<String> {
        let about = self.about(label)?;
        let told = explain(&self.state, &actor(who), &about, &recipient(rep)?, self.now)
            .map_err(|r| r.to_string())?;
        let failed = told.verdicts.iter().filter(|v| !v.passed);
        let words: Vec<String> =
            failed.map(|v| format!("{}={}", v.rule, v.reason.name())).collect();
        let listed = if told.listed { "listed" } else { "hidden" };
        let reps = told.reps.iter().map(|rep| {
            let against: Vec<&str> = rep.against.iter().map(|v| v.reason.name()).collect();
            let could = if rep.could_take { "could".to_owned() } else { against.join("+") };
            format!("; {} {could}", rep.rep)
        });
        let rules = format!("{listed} {}", words.join(" "));
        Ok(format!("{}{}", rules.trim(), reps.collect::<String>()))
    }

    /// `s at 2`, `s at 2 in 20.741s`.
    fn place(&self, label: &str) -> Result<String> {
        let session = self.state.session(&self.session(label)?).ok_or("forgotten")?;
        let at = standpoint(&self.state, &session, self.now);
        Ok(at.wait.map_or_else(
            || at.position.to_string(),
            |wait| format!("{} in {}ms", at.position, wait.as_ms()),
        ))
    }

    fn estimate(&self, queue: &str) -> Result<String> {
        let queue = queue.parse().map_err(|e| format!("{e}"))?;
        let found = estimate(&self.state, &queue, self.now);
        let wait = found.wait.map_or("absent".to_owned(), |wait| format!("{}ms", wait.as_ms()));
        let spread = found.spread.map_or(String::new(), |(least, most)| {
            format!(", {}ms to {}ms", least.as_ms(), most.as_ms())
        });
        let age =
            found.newest_age.map_or(String::new(), |age| format!(", newest {}ms ago", age.as_ms()));
        Ok(format!("{wait} of {}{spread}{age}", found.samples))
    }

    fn score(&self, queue: &str) -> Result<String> {
        let queue = queue.parse().map_err(|e| format!("{e}"))?;
        let found = score(&self.state, &queue);
        let off = found.mean_absolute_error.as_ms();
        Ok(format!("{}, {}ms, {off}ms off", found.samples, found.mean_error_ms))
    }

    /// `ben FirstInOrder; ana Load, gil Out(MissingSkill)`.
    fn chosen(&self, label: &str) -> Result<String> {
        let session = self.session(label)?;
        let work = self.state.work_of_session(session).last().ok_or("no work")?;
        let others: Vec<String> =
            work.candidates.iter().map(|c| format!("{} {:?}", c.rep, c.why)).collect();
        let behind =
            if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
        Ok(format!("{} {:?}{behind}", work.rep, work.found))
    }

    fn queues(&self, label: &str, who: &str) -> Result<String> {
        let about = self.about(label)?;
        let entries = list_queues(&self.state, &actor(who), &about, "", self.now)
            .map_err(|r| r.to_string())?;
        let words = entries.iter().map(|e| {
            let against: Vec<&str> = e.against.iter().map(|v| v.reason.name()).collect();
            format!("{} {}/{} {}", e.queue, e.size.length, e.available, against.join("+"))
                .trim()
                .to_owned()
        });
        Ok(words.collect::<Vec<_>>().join(", "))
    }

    fn flows(&self, label: &str, who: &str) -> Result<String> {
        let about = self.about(label)?;
        Ok(match list_flows(&self.state, &actor(who), &about, "") {
            Ok(all) => all.iter().map(|e| e.flow.as_str()).collect::<Vec<_>>().join(", "),
            Err(rejection) => rejection.reason.name().to_owned(),
        })
    }
}

fn same(asked: &str, found: &str, wanted: &str, verb: &str) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(format!("{asked} {verb} {found}, not {wanted}")) }
}
