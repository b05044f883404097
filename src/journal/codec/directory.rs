//! Images of what an org configures ↔ domain values. Used by the codec alone.

use super::super::JournalError;
use super::enums::{Stored, all};
use super::field::{
    by_name, by_text, name, name_or_none, names, span, span_ms, text, texts, there, units,
};
use super::{corrupt, stored};
use crate::domain::directory::{
    CapacityModel, Channel, ChannelType, OpeningHours, PresenceConfiguration, PresenceStatus,
    Profile, Recipients, Rep, RoutingOwner, Settings, WrapUp,
};
use crate::domain::id::{ChannelId, ConfigurationId, ProfileId, RepId, StatusId};
use crate::domain::time::Span;
use crate::domain::units::{CentiPercent, Weight};

type Read<T> = Result<T, JournalError>;

// A default that came later is stored as nothing, so that settings without it keep their bytes.
pub(super) fn from_settings(s: &Settings) -> stored::Settings {
    let default = Settings::default();
    let samples = (s.estimate_samples != default.estimate_samples).then_some(s.estimate_samples);
    let window = (s.estimate_window != default.estimate_window).then_some(s.estimate_window);
    let lease = (s.presence_lease != default.presence_lease).then_some(s.presence_lease);
    let zone = (s.time_zone != default.time_zone).then_some(&s.time_zone);
    stored::Settings {
        direct_to_rep_routing: s.direct_to_rep_routing,
        max_transfers_per_session: s.max_transfers_per_session,
        direct_wait_limit_ms: s.direct_wait_limit.as_ms(),
        disconnect_grace_ms: s.disconnect_grace.as_ms(),
        orphan_after_ms: s.orphan_after.as_ms(),
        history_retention_ms: s.history_retention.as_ms(),
        handoff_deadline_ms: s.handoff_deadline.as_ms(),
        estimate_samples: samples.unwrap_or_default(),
        estimate_window_ms: window.unwrap_or_default().as_ms(),
        time_zone: zone.cloned().unwrap_or_default(),
        business_hours: s.business_hours.iter().map(from_hours).collect(),
        presence_lease_ms: lease.unwrap_or_default().as_ms(),
    }
}

fn from_hours(hours: &OpeningHours) -> stored::OpeningHours {
    stored::OpeningHours {
        weekday: hours.weekday.into(),
        from_minute: hours.from_minute.into(),
        to_minute: hours.to_minute.into(),
    }
}

fn to_hours(hours: &stored::OpeningHours) -> Read<OpeningHours> {
    let minute = |minute: u32| {
        u16::try_from(minute).map_err(|_| corrupt(format!("a day has no minute {minute}")))
    };
    Ok(OpeningHours {
        weekday: u8::try_from(hours.weekday)
            .map_err(|_| corrupt(format!("a week has no day {}", hours.weekday)))?,
        from_minute: minute(hours.from_minute)?,
        to_minute: minute(hours.to_minute)?,
    })
}

pub(super) fn to_settings(s: stored::Settings) -> Read<Settings> {
    let default = Settings::default();
    let window = (s.estimate_window_ms != 0).then(|| Span::from_ms(s.estimate_window_ms));
    Ok(Settings {
        direct_to_rep_routing: s.direct_to_rep_routing,
        max_transfers_per_session: s.max_transfers_per_session,
        direct_wait_limit: Span::from_ms(s.direct_wait_limit_ms),
        disconnect_grace: Span::from_ms(s.disconnect_grace_ms),
        orphan_after: Span::from_ms(s.orphan_after_ms),
        history_retention: Span::from_ms(s.history_retention_ms),
        handoff_deadline: Span::from_ms(s.handoff_deadline_ms),
        estimate_samples: match s.estimate_samples {
            0 => default.estimate_samples,
            samples => samples,
        },
        estimate_window: window.unwrap_or(default.estimate_window),
        time_zone: if s.time_zone.is_empty() { default.time_zone } else { s.time_zone },
        business_hours: s.business_hours.iter().map(to_hours).collect::<Read<_>>()?,
        presence_lease: match s.presence_lease_ms {
            0 => default.presence_lease,
            ms => Span::from_ms(ms),
        },
    })
}

pub(super) fn from_configuration(c: &PresenceConfiguration) -> stored::PresenceConfiguration {
    let recipients = match &c.recipients {
        Recipients::Any => None,
        Recipients::Listed { queues, flows, profiles } => Some(stored::Recipients {
            queues: texts(queues),
            flows: texts(flows),
            profiles: texts(profiles),
        }),
    };
    stored::PresenceConfiguration {
        name: c.name.clone(),
        capacity_centi: c.capacity.as_centi(),
        allow_decline: c.allow_decline,
        auto_accept: c.auto_accept,
        recipients,
        status_after_decline: text(c.status_after_decline.as_ref()),
        status_after_push_timeout: text(c.status_after_push_timeout.as_ref()),
        push_timeout_ms: span_ms(c.push_timeout),
        interruptible_capacity_centi: c.interruptible_capacity.as_centi(),
    }
}

