//! The interpreter of scenarios: a world with an org, its names, and one method per kind of line.

mod annex;
mod callers;
mod expect;
mod house;
mod presences;
mod vendor;

use std::collections::BTreeMap;
use std::sync::Arc;

use baton::domain::attributes::AttributesChange;
use baton::domain::command::{Command, Opening, Request, Skills, Target};
use baton::domain::decide::decide;
use baton::domain::decide::settle::unsettled;
use baton::domain::decide::stated::Stated;
use baton::domain::directory::SettingsPatch;
use baton::domain::draft::Entropy;
use baton::domain::entry::{Answer, Cause, Fingerprint};
use baton::domain::flow::{SkillsTarget, WishedSkill};
use baton::domain::id::{
    ChannelId, ExternalReference, PresenceId, RepId, SessionId, TxnId, WorkId,
};
use baton::domain::invariants;
use baton::domain::limits::OrgLimits;
use baton::domain::live::{
    Absence, Actor, ContactRef, Recipient, Role, SessionEndReason, SessionState, TransferState,
    WorkState,
};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::rejection::Rejection;
use baton::domain::scope::Narrowing;
use baton::domain::state::State;
use baton::domain::time::{Span, Timestamp};

/// Counts, so that every play is the same.
struct Counter(u128);

impl Entropy for Counter {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

pub struct World {
    pub state: State,
    pub now: Timestamp,
    sessions: BTreeMap<String, SessionId>,
    presences: BTreeMap<RepId, Vec<PresenceId>>,
    entropy: Counter,
    narrowing: Option<Arc<Narrowing>>,
    limits: OrgLimits,
}

pub use callers::actor;

type Result<T> = std::result::Result<T, String>;

impl World {
    pub fn new() -> Self {
        let mut world = Self {
            state: State::default(),
            now: Timestamp::from_ms(1_700_000_000_000),
            sessions: BTreeMap::new(),
            presences: BTreeMap::new(),
            entropy: Counter(0),
            narrowing: None,
            limits: OrgLimits::UNBOUNDED,
        };
        let command = Command::ApplyDirectory { directory: house::directory(), prune: false };
        world.run(&actor("admin"), command).expect("the house stands").expect("nothing refuses it");
        world
    }

    /// A world with partners in it.
    pub fn with_partners() -> Self {
        let mut world = Self::new();
        let command = Command::ApplyDirectory { directory: annex::with_partners(), prune: false };
        world.run(&actor("admin"), command).expect("it stands").expect("nothing refuses it");
        let contacts = Command::SyncContacts(Box::new(annex::contacts()));
        world.run(&actor("vendor"), contacts).expect("it stands").expect("nothing refuses it");
        world
    }

    /// Plays one line.
    pub fn line(&mut self, line: &str) -> Result<()> {
        if let Some(question) = line.strip_prefix('?') {
            return self.ask(question.trim());
        }
        let (command, expected) = split(line);
        let mut words = command.split_whitespace();
        let time = words.next().ok_or("no time")?;
        self.now = Timestamp::from_ms(1_700_000_000_000) + span(time)?;
        let (actor, narrowing) = callers::caller(words.next().ok_or("no actor")?)?;
        self.narrowing = narrowing;
        let words: Vec<&str> = words.collect();
        let outcome = match words.as_slice() {
            ["tick"] => Ok(self.tick()?),
            ["restart"] => Ok(self.restart()),
            ["limit", what, most] => Ok(self.limit(what, most).map(|()| Vec::new())?),
            [on @ ("on-current" | "on-old" | "on-first"), words @ ..] => {
                let rep = RepId::new(actor.id.as_str()).map_err(|e| e.to_string())?;
                let had = self.presences.get(&rep).map_or(0, Vec::len);
                let back = match *on {
                    "on-current" => 0,
                    "on-old" => 1,
                    _ => had.saturating_sub(1),
                };
                let presence = self.presence(&rep, back)?;
                let command = self.command(&actor, words)?;
                self.run_on(&actor, Some(presence), command)?.map(|(facts, _)| facts)
            }
            words => {
                let command = self.command(&actor, words)?;
                let opens = matches!(words[0], "open" | "reopen");
                let label = opens.then(|| words[1].to_owned());
                self.step(&actor, command, label)?
            }
        };
        compare(&outcome, expected)
    }

