//! Flows in an org file, or one in a file of its own: rules with `when` and `to`, and a fallback.

use super::fields::{Fields, Found};
use super::{File, Kind, Reading, reading};
use crate::cli::target;
use crate::pb;
use crate::pb::flow_decision::Target;
use crate::pb::recipient::Recipient;

/// Reads one flow: a file that is nothing but a flow, or the flow `wanted` of an org file.
pub fn read_flow(text: &str, wanted: Option<&str>) -> Reading<pb::Flow> {
    let mut at = String::new();
    let flow = reading(text, |file, root| {
        let mut fields = Fields::of(root, "", file.faults)?;
        if !fields.has("flows") {
            let id = fields.id("id").map(|found| found.text).unwrap_or_default();
            let flow = file.flow(&mut fields, id);
            fields.finish();
            return Some(flow);
        }
        let flows = file.directory(root)?.flows.into_iter().enumerate();
        let mut flows: Vec<(usize, pb::Flow)> =
            flows.filter(|(_, flow)| wanted.is_none_or(|wanted| flow.id == wanted)).collect();
        let found = flows.len();
        let flow = flows.pop().filter(|_| found == 1).map(|(index, flow)| {
            at = format!("flows[{index}]");
            flow
        });
        if flow.is_none() {
            let text = match wanted {
                Some(wanted) => format!("has no flow `{wanted}`"),
                None => format!("has {found} flows: say which with --flow"),
            };
            fields.wrong("flows", text);
        }
        flow
    });
    Reading { at, ..flow }
}

impl<'a> File<'a> {
    pub(super) fn flow(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Flow {
        let rules = fields.inners("rules").into_iter().map(|rule| self.rule(rule)).collect();
        let fallback = fields.inner("fallback").map(|mut inner| {
            let decision = self.decision(&mut inner);
            inner.finish();
            decision
        });
        if fallback.is_none() {
            fields.missing("fallback", "where sessions go that no rule matches");
        }
        pb::Flow { id, name: fields.text("name"), rules, fallback }
    }

    fn rule(&mut self, mut fields: Fields<'a>) -> pb::FlowRule {
        let name = fields.text("name");
        let condition = fields.text("when");
        if condition.trim().is_empty() {
            fields.missing("when", "a condition in CEL, such as session.priority < 5");
        }
        let decision = self.decision(&mut fields);
        fields.finish();
        pb::FlowRule { name, condition, decision: Some(decision) }
    }

    fn decision(&mut self, fields: &mut Fields<'a>) -> pb::FlowDecision {
        let to = fields.written("to", "a target such as queue:billing");
        let skills = fields.inner("skills").map(|inner| self.skills_target(inner));
        if to.is_some() && skills.is_some() {
            fields.wrong("skills", "can't go with `to`: name the queue inside `skills`");
        }
        if !fields.has("to") && !fields.has("skills") {
            fields
                .missing("to", "queue:ID, rep:ID, flow:ID or contact:PARTNER/ID; or give `skills`");
        }
        let to = to.and_then(|to| self.target(fields, to));
        pb::FlowDecision {
            target: to.or(skills.map(Target::Skills)),
            set_attributes: fields.attributes("set").into_iter().collect(),
            set_priority: fields.count("priority", 0..=u32::MAX),
        }
    }

    fn target(&mut self, fields: &Fields<'a>, to: Found) -> Option<Target> {
        let named = match target::recipient(&to.text) {
            Ok(recipient) => recipient.recipient?,
            Err(why) => {
                fields.wrong_at(&to, why);
                return None;
            }
        };
        let (kind, id) = match named {
            Recipient::Queue(id) => (Kind::Queue, id),
            Recipient::Rep(id) => (Kind::Rep, id),
            Recipient::Flow(id) => (Kind::Flow, id),
            Recipient::ExternalContact(of) => {
                // Whether the partner has the contact is seen when a session goes there.
                let contact = Found { text: of.contact, ..to.clone() };
                let contact = fields.checked(contact)?.text;
                let partner = fields.checked(Found { text: of.partner, ..to })?;
                let partner = self.refer(Kind::Partner, Some(partner));
                return Some(Target::ExternalContact(pb::ExternalContactRef { partner, contact }));
            }
        };
        let found = fields.checked(Found { text: id, ..to })?;
        let id = self.refer(kind, Some(found));
        Some(match kind {
            Kind::Rep => Target::Rep(id),
            Kind::Flow => Target::Flow(id),
            _ => Target::Queue(id),
        })
    }

    fn skills_target(&mut self, mut fields: Fields<'a>) -> pb::SkillsTarget {
        let required = self.levels(&mut fields, "required");
        if required.is_empty() {
            fields.missing("required", "levels by skill, such as {spanish: 50}");
        }
        let queue = fields.id("queue");
        let wished = fields.named_inners("additional").into_iter();
        let additional = wished.map(|(skill, inner)| self.wished(skill, inner)).collect();
        let target =
            pb::SkillsTarget { required, additional, queue: self.refer(Kind::Queue, queue) };
        fields.finish();
        target
    }

    fn wished(&mut self, skill: Found, mut fields: Fields<'a>) -> pb::AdditionalSkill {
        let level = fields.count("level", 0..=100).unwrap_or_default();
        let timeout = fields.duration("timeout", 5..=86_400);
        fields.finish();
        let skill = self.refer(Kind::Skill, Some(skill));
        pb::AdditionalSkill { skill: Some(pb::SkillLevel { skill, level }), timeout }
    }
}
