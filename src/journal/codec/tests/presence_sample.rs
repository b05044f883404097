//! Examples of what came with presence and capacity in full: the fields that older kinds gained, and
//! their new states. Golden bytes are of [`records`]: they don't change.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::routing_sample::configuration;
use super::sample::{at, id, session, units, work};
use crate::domain::directory::{Channel, PresenceConfiguration, Settings, WrapUp};
use crate::domain::id::PresenceId;
use crate::domain::live::{
    Absence, Actor, ClosedPresence, Connection, Next, Presence, PresenceCause, Reach, RepPresence,
    Role, SessionState, Then, Work, WorkEnd, WorkState,
};
use crate::domain::record::Record;
use crate::domain::time::Span;

fn by(role: Role, name: &str) -> Actor {
    Actor { role, id: id(name) }
}

fn live(then: Then) -> RepPresence {
    let next = Next { then, cause: PresenceCause::Supervisor, by: by(Role::Supervisor, "sue") };
    RepPresence {
        presence: Some(Presence {
            id: PresenceId::from_u128(7),
            status: id("available"),
            device: "desktop".into(),
            opened_at: at(1),
            status_since: at(2),
            connection: Connection::Connected,
            lease: Span::from_secs(45),
            cause: PresenceCause::Rep,
            by: Some(by(Role::Rep, "ana")),
            next: Some(next),
            reach: Arc::new(Reach {
                capacity: units(300),
                interruptible_capacity: units(200),
                queues: BTreeMap::new(),
                ..Reach::default()
            }),
        }),
        used: units(100),
        interruptible_used: units(150),
        work_count: 2,
        signed_in_until: Some(at(9_000)),
        ..RepPresence::absent(id("ana"))
    }
}

fn gone() -> RepPresence {
    RepPresence {
        last: Some(ClosedPresence {
            id: PresenceId::from_u128(7),
            at: at(3),
            cause: PresenceCause::ConnectionLost,
            by: Some(Actor::baton()),
        }),
        kept_until: Some(at(300_003)),
        ..RepPresence::absent(id("ana"))
    }
}

fn assigned() -> Record {
    match work(WorkState::WrappingUp { until: at(40_000), extended: 2 }) {
        Record::Work(work) => {
            let work = Work { interruptible: true, check_skipped: true, ..Work::clone(&work) };
            Record::Work(Arc::new(work))
        }
        other => other,
    }
}

/// Every new field and every new state.
pub fn records() -> Vec<Record> {
    let absence = |absence| session(SessionState::Waiting { offer: None, absence: Some(absence) });
    let wrap_up =
        WrapUp { duration: Span::from_secs(30), max_extensions: 3, extension: Span::from_secs(10) };
    let mut records = vec![
        Record::Settings(Arc::new(Settings {
            presence_lease: Span::from_secs(45),
            ..Settings::default()
        })),
        Record::Configuration(Arc::new(PresenceConfiguration {
            interruptible_capacity: units(200),
            ..configuration()
        })),
        Record::Channel(Arc::new(Channel {
            wrap_up: Some(wrap_up),
            interruptible: true,
            ..super::sample::channel()
        })),
        Record::RepPresence(Arc::new(live(Then::Status(id("busy"))))),
        Record::RepPresence(Arc::new(live(Then::SignOut))),
        Record::RepPresence(Arc::new(gone())),
        absence(Absence::Until(at(300_000))),
        absence(Absence::Stranded),
        assigned(),
    ];
    let ends = [WorkEnd::SignedOut, WorkEnd::Orphaned];
    records.extend(ends.map(|why| work(WorkState::Ended { at: at(15), why })));
    records
}
