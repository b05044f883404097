//! Reading records by what they are. The committed state and a draft are both looked at through
//! this, so that a rule is written once and serves listing, quoting, deciding and explaining (L6).

use std::sync::Arc;

use crate::domain::contacts::{ContactBook, QueueReport};
use crate::domain::directory::{
    Channel, Partner, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep, Settings, Skill,
};
use crate::domain::flow::Flow;
use crate::domain::id::{
    ChannelId, ConfigurationId, ExternalReference, FlowId, HandoffId, PartnerId, ProfileId,
    QueueId, RepId, RoutingRequestId, SessionId, SkillId, StatusId, TransferId, WorkId,
};
use crate::domain::live::{
    Handoff, Line, PartnerHealth, RepPresence, RoutingRequest, Session, Transfer, Work,
};
use crate::domain::load::RepLoad;
use crate::domain::record::{MarkKey, Record, RecordKey};
use crate::domain::rejection::Rejection;

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident($id:ty) -> $kind:ident($image:ty);)*) => {$(
        $(#[$doc])*
        fn $name(&self, id: &$id) -> Option<Arc<$image>> {
            match self.record(&RecordKey::$kind(id.clone())) {
                Some(Record::$kind(image)) => Some(image),
                _ => None,
            }
        }
    )*};
}

/// Somewhere that records can be read.
pub trait RecordLookup {
    /// The record under `key`.
    fn record(&self, key: &RecordKey) -> Option<Record>;

    getters! {
        /// A presence configuration.
        configuration(ConfigurationId) -> Configuration(PresenceConfiguration);
        /// A presence status.
        status(StatusId) -> Status(PresenceStatus);
        /// A profile.
        profile(ProfileId) -> Profile(Profile);
        /// A partner.
        partner(PartnerId) -> Partner(Partner);
        /// A channel.
        channel(ChannelId) -> Channel(Channel);
        /// A skill.
        skill(SkillId) -> Skill(Skill);
        /// A queue.
        queue(QueueId) -> Queue(Queue);
        /// A flow.
        flow(FlowId) -> Flow(Flow);
        /// A rep, as configured.
        rep(RepId) -> Rep(Rep);
        /// A session.
        session(SessionId) -> Session(Session);
        /// A piece of work.
        work(WorkId) -> Work(Work);
        /// A transfer.
        transfer(TransferId) -> Transfer(Transfer);
        /// A hand-off.
        handoff(HandoffId) -> Handoff(Handoff);
        /// A routing request.
        routing_request(RoutingRequestId) -> RoutingRequest(RoutingRequest);
        /// The contacts of a partner as a whole.
        contact_book(PartnerId) -> ContactBook(ContactBook);
        /// What a partner said of one of its queues.
        queue_report(QueueId) -> QueueReport(QueueReport);
    }

    /// The org's settings, or the defaults.
    fn settings(&self) -> Arc<Settings> {
        match self.record(&RecordKey::Settings) {
            Some(Record::Settings(settings)) => settings,
            _ => Arc::default(),
        }
    }

    /// A rep's presence and capacity; of a rep who never signed in, an absent one.
    fn rep_presence(&self, rep: &RepId) -> Arc<RepPresence> {
        match self.record(&RecordKey::RepPresence(rep.clone())) {
            Some(Record::RepPresence(presence)) => presence,
            _ => Arc::new(RepPresence::absent(rep.clone())),
        }
    }

    /// How a partner does.
    fn partner_health(&self, partner: &PartnerId) -> PartnerHealth {
        match self.record(&RecordKey::PartnerHealth(partner.clone())) {
            Some(Record::PartnerHealth(health)) => Arc::unwrap_or_clone(health),
            _ => PartnerHealth::new(partner.clone()),
        }
    }

