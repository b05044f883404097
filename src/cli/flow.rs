//! Skills and flows as people read them, and `flows test`: what a flow would decide, and why. Sessions and transfers
//! show their traces with it.

use std::path::Path;

use super::args::TestFlow;
use super::{Context, directory, json, org_file, words};
use crate::client::Client;
use crate::output::Table;
use crate::pb;
use crate::pb::flow_decision::Target;

/// `baton flows test`.
pub async fn test(context: &Context, args: TestFlow) -> anyhow::Result<()> {
    use pb::test_flow_request::Flow;
    let path = Path::new(&args.flow);
    let is_file = args.flow == "-" || args.flow.contains('/') || path.is_file();
    let facts = pb::FlowFacts {
        channel: args.channel,
        attributes: args.attributes.into_iter().collect(),
        priority: args.priority,
        time: args.at,
        queues: Vec::new(),
    };
    let ask = async |client: &Client, flow: Flow| {
        let (flow, facts) = (Some(flow), Some(facts.clone()));
        let request = pb::TestFlowRequest { flow, facts, ..Default::default() };
        client.test_flow(request).await
    };
    let answer = if is_file {
        let (name, text) = directory::read_file(path)?;
        let read = org_file::read_flow(&text, args.which.as_deref());
        let ask = async |client: &Client, flow: &pb::Flow, _| {
            ask(client, Flow::Draft(flow.clone())).await
        };
        directory::asked(&name, read, "draft.", context.client(), ask).await?
    } else {
        ask(&context.client()?, Flow::Id(args.flow)).await?
    };
    let trace = answer.trace.clone().unwrap_or_default();
    context.out.one(|| json::of("TestFlowResponse", &answer), || trace_text(&trace));
    Ok(())
}

fn trace_text(trace: &pb::FlowTrace) -> String {
    let mut text = steps(&trace.steps).text();
    text += &format!("→ {}\n", decision(trace.decision.as_ref()));
    if !trace.attributes.is_empty() {
        text += &format!("  attributes afterwards: {}\n", words::attributes(&trace.attributes));
    }
    text
}

/// The rules that a flow looked at.
pub fn steps(steps: &[pb::FlowTraceStep]) -> Table {
    let mut rows = Table::new(["FLOW", "RULE", "NAME", "MATCHED", "WHY"]);
    for step in steps {
        rows.row([
            if step.flow.is_empty() { "(draft)".to_owned() } else { step.flow.clone() },
            step.rule.map_or_else(|| "fallback".to_owned(), |rule| rule.to_string()),
            step.name.clone(),
            if step.matched { "yes" } else { "no" }.to_owned(),
            step.why.clone(),
        ]);
    }
    rows
}

/// How people know a rule: by its name, or its number.
pub fn rule_name(step: &pb::FlowTraceStep) -> String {
    match (step.rule, step.name.as_str()) {
        (None, _) => "fallback".to_owned(),
        (Some(rule), "") => format!("rule {rule}"),
        (Some(rule), name) => format!("rule {rule} ({name})"),
    }
}

/// Skills.
pub fn skills_table(skills: &[pb::Skill]) -> Table {
    let mut rows = Table::new(["SKILL", "NAME"]);
    for skill in skills {
        rows.row([skill.id.clone(), skill.name.clone()]);
    }
    rows
}

/// Flows.
pub fn flows_table(flows: &[pb::Flow]) -> Table {
    let mut rows = Table::new(["FLOW", "NAME", "RULES", "FALLBACK"]);
    for flow in flows {
        rows.row([
            flow.id.clone(),
            flow.name.clone(),
            flow.rules.len().to_string(),
            decision(flow.fallback.as_ref()),
        ]);
    }
    rows
}

/// One flow with its rules.
pub fn text(flow: &pb::Flow) -> String {
    let mut rows = Table::new(["RULE", "NAME", "WHEN", "TO"]);
    for (number, rule) in flow.rules.iter().enumerate() {
        let to = decision(rule.decision.as_ref());
        rows.row([number.to_string(), rule.name.clone(), rule.condition.clone(), to]);
    }
    rows.row(
        ["fallback", "", ""]
            .map(str::to_owned)
            .into_iter()
            .chain([decision(flow.fallback.as_ref())]),
    );
    format!("{}  {}\n{}", flow.id, flow.name, rows.text())
}

/// Where a decision sends a session, and what it sets.
fn decision(decision: Option<&pb::FlowDecision>) -> String {
    let Some(decision) = decision else {
        return String::new();
    };
    let mut text = match &decision.target {
        Some(Target::Queue(id)) => format!("queue:{id}"),
        Some(Target::Rep(id)) => format!("rep:{id}"),
        Some(Target::Flow(id)) => format!("flow:{id}"),
        Some(Target::ExternalContact(c)) => format!("contact:{}/{}", c.partner, c.contact),
        Some(Target::Skills(skills)) => skills_text(skills),
        None => String::new(),
    };
    if !decision.set_attributes.is_empty() {
        text += &format!(", sets {}", words::attributes(&decision.set_attributes));
    }
    if let Some(priority) = decision.set_priority {
        text += &format!(", priority {priority}");
    }
    text
}

fn skills_text(skills: &pb::SkillsTarget) -> String {
    let queue = if skills.queue.is_empty() {
        "the fallback queue".to_owned()
    } else {
        format!("queue:{}", skills.queue)
    };
    format!("skills {} in {queue}", words::skills(&skills.required, &skills.additional))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_read_as_people_write_them() {
        let level = |skill: &str, level| pb::SkillLevel { skill: skill.into(), level };
        let skills = pb::SkillsTarget {
            required: vec![level("es", 50)],
            additional: vec![pb::AdditionalSkill { skill: Some(level("vip", 1)), timeout: None }],
            queue: "billing".into(),
        };
        let made = pb::FlowDecision {
            target: Some(Target::Skills(skills)),
            set_attributes: [("tier".to_owned(), "gold".to_owned())].into(),
            set_priority: Some(2),
        };
        assert_eq!(
            decision(Some(&made)),
            "skills es≥50, wished: vip≥1 in queue:billing, sets tier=gold, priority 2"
        );
    }
}