    /// The state is what its records say, as a server makes it of them that starts.
    fn restart(&mut self) -> Vec<String> {
        let records = self.state.records().map(|(key, held)| (key.clone(), held.clone()));
        self.state = State::restore(self.state.head(), records.collect::<Vec<_>>());
        Vec::new()
    }

    fn step(
        &mut self,
        actor: &Actor,
        command: Command,
        label: Option<String>,
    ) -> Result<std::result::Result<Vec<String>, Rejection>> {
        let (facts, answer) = match self.run(actor, command)? {
            Ok(done) => done,
            Err(rejection) => return Ok(Err(rejection)),
        };
        match (answer, label) {
            (Answer::Record(Record::Session(session)), Some(label)) => {
                self.sessions.insert(label, session.id);
            }
            (Answer::Record(Record::RepPresence(live)), _) => {
                if let Some(presence) = &live.presence {
                    let known = self.presences.entry(live.rep.clone()).or_default();
                    if known.last() != Some(&presence.id) {
                        known.push(presence.id);
                    }
                }
            }
            _ => {}
        }
        Ok(Ok(facts))
    }

    /// Decides and applies one command, then checks everything that must always hold.
    pub fn run(
        &mut self,
        actor: &Actor,
        command: Command,
    ) -> Result<std::result::Result<(Vec<String>, Answer), Rejection>> {
        self.run_on(actor, None, command)
    }

    /// As [`Self::run`], on a presence.
    fn run_on(
        &mut self,
        actor: &Actor,
        presence: Option<PresenceId>,
        command: Command,
    ) -> Result<std::result::Result<(Vec<String>, Answer), Rejection>> {
        let txn = TxnId::from_u128(self.entropy.bits() | 1 << 100);
        let cause = Cause::new(actor.clone(), "scenario");
        let (fingerprint, stated) = (Fingerprint::default(), Stated::default());
        let (narrowing, limits) = (self.narrowing.clone(), self.limits);
        let request =
            Request { txn, fingerprint, cause, presence, stated, narrowing, limits, command };
        let before = self.state.clone();
        let decision = match decide(&mut self.state, &request, self.now, &mut self.entropy) {
            Ok(decision) => decision,
            Err(rejection) => {
                same(&before, &self.state).map_err(|why| format!("D2: {why}"))?;
                return Ok(Err(rejection));
            }
        };
        let Some(entry) = decision.entry else {
            same(&before, &self.state)?;
            return Ok(Ok((Vec::new(), decision.answer)));
        };
        let mut replayed = before.clone();
        let old = replayed.apply(&entry).map_err(|e| e.to_string())?;
        same(&replayed, &self.state)?;
        if old != decision.before {
            return Err("a decision says something else of what was before".into());
        }
        let is_new =
            |((_, now), before): (&(_, Option<_>), &Option<_>)| now.is_some() && before.is_none();
        let new = (0..).zip(entry.changes.iter().zip(&old)).filter(|(_, change)| is_new(*change));
        if !new.map(|(place, _)| place).eq(entry.created.iter().copied()) {
            return Err("S3: an entry doesn't say what is new in it".into());
        }
        for ((_, new), old) in entry.changes.iter().zip(old) {
            if let Some(old) = old {
                invariants::check_step(&old, new.as_ref()).map_err(|v| v.to_string())?;
            }
        }
        self.check()?;
        Ok(Ok((entry.facts.iter().map(|f| format!("{:?}", f.kind)).collect(), decision.answer)))
    }

    fn check(&self) -> Result<()> {
        invariants::check(&self.state).map_err(|v| v.to_string())?;
        let left = unsettled(&self.state);
        if left.is_empty() { Ok(()) } else { Err(format!("R1: somebody waits beside {left:?}")) }
    }

