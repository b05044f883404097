//! What scenarios ask of presences: one at a time, or many at once.

use baton::domain::command::{Command, PresenceRef, SignIn, StatusChoice};
use baton::domain::id::{RepId, StatusId};
use baton::domain::live::Actor;

use super::{Result, World};

impl World {
    /// What is asked of presences.
    pub(super) fn presence_command(
        &self,
        actor: &Actor,
        words: &[&str],
    ) -> Result<Option<Command>> {
        let me = || RepId::new(actor.id.as_str()).map_err(|e| e.to_string());
        let named = |name: &str| RepId::new(name).map_err(|e| e.to_string());
        Ok(Some(match words {
            ["online", rest @ ..] => {
                let status = rest.first().copied().unwrap_or("available");
                let rep = rest.get(1).map_or_else(me, |rep| named(rep))?;
                let status = StatusId::new(status).map_err(|e| e.to_string())?;
                Command::OpenPresence { rep, status, device: "test".into() }
            }
            [word @ ("status" | "status-when-done"), status, rest @ ..] => {
                let presence = match rest.first() {
                    Some(rep) => PresenceRef::Rep(named(rep)?),
                    None => PresenceRef::Presence(self.presence(&me()?, 0)?),
                };
                let status = StatusId::new(status).map_err(|e| e.to_string())?;
                Command::SetStatus { presence, status, when_done: *word == "status-when-done" }
            }
            ["old-status", status] => Command::SetStatus {
                presence: PresenceRef::Presence(self.presence(&me()?, 1)?),
                status: StatusId::new(status).map_err(|e| e.to_string())?,
                when_done: false,
            },
            [word @ ("offline" | "old-offline" | "offline-when-done"), rest @ ..] => {
                let back = usize::from(*word == "old-offline");
                let presence = match rest.first() {
                    Some(rep) => PresenceRef::Rep(named(rep)?),
                    None => PresenceRef::Presence(self.presence(&me()?, back)?),
                };
                Command::ClosePresence { presence, when_done: *word == "offline-when-done" }
            }
            ["lapse", reps @ ..] => {
                let presences = reps.iter().map(|rep| self.presence(&named(rep)?, 0));
                Command::LeasesLapsed(presences.collect::<Result<_>>()?)
            }
            ["online-many", sign_ins @ ..] => {
                let sign_in = |text: &&str| {
                    let (rep, status) = text.split_once('=').ok_or("REP=STATUS")?;
                    let status = StatusId::new(status).map_err(|e| e.to_string())?;
                    Ok(Ok(SignIn { rep: named(rep)?, status, device: "test".into() }))
                };
                Command::OpenPresences(sign_ins.iter().map(sign_in).collect::<Result<_>>()?)
            }
            ["status-many", choices @ ..] => {
                let choice = |text: &&str| {
                    let (rep, status) = text.split_once('=').ok_or("REP=STATUS")?;
                    let status = StatusId::new(status).map_err(|e| e.to_string())?;
                    let presence = PresenceRef::Rep(named(rep)?);
                    Ok(Ok(StatusChoice { presence, status, when_done: false }))
                };
                Command::SetStatuses(choices.iter().map(choice).collect::<Result<_>>()?)
            }
            ["reconnect"] => Command::Reconnect(self.presence(&me()?, 0)?),
            _ => return Ok(None),
        }))
    }
}
