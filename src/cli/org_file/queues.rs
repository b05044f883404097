//! Skills, queues and business hours in an org file.

use super::fields::Fields;
use super::{File, Kind};
use crate::pb;

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl<'a> File<'a> {
    pub(super) fn skill(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Skill {
        pb::Skill { id, name: fields.text("name") }
    }

    /// `{es: 80, billing: 50}`: levels by skill.
    pub(super) fn levels(
        &mut self,
        fields: &mut Fields<'a>,
        key: &'static str,
    ) -> Vec<pb::SkillLevel> {
        let levels = fields.levels(key).into_iter();
        levels
            .map(|(skill, level)| pb::SkillLevel {
                skill: self.refer(Kind::Skill, Some(skill)),
                level,
            })
            .collect()
    }

    pub(super) fn queue(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Queue {
        let (reps, partner) = (fields.ids("reps"), fields.id("partner"));
        let own = fields.id("partner_queue");
        pb::Queue {
            id,
            name: fields.text("name"),
            reps: self.refer_all(Kind::Rep, reps),
            routing_model: fields.name::<pb::RoutingModel>("routing_model"),
            push_timeout: fields.duration("push_timeout", 1..=3600),
            overflow: fields.inner("overflow").map(|inner| self.overflow(inner)),
            default_priority: fields.count("default_priority", 0..=u32::MAX).unwrap_or_default(),
            channel_types: fields.names::<pb::ChannelType>("channel_types"),
            weight: fields.weight("weight"),
            max_length: fields.count("max_length", 1..=u32::MAX).unwrap_or_default(),
            partner: self.refer(Kind::Partner, partner),
            partner_queue: own.map(|own| own.text).unwrap_or_default(),
        }
    }

    fn overflow(&mut self, mut fields: Fields<'a>) -> pb::Overflow {
        let queue = fields.id("queue");
        if queue.is_none() {
            fields.missing("queue", "the id of one of queues");
        }
        let overflow = pb::Overflow {
            max_length: fields.count("max_length", 1..=u32::MAX).unwrap_or_default(),
            max_wait: fields.duration("max_wait", 1..=86_400),
            queue: self.refer(Kind::Queue, queue),
        };
        if !fields.has("max_length") && !fields.has("max_wait") {
            fields.missing("max_length", "or max_wait, or both: beyond which work goes elsewhere");
        }
        fields.finish();
        overflow
    }
}

/// `{days: [monday, tuesday], from: 09:00, to: 17:30}`: one spell for each of the days.
pub(super) fn business_hours(mut fields: Fields<'_>) -> Vec<pb::BusinessHours> {
    let days = fields.texts("days");
    fields.missing("days", "a list such as [monday, tuesday]");
    if fields.is_empty_list("days") {
        fields.wrong("days", "is empty: name at least one day, such as [monday, tuesday]");
    }
    let from = fields.minute("from");
    let to = fields.minute("to");
    for (key, minute) in [("from", from), ("to", to)] {
        if minute.is_none() {
            fields.missing(key, "a time such as 09:00");
        }
    }
    let (from_minute, to_minute) = (from.unwrap_or_default(), to.unwrap_or_default());
    if from.is_some() && to.is_some() && from_minute >= to_minute {
        fields.wrong("to", "must be later than `from`: write a spell past midnight as two");
    }
    let mut spells = Vec::new();
    for day in days {
        let wanted = day.text.to_ascii_lowercase();
        match DAYS.iter().position(|name| *name == wanted) {
            Some(index) => {
                let weekday = u32::try_from(index).expect("a week has seven days") + 1;
                spells.push(pb::BusinessHours { weekday, from_minute, to_minute });
            }
            None => {
                let text = match crate::cli::names::nearest(&wanted, DAYS) {
                    Some(near) => format!("`{}` isn't a day: did you mean {near}?", day.text),
                    None => format!("`{}` isn't a day: use one of {}", day.text, DAYS.join(", ")),
                };
                fields.wrong_at(&day, text);
            }
        }
    }
    fields.finish();
    spells
}