pub(super) fn to_configuration(
    id: ConfigurationId,
    c: stored::PresenceConfiguration,
) -> Read<PresenceConfiguration> {
    let recipients = match c.recipients {
        None => Recipients::Any,
        Some(list) => Recipients::Listed {
            queues: names(&list.queues)?,
            flows: names(&list.flows)?,
            profiles: names(&list.profiles)?,
        },
    };
    Ok(PresenceConfiguration {
        id,
        name: c.name,
        capacity: units(c.capacity_centi)?,
        interruptible_capacity: units(c.interruptible_capacity_centi)?,
        allow_decline: c.allow_decline,
        auto_accept: c.auto_accept,
        recipients,
        status_after_decline: name_or_none(&c.status_after_decline)?,
        status_after_push_timeout: name_or_none(&c.status_after_push_timeout)?,
        push_timeout: span(c.push_timeout_ms),
    })
}

pub(super) fn from_status(s: &PresenceStatus) -> stored::PresenceStatus {
    stored::PresenceStatus {
        name: s.name.clone(),
        online_for: s.online_for.iter().map(|t| t.to_stored()).collect(),
    }
}

pub(super) fn to_status(id: StatusId, s: stored::PresenceStatus) -> Read<PresenceStatus> {
    Ok(PresenceStatus { id, name: s.name, online_for: all(&s.online_for)? })
}

pub(super) fn from_profile(p: &Profile) -> stored::Profile {
    stored::Profile {
        name: p.name.clone(),
        statuses: texts(&p.statuses),
        configuration: p.configuration.to_string(),
    }
}

pub(super) fn to_profile(id: ProfileId, p: stored::Profile) -> Read<Profile> {
    Ok(Profile {
        id,
        name: p.name,
        statuses: names(&p.statuses)?,
        configuration: name(&p.configuration)?,
    })
}

pub(super) fn from_weight(weight: Weight) -> stored::Weight {
    use stored::weight::Measure;
    let measure = match weight {
        Weight::Units(units) => Measure::UnitsCenti(units.as_centi()),
        Weight::Percent(share) => Measure::ShareCenti(share.get()),
    };
    stored::Weight { measure: Some(measure) }
}

pub(super) fn to_weight(weight: &stored::Weight) -> Read<Weight> {
    use stored::weight::Measure;
    Ok(match weight.measure {
        Some(Measure::UnitsCenti(hundredths)) => Weight::Units(units(hundredths)?),
        Some(Measure::ShareCenti(hundredths)) => Weight::Percent(CentiPercent::new(hundredths)),
        None => return Err(corrupt("a weight has no measure")),
    })
}

pub(super) fn from_channel(c: &Channel) -> stored::Channel {
    stored::Channel {
        name: c.name.clone(),
        channel_type: c.channel_type.to_stored(),
        partner: match &c.routing_owner {
            RoutingOwner::Baton => String::new(),
            RoutingOwner::Partner(id) => id.to_string(),
        },
        capacity_model: c.capacity_model.to_stored(),
        weight: Some(from_weight(c.weight)),
        paused_weight: c.paused_weight.map(from_weight),
        fallback_queue: text(c.fallback_queue.as_ref()),
        wrap_up: c.wrap_up.map(|after| stored::WrapUp {
            duration_ms: after.duration.as_ms(),
            max_extensions: after.max_extensions,
            extension_ms: after.extension.as_ms(),
        }),
        interruptible: c.interruptible,
    }
}

pub(super) fn to_channel(id: ChannelId, c: stored::Channel) -> Read<Channel> {
    Ok(Channel {
        id,
        name: c.name,
        channel_type: ChannelType::from_stored(c.channel_type)?,
        routing_owner: name_or_none(&c.partner)?.map_or(RoutingOwner::Baton, RoutingOwner::Partner),
        capacity_model: CapacityModel::from_stored(c.capacity_model)?,
        weight: to_weight(&there(c.weight, "a channel's weight")?)?,
        paused_weight: c.paused_weight.as_ref().map(to_weight).transpose()?,
        fallback_queue: name_or_none(&c.fallback_queue)?,
        wrap_up: c.wrap_up.map(|after| WrapUp {
            duration: Span::from_ms(after.duration_ms),
            max_extensions: after.max_extensions,
            extension: Span::from_ms(after.extension_ms),
        }),
        interruptible: c.interruptible,
    })
}

pub(super) fn from_rep(r: &Rep) -> stored::Rep {
    stored::Rep {
        name: r.name.clone(),
        profile: r.profile.to_string(),
        configuration: text(r.configuration.as_ref()),
        licences: r.licences.iter().map(|l| l.to_stored()).collect(),
        permissions: r.permissions.iter().map(|p| p.to_stored()).collect(),
        skills: by_text(&r.skills),
    }
}

pub(super) fn to_rep(id: RepId, r: stored::Rep) -> Read<Rep> {
    Ok(Rep {
        id,
        name: r.name,
        profile: name(&r.profile)?,
        configuration: name_or_none(&r.configuration)?,
        licences: all(&r.licences)?,
        permissions: all(&r.permissions)?,
        skills: by_name(&r.skills)?,
    })
}