    fn tick(&mut self) -> Result<Vec<String>> {
        let due: Vec<_> = self.state.due(self.now).cloned().collect();
        let mut facts = Vec::new();
        for due in due {
            let done = self.run(&actor("server"), Command::Timer(vec![due]))?;
            facts.extend(done.map_err(|r| r.to_string())?.0);
        }
        Ok(facts)
    }

    pub fn session(&self, label: &str) -> Result<SessionId> {
        self.sessions.get(label).copied().ok_or_else(|| format!("no session {label}"))
    }

    /// What a scenario calls a session.
    pub fn label(&self, id: SessionId) -> &str {
        let found = self.sessions.iter().find(|(_, known)| **known == id);
        found.map_or("?", |(label, _)| label.as_str())
    }

    fn presence(&self, rep: &RepId, back: usize) -> Result<PresenceId> {
        let known = self.presences.get(rep).ok_or_else(|| format!("{rep} never signed in"))?;
        known.iter().rev().nth(back).copied().ok_or_else(|| format!("{rep} has no such presence"))
    }

    /// The live work on a session: what is offered, or what `rep` has.
    fn work(&self, label: &str, rep: Option<&RepId>) -> Result<WorkId> {
        let session = self.session(label)?;
        let all: Vec<_> = self.state.work_of_session(session).collect();
        let own = |w: &&&Arc<baton::domain::live::Work>| rep.is_none_or(|rep| w.rep == *rep);
        let offered = all.iter().rev().find(|w| w.state == WorkState::Offered);
        offered
            .filter(own)
            .or_else(|| all.iter().rev().filter(|w| w.is_live()).find(own))
            .or_else(|| all.iter().rev().find(own))
            .or(all.last())
            .map(|w| w.id)
            .ok_or_else(|| format!("no work on {label}"))
    }

    fn command(&self, actor: &Actor, words: &[&str]) -> Result<Command> {
        let me = || RepId::new(actor.id.as_str()).map_err(|e| e.to_string());
        let own = || {
            if actor.role == Role::Rep { me().map(Some) } else { Ok(None) }
        };
        if let Some(command) = self.presence_command(actor, words)? {
            return Ok(command);
        }
        if let Some(command) = self.partner_command(words)? {
            return Ok(command);
        }
        Ok(match words {
            [word @ ("open" | "reopen"), label, channel, target, rest @ ..] => {
                let opening = opening(label, channel, target, rest)?;
                Command::OpenSession(Box::new(Opening { reopen: *word == "reopen", ..opening }))
            }
            ["accept", s] => Command::AcceptWork(self.work(s, own()?.as_ref())?),
            ["accept-transfer", s] => Command::AcceptTransfer(self.last_transfer(s)?.id),
            ["decline", s] => Command::DeclineWork(self.work(s, own()?.as_ref())?),
            ["close", s] => {
                Command::CloseWork { work: self.work(s, own()?.as_ref())?, end_session: false }
            }
            ["complete", s] => {
                Command::CloseWork { work: self.work(s, own()?.as_ref())?, end_session: true }
            }
            ["extend", s] => Command::ExtendWrapUp(self.work(s, own()?.as_ref())?),
            ["finish", s] => Command::EndWrapUp(self.work(s, own()?.as_ref())?),
            ["pause", s] => Command::PauseSession(self.session(s)?),
            ["resume", s] => Command::ResumeSession(self.session(s)?),
            ["inactivate", s] => Command::InactivateSession(self.session(s)?),
            ["end", s, rest @ ..] => {
                let reason = rest.first().map(|_| SessionEndReason::CustomerLeft);
                Command::EndSession { session: self.session(s)?, reason }
            }
            ["prioritise", s, priority] => Command::UpdateSession {
                session: self.session(s)?,
                attributes: None,
                priority: Some(priority.parse().map_err(|_| "priority")?),
                skills: None,
            },
            ["attribute", s, name, value @ ..] => {
                let value = value.first().map(|value| (*value).to_owned());
                let change = AttributesChange::Single([((*name).to_owned(), value)].into());
                Command::UpdateSession {
                    session: self.session(s)?,
                    attributes: Some(change),
                    priority: None,
                    skills: None,
                }
            }
            ["ask", s, fields @ ..] => Command::UpdateSession {
                session: self.session(s)?,
                attributes: None,
                priority: None,
                skills: Some(skills(fields)?),
            },
            ["transfer", s, to] => Command::TransferSession {
                session: self.session(s)?,
                recipient: recipient(to)?,
                note: "please".into(),
            },
            ["change-limit", most] => {
                let most = most.parse().map_err(|_| "limit")?;
                let max_transfers_per_session = Some(most);
                Command::ChangeSettings(SettingsPatch { max_transfers_per_session, ..patch() })
            }
            ["change-direct", on] => {
                let direct_to_rep_routing = Some(*on == "on");
                Command::ChangeSettings(SettingsPatch { direct_to_rep_routing, ..patch() })
            }
            ["set", rest @ ..] => house::change(&self.state, rest)?,
            ["work-off"] => Command::WorkOff,
            ["delete", rest @ ..] => house::deletion(rest)?,
            other => return Err(format!("unknown command {other:?}")),
        })
    }

