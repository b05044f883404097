//! The settings of an org: values with their defaults, and how a change of some of them meets those
//! that are there. What a setting does is decided where its rule is.

use minicbor::{Decode, Encode};

use crate::domain::time::Span;

/// The settings of an org, each with its default.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Settings {
    /// T10: may sessions be transferred to a rep directly? Default: no.
    #[n(0)]
    pub direct_to_rep_routing: bool,
    /// T16: most transfers of one session, 1–1000. Default 20.
    #[n(1)]
    pub max_transfers_per_session: u32,
    /// T17: how long a transfer waits for a rep who has gone. Default 5 min.
    #[n(2)]
    pub direct_wait_limit: Span,
    /// P2: how long one renewal of a presence lasts, 5–300 s. Default 30 s.
    #[n(3)]
    pub presence_lease: Span,
    /// P4: how long a disconnected rep is waited for. Default 60 s.
    #[n(4)]
    pub disconnect_grace: Span,
    /// P7: how long sessions of a rep who has gone are kept. Default 5 min.
    #[n(5)]
    pub orphan_after: Span,
    /// O5: how long ended sessions can be read. Default 24 h.
    #[n(6)]
    pub history_retention: Span,
    /// T23: how long a partner has for a hand-off. Default 60 s.
    #[n(7)]
    pub handoff_deadline: Span,
    /// E1: samples without which no estimated wait is shown, 1–10. Default 10.
    #[n(8)]
    pub estimate_samples: u32,
    /// E1: how far back samples count, 1–60 min. Default 10 min.
    #[n(9)]
    pub estimate_window: Span,
    /// The zone that flows tell the time in, by its IANA name. Default `UTC`.
    #[n(10)]
    pub time_zone: String,
    /// When the org is open, as flows see it. Default: never closed.
    #[n(11)]
    pub business_hours: Vec<OpeningHours>,
    /// N1: how long a partner has to answer a routing request; `None`: [`Settings::ROUTING_DEADLINE`].
    #[n(12)]
    pub routing_deadline: Option<Span>,
}

impl Settings {
    /// How long a partner has to answer a routing request where nobody says otherwise (N1).
    pub const ROUTING_DEADLINE: Span = Span::from_secs(60);

    /// The same settings, of which what is as it is by itself isn't said: whoever says it has changed nothing.
    #[must_use]
    pub fn unsaid(self) -> Self {
        let routing_deadline = self.routing_deadline.filter(|said| *said != Self::ROUTING_DEADLINE);
        Self { routing_deadline, ..self }
    }

    /// How long a partner has to answer a routing request, unless it has a deadline of its own (N1).
    #[must_use]
    pub fn routing_deadline(&self) -> Span {
        self.routing_deadline.unwrap_or(Self::ROUTING_DEADLINE)
    }
}

/// One spell of a week's opening hours, in the org's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct OpeningHours {
    /// The day: 1 is Monday, 7 is Sunday.
    #[n(0)]
    pub weekday: u8,
    /// Minutes after midnight at which it opens, 0–1439.
    #[n(1)]
    pub from_minute: u16,
    /// Minutes after midnight at which it closes, up to 1440; after `from_minute`.
    #[n(2)]
    pub to_minute: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direct_to_rep_routing: false,
            max_transfers_per_session: 20,
            direct_wait_limit: Span::from_secs(300),
            presence_lease: Span::from_secs(30),
            disconnect_grace: Span::from_secs(60),
            orphan_after: Span::from_secs(300),
            history_retention: Span::from_secs(86_400),
            handoff_deadline: Span::from_secs(60),
            estimate_samples: 10,
            estimate_window: Span::from_secs(600),
            time_zone: "UTC".to_owned(),
            business_hours: Vec::new(),
            routing_deadline: None,
        }
    }
}

/// Settings that are to change; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    /// See [`Settings::direct_to_rep_routing`].
    pub direct_to_rep_routing: Option<bool>,
    /// See [`Settings::max_transfers_per_session`].
    pub max_transfers_per_session: Option<u32>,
    /// See [`Settings::direct_wait_limit`].
    pub direct_wait_limit: Option<Span>,
    /// See [`Settings::presence_lease`].
    pub presence_lease: Option<Span>,
    /// See [`Settings::disconnect_grace`].
    pub disconnect_grace: Option<Span>,
    /// See [`Settings::orphan_after`].
    pub orphan_after: Option<Span>,
    /// See [`Settings::history_retention`].
    pub history_retention: Option<Span>,
    /// See [`Settings::handoff_deadline`].
    pub handoff_deadline: Option<Span>,
    /// See [`Settings::estimate_samples`].
    pub estimate_samples: Option<u32>,
    /// See [`Settings::estimate_window`].
    pub estimate_window: Option<Span>,
    /// See [`Settings::time_zone`].
    pub time_zone: Option<String>,
    /// See [`Settings::business_hours`].
    pub business_hours: Option<Vec<OpeningHours>>,
    /// See [`Settings::routing_deadline`].
    pub routing_deadline: Option<Span>,
}

impl SettingsPatch {
    /// `settings` with these changes.
    #[must_use]
    pub fn over(&self, settings: &Settings) -> Settings {
        let most = self.max_transfers_per_session;
        Settings {
            direct_to_rep_routing: self
                .direct_to_rep_routing
                .unwrap_or(settings.direct_to_rep_routing),
            max_transfers_per_session: most.unwrap_or(settings.max_transfers_per_session),
            direct_wait_limit: self.direct_wait_limit.unwrap_or(settings.direct_wait_limit),
            presence_lease: self.presence_lease.unwrap_or(settings.presence_lease),
            disconnect_grace: self.disconnect_grace.unwrap_or(settings.disconnect_grace),
            orphan_after: self.orphan_after.unwrap_or(settings.orphan_after),
            history_retention: self.history_retention.unwrap_or(settings.history_retention),
            handoff_deadline: self.handoff_deadline.unwrap_or(settings.handoff_deadline),
            estimate_samples: self.estimate_samples.unwrap_or(settings.estimate_samples),
            estimate_window: self.estimate_window.unwrap_or(settings.estimate_window),
            time_zone: self.time_zone.as_ref().unwrap_or(&settings.time_zone).clone(),
            business_hours: self
                .business_hours
                .as_ref()
                .unwrap_or(&settings.business_hours)
                .clone(),
            routing_deadline: self.routing_deadline.or(settings.routing_deadline),
        }
        .unsaid()
    }
}