    /// The partner that routes what waits in a line, if it is a partner's (N1).
    fn partner_of(&self, line: &Line) -> Option<PartnerId> {
        match line {
            Line::Partner(partner) => Some(partner.clone()),
            Line::Queue(queue) => Some(self.queue(queue)?.partner.as_ref()?.partner.clone()),
            Line::Rep(_) => None,
        }
    }

    /// The partner that a session of this channel goes back to in this line: the line's, if it still routes the channel.
    fn partner_left(&self, line: &Line, channel: &Channel) -> Option<PartnerId> {
        let known = |partner: &PartnerId| self.partner(partner).is_some();
        self.partner_of(line).filter(|p| channel.partner() == Some(p)).filter(known)
    }

    /// What a rep carries, and how much more the directory lets them; without a configuration nothing.
    fn load_of(&self, rep: &RepId) -> RepLoad {
        let configuration = self.rep(rep).and_then(|rep| self.configuration_of(&rep));
        let limits = configuration.map(|c| (c.capacity, c.interruptible_capacity));
        let (capacity, interruptible) = limits.unwrap_or_default();
        RepLoad::with_limits(&self.rep_presence(rep), capacity, interruptible)
    }

    /// Is a rep still to be looked at, by themselves or as one of many (C8)? Then they are offered
    /// nothing.
    fn is_marked(&self, rep: &RepId) -> bool {
        let unreached = match self.record(&RecordKey::Mark(MarkKey::Directory)) {
            Some(Record::Mark(mark)) => mark.after.is_none_or(|after| after < *rep),
            _ => false,
        };
        unreached || self.record(&RecordKey::Mark(MarkKey::Rep(rep.clone()))).is_some()
    }

    /// The session that a channel's external reference names (O2).
    fn reference(&self, channel: &ChannelId, reference: &ExternalReference) -> Option<SessionId> {
        match self.record(&RecordKey::Reference(channel.clone(), reference.clone())) {
            Some(Record::Reference(_, _, session)) => Some(session),
            _ => None,
        }
    }

    /// The configuration that applies to a rep: their own, or their profile's.
    fn configuration_of(&self, rep: &Rep) -> Option<Arc<PresenceConfiguration>> {
        match &rep.configuration {
            Some(own) => self.configuration(own),
            None => self.configuration(&self.profile(&rep.profile)?.configuration),
        }
    }

    /// The session, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_session(&self, id: SessionId) -> Result<Arc<Session>, Rejection> {
        self.session(&id).ok_or_else(|| Rejection::not_found("session", id))
    }

    /// The transfer, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_transfer(&self, id: TransferId) -> Result<Arc<Transfer>, Rejection> {
        self.transfer(&id).ok_or_else(|| Rejection::not_found("transfer", id))
    }

    /// The work, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_work(&self, id: WorkId) -> Result<Arc<Work>, Rejection> {
        self.work(&id).ok_or_else(|| Rejection::not_found("work", id))
    }

    /// The partner, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_partner(&self, id: &PartnerId) -> Result<Arc<Partner>, Rejection> {
        self.partner(id).ok_or_else(|| Rejection::not_found("partner", id))
    }

    /// The rep, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_rep(&self, id: &RepId) -> Result<Arc<Rep>, Rejection> {
        self.rep(id).ok_or_else(|| Rejection::not_found("rep", id))
    }

    /// The queue, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_queue(&self, id: &QueueId) -> Result<Arc<Queue>, Rejection> {
        self.queue(id).ok_or_else(|| Rejection::not_found("queue", id))
    }

    /// The flow, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_flow(&self, id: &FlowId) -> Result<Arc<Flow>, Rejection> {
        self.flow(id).ok_or_else(|| Rejection::not_found("flow", id))
    }

    /// The channel, or that there is none.
    ///
    /// # Errors
    /// NOT_FOUND.
    fn expect_channel(&self, id: &ChannelId) -> Result<Arc<Channel>, Rejection> {
        self.channel(id).ok_or_else(|| Rejection::not_found("channel", id))
    }
}