    pub fn last_transfer(&self, label: &str) -> Result<Arc<baton::domain::live::Transfer>> {
        let session = self.session(label)?;
        let last = self.state.transfers_of_session(session).last().cloned();
        last.ok_or_else(|| format!("{label} was never transferred"))
    }

    fn is_stranded(&self, label: &str) -> Result<bool> {
        let session = self.state.session(&self.session(label)?);
        let absence = session.and_then(|session| match session.state {
            SessionState::Waiting { absence, .. } => absence,
            _ => None,
        });
        Ok(absence == Some(Absence::Stranded))
    }

    pub fn transfer_words(&self, label: &str) -> Result<String> {
        Ok(match &self.last_transfer(label)?.state {
            TransferState::Offered { rep, .. } => format!("OFFERED {rep}"),
            TransferState::Waiting { .. } if self.is_stranded(label)? => "STRANDED".into(),
            TransferState::Waiting { .. } => "WAITING".into(),
            TransferState::Completed { rep, .. } => format!("COMPLETED {rep}"),
            TransferState::SessionEnded { .. } => "SESSION_ENDED".into(),
            TransferState::Asked(_) => "ASKED".into(),
            TransferState::HandedOver { contact, .. } => {
                format!("COMPLETED {}/{}", contact.partner, contact.contact)
            }
            TransferState::Failed { failure, .. } => format!("FAILED {}", failure.reason.name()),
        })
    }

