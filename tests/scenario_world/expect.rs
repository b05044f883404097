//! What a scenario asks: lines that start with `?`.
//!
//! `s ACTIVE ana` · `s WAITING ben` · `transfer s OFFERED ben` · `ana used 1.00` · `ana online` ·
//! `list s as ana: ben 33.33 now, cleo 100.00 wait` · `quote s ben as ana: now` ·
//! `why ben s as ana: RECIPIENT_FULL` · `chain s: COMPLETED ben, WAITING`

use baton::domain::id::{RepId, SessionId};
use baton::domain::live::{Connection, Line, Recipient, SessionState, TransferState};
use baton::domain::look::Look;
use baton::domain::recipients::{About, explain, list_reps, quote};

use super::{Result, World, actor};

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
            ["list", s, "as", who] => self.list(s, who)?,
            ["quote", s, rep, "as", who] => self.quote(s, rep, who)?,
            ["why", rep, s, "as", who] => self.why(rep, s, who)?,
            ["attributes", s] => {
                let session = self.state.session(&self.session(s)?).ok_or("it is forgotten")?;
                let words =
                    session.attributes.iter().map(|(name, value)| format!("{name}={value}"));
                words.collect::<Vec<_>>().join(" ")
            }
            ["removed", s] => {
                let at = self.last_transfer(s)?.original_removed_at;
                at.map_or("no".into(), |_| "yes".into())
            }
            [rep, "used"] => return same(rep, &self.used(rep)?, &wanted, "used"),
            [rep, "presence"] => self.presence_words(rep)?,
            [s, "state"] => self.session_words(s)?,
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
            SessionState::Waiting { line: Line::Rep(rep), offer: None, .. } => {
                format!("WAITING {rep}")
            }
            SessionState::Waiting { line: Line::Rep(rep), .. } => format!("WAITING {rep} asked"),
            SessionState::Offered { rep, .. } => format!("OFFERED {rep}"),
            SessionState::Active { rep, .. } => format!("ACTIVE {rep}"),
            SessionState::Paused { rep, .. } => format!("PAUSED {rep}"),
            SessionState::Inactive { rep, .. } => format!("INACTIVE {rep}"),
            SessionState::Ended { by, .. } => format!("ENDED {by:?}"),
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

    fn chain(&self, label: &str) -> Result<String> {
        let session = self.session(label)?;
        let steps = self.state.transfers_of_session(session).map(|t| {
            let Recipient::Rep(to) = &t.recipient;
            let how = match t.state {
                TransferState::Offered { .. } => "OFFERED",
                TransferState::Waiting { .. } => "WAITING",
                TransferState::Completed { .. } => "COMPLETED",
                TransferState::SessionEnded { .. } => "SESSION_ENDED",
            };
            format!("{} for {} to {to} {how}", t.asked_by.id, t.from_rep)
        });
        Ok(steps.collect::<Vec<_>>().join(", "))
    }

    fn about(&self, label: &str) -> Result<About> {
        match label.strip_prefix("channel=") {
            Some(channel) => Ok(About::Channel(channel.parse().map_err(|e| format!("{e}"))?)),
            None => Ok(About::Session(self.session(label)?)),
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
        let to = Recipient::Rep(rep.parse().map_err(|e| format!("{e}"))?);
        let quote = quote(&self.state, &actor(who), session, &to).map_err(|r| r.to_string())?;
        let against: Vec<&str> =
            quote.against.iter().filter(|v| v.forbids).map(|v| v.reason.name()).collect();
        Ok(match (quote.allowed, quote.position) {
            (false, _) => against.join("+"),
            (true, Some(position)) => format!("wait at {position}"),
            (true, None) => "now".into(),
        })
    }

    fn why(&self, rep: &str, label: &str, who: &str) -> Result<String> {
        let rep: RepId = rep.parse().map_err(|e| format!("{e}"))?;
        let told = explain(&self.state, &actor(who), &self.about(label)?, &rep)
            .map_err(|r| r.to_string())?;
        let failed = told.verdicts.iter().filter(|v| !v.passed);
        let words: Vec<String> =
            failed.map(|v| format!("{}={}", v.rule, v.reason.name())).collect();
        let listed = if told.listed { "listed" } else { "hidden" };
        Ok(format!("{listed} {}", words.join(" ")).trim().to_owned())
    }
}

fn same(asked: &str, found: &str, wanted: &str, verb: &str) -> Result<()> {
    if found == wanted { Ok(()) } else { Err(format!("{asked} {verb} {found}, not {wanted}")) }
}