    pub fn used(&self, rep: &str) -> Result<String> {
        let rep = RepId::new(rep).map_err(|e| e.to_string())?;
        Ok(self.state.rep_presence(&rep).used.to_string())
    }
}

/// `ana`, `queue:sales`, `flow:night`.
pub fn recipient(text: &str) -> Result<Recipient> {
    let bad = |e: baton::domain::id::BadId| e.to_string();
    Ok(match text.split_once(':') {
        Some(("queue", id)) => Recipient::Queue(id.parse().map_err(bad)?),
        Some(("flow", id)) => Recipient::Flow(id.parse().map_err(bad)?),
        Some(("contact", of)) => {
            let (partner, contact) = of.split_once('/').ok_or("contact:PARTNER/CONTACT")?;
            let partner = partner.parse().map_err(bad)?;
            Recipient::Contact(ContactRef { partner, contact: contact.parse().map_err(bad)? })
        }
        _ => Recipient::Rep(text.parse().map_err(bad)?),
    })
}

/// `open s web ana 5 needs=es:3 wish=vip:1:30s`.
fn opening(label: &str, channel: &str, target: &str, rest: &[&str]) -> Result<Opening> {
    let bad = |e: baton::domain::id::BadId| e.to_string();
    let (fields, priority): (Vec<&str>, Vec<&str>) = rest.iter().partition(|w| w.contains('='));
    let target = match (target.split_once(':'), recipient(target)?) {
        (Some(("skills", queue)), _) => {
            let asked = skills(&fields)?;
            let queue = (!queue.is_empty()).then(|| queue.parse()).transpose().map_err(bad)?;
            let target =
                SkillsTarget { required: asked.required, additional: asked.additional, queue };
            return Ok(Opening {
                target: Some(Target::Skills(target)),
                ..opening(label, channel, "ana", &priority)?
            });
        }
        _ if target == "none" => None,
        (_, Recipient::Rep(rep)) => Some(Target::Rep(rep)),
        (_, Recipient::Queue(queue)) => Some(Target::Queue(queue)),
        (_, Recipient::Flow(flow)) => Some(Target::Flow(flow)),
        (_, Recipient::Contact(_)) => return Err("a session isn't opened to a contact".into()),
    };
    let priority = priority.first().map(|p| p.parse()).transpose().map_err(|_| "priority")?;
    Ok(Opening {
        channel: ChannelId::new(channel).map_err(bad)?,
        external_reference: ExternalReference::new(label).map_err(bad)?,
        target,
        priority,
        attributes: Arc::default(),
        skills: skills(&fields)?,
        reopen: false,
    })
}

/// `needs=es=3,fr=1`, `wish=vip=1:30s`.
fn skills(fields: &[&str]) -> Result<Skills> {
    let mut skills = Skills::default();
    for field in fields {
        match field.split_once('=') {
            Some(("needs", levels)) => skills.required = house::levels(levels)?,
            Some(("wish", wish)) => {
                let (levels, timeout) = wish.split_once(':').ok_or("wish=SKILL=LEVEL:SPAN")?;
                let timeout = span(timeout)?;
                for (skill, level) in house::levels(levels)? {
                    skills.additional.insert(skill, WishedSkill { level, timeout });
                }
            }
            _ => return Err(format!("unknown field {field}")),
        }
    }
    Ok(skills)
}

fn patch() -> SettingsPatch {
    SettingsPatch::default()
}

enum Expected<'l> {
    Anything,
    Facts(Vec<&'l str>),
    Refusal(&'l str),
}

fn split(line: &str) -> (&str, Expected<'_>) {
    if let Some((command, facts)) = line.split_once("->") {
        let facts = facts.split_whitespace().filter(|f| *f != "nothing").collect();
        return (command, Expected::Facts(facts));
    }
    match line.split_once(" ! ") {
        Some((command, reason)) => (command, Expected::Refusal(reason.trim())),
        None => (line, Expected::Anything),
    }
}

fn compare(
    outcome: &std::result::Result<Vec<String>, Rejection>,
    expected: Expected<'_>,
) -> Result<()> {
    match (outcome, expected) {
        (Ok(_), Expected::Anything) => Ok(()),
        (Ok(facts), Expected::Facts(wanted)) if *facts == wanted => Ok(()),
        (Ok(facts), Expected::Facts(_)) => Err(format!("the facts are {}", facts.join(" "))),
        (Ok(facts), Expected::Refusal(_)) => Err(format!("not refused: {}", facts.join(" "))),
        (Err(r), Expected::Refusal(reason)) if r.reason.name() == reason => Ok(()),
        (Err(rejection), _) => Err(format!("refused: {rejection}")),
    }
}

/// `ana` is a rep; `sup`, `admin`, `channel`, `server`, `board`, `vendor`, `rival` are roles.
pub fn span(text: &str) -> Result<Span> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
    let number: i64 = number.parse().map_err(|_| format!("{text} is not a time"))?;
    match unit {
        "ms" => Ok(Span::from_ms(number)),
        "s" => Ok(Span::from_secs(number)),
        "m" => Ok(Span::from_secs(number * 60)),
        "h" => Ok(Span::from_secs(number * 3_600)),
        _ => Err(format!("{text} is not a time")),
    }
}

/// Are two states the same, places in the index included?
fn same(one: &State, other: &State) -> Result<()> {
    if one.head() != other.head() || !one.records().eq(other.records()) {
        return Err("the records are others than they should be".into());
    }
    if !one.places().eq(other.places()) {
        return Err("the index is another than it should be".into());
    }
    Ok(())
}
