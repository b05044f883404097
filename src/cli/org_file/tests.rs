//! What a good org file becomes, and that a bad one gives all its faults at once, each in its place.

mod partners;

use super::*;

const EXAMPLE: &str = include_str!("../../../examples/org.yaml");

fn read(text: &str, complete: bool) -> Result<pb::Directory, Vec<Fault>> {
    super::read(text, complete).good()
}

fn read_flow(text: &str, wanted: Option<&str>) -> Result<pb::Flow, Vec<Fault>> {
    super::read_flow(text, wanted).good()
}

fn faults(text: &str, complete: bool) -> Vec<String> {
    read(text, complete).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_is_complete_and_reads_as_meant() {
    let directory = read(EXAMPLE, true).unwrap();
    assert_eq!(directory.settings.unwrap().skills_based_and_direct_to_rep_routing, Some(true));
    assert!(
        directory.reps.iter().any(|rep| rep.id == "ana")
            && directory.reps.iter().any(|rep| rep.id == "ben")
    );
    let queues: Vec<_> = directory.queues.iter().map(|queue| queue.id.as_str()).collect();
    assert_eq!(queues, ["billing", "general", "orders", "returns"]);
    assert_eq!((directory.skills.len(), directory.flows.len()), (3, 1));
    let web = directory.channels.iter().find(|channel| channel.id == "web").unwrap();
    assert_eq!(web.r#type(), pb::ChannelType::WebChatV2);
}

#[test]
fn figures_are_exact_hundredths() {
    let directory = read(
        "presence_configurations:\n- {id: a, capacity: 2.5}\n- {id: b, capacity: '10'}\n\
         channels:\n- {id: c, type: sms, weight: 25%}\n- {id: d, type: SMS, weight: 0.05}\n",
        false,
    )
    .unwrap();
    let capacities: Vec<i64> =
        directory.presence_configurations.iter().map(|c| c.capacity_centi_units).collect();
    assert_eq!(capacities, [250, 1000]);
    let weights: Vec<_> =
        directory.channels.iter().map(|c| c.weight.unwrap().weight.unwrap()).collect();
    assert_eq!(
        weights,
        [pb::weight::Weight::CentiPercent(2500), pb::weight::Weight::CentiUnits(5)]
    );
}

#[test]
fn c5_c6_pools_and_after_conversation_work_are_read() {
    let directory = read(
        "presence_configurations:\n- {id: a, capacity: 6, interruptible_capacity: 2.5}\n\
         channels:\n- {id: c, type: SMS, interruptible: true, wrap_up: {duration: 1m, max_extensions: 2}}\n",
        false,
    )
    .unwrap();
    assert_eq!(directory.presence_configurations[0].interruptible_capacity_centi_units, 250);
    let channel = &directory.channels[0];
    let after = channel.wrap_up.unwrap();
    assert!(channel.interruptible && after.max_extensions == 2 && after.extension.is_none());
    assert_eq!(after.duration.map(|d| d.seconds), Some(60));
    let wrong = "channels:\n- id: c\n  type: SMS\n  wrap_up: {max_extensions: 11, extension: 5s}\n";
    let faults = read(wrong, false).unwrap_err();
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(
        faults
            .iter()
            .any(|fault| fault.starts_with("4:")
                && fault.contains("wrap_up.max_extensions: must be"))
    );
    assert!(faults.iter().any(|fault| fault.contains("wrap_up.duration: is required")));
}

#[test]
fn every_fault_is_reported_at_once_with_its_place() {
    let text = "\
settings:
  direct_wait_limt: 5m
  presence_lease: 2s
presence_statuses:
- id: available
  type: ONLIN
  channel_types: [WEB_CHAT_V2, TELEX]
- id: available
  type: BUSY
presence_configurations:
- id: standard
  capacity: lots
profiles:
- id: team
  presence_statuses: available
reps:
- id: ana smith
  profile: team
  licences: {a: b}
- name: Ben
channels:
- id: web
  type: WEB_CHAT_V2
  type: SMS
  weight: 101%
partners: [{id: acme, routing_lease: 1s, away_after: 101, nam: x}]
";
    assert_eq!(
        faults(text, false),
        [
            "2:3: settings.direct_wait_limt: unknown key: did you mean `direct_wait_limit`?",
            "3:19: settings.presence_lease: must be 5 s to 300 s, not `2s`",
            "6:9: presence_statuses[0].type: `ONLIN` isn't known: did you mean ONLINE?",
            "7:32: presence_statuses[0].channel_types[1]: `TELEX` isn't known: use one of IN_APP_CHAT, WEB_CHAT_V1, \
             WEB_CHAT_V2, WHATSAPP, FACEBOOK_MESSENGER, SMS, APPLE_MESSAGES_FOR_BUSINESS, LINE, BYOC, \
             BYOC_FOR_CCAAS, STANDARD_FACEBOOK_MESSENGER, STANDARD_SMS",
            "8:7: presence_statuses[1].id: `available` is there already, in line 5: ids are unique",
            "12:13: presence_configurations[0].capacity: must be units such as 5 or 2.50, at most a million, not \
             `lots`",
            "14:3: profiles[0].presence_configuration: is required: the id of one of presence_configurations",
            "15:22: profiles[0].presence_statuses: must be a list of ids, not a single value",
            "17:7: reps[0].id: `ana smith` isn't an id: 1–128 letters, digits or any of . _ : @ -",
            "19:13: reps[0].licences: must be a list of names, not a mapping",
            "20:3: reps[1].id: is required: a name of your own, unique among the section's",
            "20:3: reps[1].profile: is required: the id of one of profiles",
            "24:3: channels[0].type: given twice, first in line 23: keep one",
            "25:11: channels[0].weight: must be units such as 1 or 0.5, or a percentage such as 25%, not `101%`",
            "26:38: partners[0].routing_lease: must be 5 s to 300 s, not `1s`",
            "26:54: partners[0].away_after: must be a whole number from 1 to 100, not `101`",
            "26:59: partners[0].nam: unknown key: did you mean `name`?",
        ]
    );
}

#[test]
fn an_error_of_syntax_doesnt_hide_what_comes_before_it() {
    let text =
        "reps:\n- {id: ana, profil: team, profile: team}\n- id: ben\n  profile: [a\nchannels: }\n";
    let found = faults(text, true);
    assert!(
        found[0].starts_with("2:13: reps[0].profil: unknown key: did you mean `profile`?"),
        "{found:?}"
    );
    assert!(found.iter().any(|fault| fault.contains("not YAML")), "{found:?}");
    assert!(!found.iter().any(|fault| fault.contains("is required")), "{found:?}");
}

#[test]
fn references_are_looked_up_only_if_nothing_else_can_exist() {
    let text = "profiles:\n- {id: team, presence_configuration: standard, presence_statuses: [avalable]}\n\
                presence_statuses:\n- {id: available, type: BUSY}\n";
    assert!(read(text, false).is_ok());
    assert_eq!(
        faults(text, true),
        [
            "2:38: profiles[0].presence_configuration: `standard` isn't in presence_configurations: the file has none",
            "2:68: profiles[0].presence_statuses[0]: `avalable` isn't in presence_statuses: did you mean \
             `available`?",
        ]
    );
}

const FLOW: &str = "\
rules:
- name: money
  when: session.priority < 3
  to: queue:billing
  set: {routed: \"yes\"}
  priority: 7
- when: 'true'
  skills:
    required: {es: 50}
    additional: {vip: {level: 10, timeout: 30s}}
    queue: general
fallback: {to: rep:ana}
";

#[test]
fn a_flow_reads_as_meant_alone_and_in_an_org_file() {
    use pb::flow_decision::Target;
    let flow = read_flow(FLOW, None).unwrap();
    assert_eq!(flow.rules[0].condition, "session.priority < 3");
    let first = flow.rules[0].decision.as_ref().unwrap();
    assert_eq!(first.target, Some(Target::Queue("billing".into())));
    assert_eq!((first.set_priority, first.set_attributes["routed"].as_str()), (Some(7), "yes"));
    let Some(Target::Skills(skills)) = flow.rules[1].decision.clone().unwrap().target else {
        panic!("{flow:?}");
    };
    assert_eq!(skills.required, [pb::SkillLevel { skill: "es".into(), level: 50 }]);
    assert_eq!(skills.additional[0].timeout.map(|t| t.seconds), Some(30));
    assert_eq!(skills.queue, "general");
    assert_eq!(flow.fallback.unwrap().target, Some(Target::Rep("ana".into())));

    let indented = FLOW.trim_end().replace('\n', "\n  ");
    let file = format!("flows:\n- id: one\n  {indented}\n- id: two\n  {indented}\n");
    assert_eq!(read_flow(&file, Some("two")).unwrap().id, "two");
    let faults = |wanted| read_flow(&file, wanted).unwrap_err()[0].to_string();
    assert_eq!(faults(None), "2:3: flows: has 2 flows: say which with --flow");
    assert_eq!(faults(Some("six")), "2:3: flows: has no flow `six`");
}

#[test]
fn queues_and_skills_read_as_meant() {
    let text = "\
settings:
  time_zone: Europe/Berlin
  business_hours: [{days: [Monday, sunday], from: 09:00, to: 24:00}]
queues:
- id: q
  channel_types: [SMS]
  routing_model: MOST_AVAILABLE
  weight: 25%
  overflow: {max_wait: 90s, queue: r}
- id: r
reps:
- {id: ana, profile: team, skills: {es: 0, vip: 100}}
";
    let directory = read(text, false).unwrap();
    let hours = directory.settings.unwrap().business_hours;
    let hours: Vec<_> = hours.iter().map(|h| (h.weekday, h.from_minute, h.to_minute)).collect();
    assert_eq!(hours, [(1, 540, 1440), (7, 540, 1440)]);
    let queue = &directory.queues[0];
    assert_eq!(queue.routing_model(), pb::RoutingModel::MostAvailable);
    let overflow = queue.overflow.as_ref().unwrap();
    assert_eq!((overflow.max_wait.map(|w| w.seconds), overflow.queue.as_str()), (Some(90), "r"));
    let levels: Vec<_> = directory.reps[0].skills.iter().map(|s| (&*s.skill, s.level)).collect();
    assert_eq!(levels, [("es", 0), ("vip", 100)]);
}

#[test]
fn hours_of_no_day_are_a_mistake() {
    let told = |hours: &str| faults(&format!("settings:\n  business_hours: [{hours}]\n"), false);
    let empty = "2:27: settings.business_hours[0].days: is empty: name at least one day, such as \
                 [monday, tuesday]";
    assert_eq!(told("{days: [], from: 09:00, to: 10:00}"), [empty]);
    let missing =
        "2:20: settings.business_hours[0].days: is required: a list such as [monday, tuesday]";
    assert_eq!(told("{from: 09:00, to: 10:00}"), [missing]);
}

#[test]
fn faults_of_queues_skills_and_flows_have_their_places() {
    let text = "\
settings:
  business_hours: [{days: [munday], from: 9, to: 17:00}, {days: [friday], from: 10:00, to: 09:00}]
skills: [{id: es, level: 3}]
reps:
- {id: ana, profile: team, skills: {es: 101, 'a b': 1}}
queues:
- id: q
  reps: ana
  overflow: {queu: r}
  max_length: 0
flows:
- id: f
  rules:
  - to: queue:a b
  - when: 'true'
    to: billing
    skills: {queue: q}
  - {when: 'true', to: contact:acme}
  - {when: 'true'}
";
    assert_eq!(
        faults(text, false),
        [
            "2:28: settings.business_hours[0].days[0]: `munday` isn't a day: did you mean monday?",
            "2:43: settings.business_hours[0].from: must be a time of day such as 09:30, not `9`",
            "2:92: settings.business_hours[1].to: must be later than `from`: write a spell past midnight as two",
            "3:19: skills[0].level: unknown key: use one of id, name",
            "5:41: reps[0].skills.es: must be a level from 0 to 100, not `101`",
            "5:46: reps[0].skills.a b: `a b` isn't an id: 1–128 letters, digits or any of . _ : @ -",
            "8:9: queues[0].reps: must be a list of ids, not a single value",
            "9:13: queues[0].overflow.max_length: is required: or max_wait, or both: beyond which work goes elsewhere",
            "9:13: queues[0].overflow.queue: is required: the id of one of queues",
            "9:14: queues[0].overflow.queu: unknown key: did you mean `queue`?",
            "10:15: queues[0].max_length: must be a whole number from 1 to 4294967295, not `0`",
            "12:3: flows[0].fallback: is required: where sessions go that no rule matches",
            "14:5: flows[0].rules[0].when: is required: a condition in CEL, such as session.priority < 5",
            "14:9: flows[0].rules[0].to: `a b` isn't an id: 1–128 letters, digits or any of . _ : @ -",
            "16:9: flows[0].rules[1].to: `billing` doesn't say what it is: write rep:billing, queue:billing or \
             flow:billing",
            "17:13: flows[0].rules[1].skills: can't go with `to`: name the queue inside `skills`",
            "17:13: flows[0].rules[1].skills.required: is required: levels by skill, such as {spanish: 50}",
            "18:24: flows[0].rules[2].to: `contact:acme` must name partner and contact: contact:PARTNER/CONTACT",
            "19:5: flows[0].rules[3].to: is required: queue:ID, rep:ID, flow:ID or contact:PARTNER/ID; or give \
             `skills`",
        ]
    );
}

#[test]
fn names_in_queues_and_flows_are_looked_up_too() {
    let text = "\
skills: [{id: es}]
queues: [{id: q, reps: [ana], overflow: {max_length: 1, queue: p}}]
flows:
- id: f
  rules:
  - {when: 'true', skills: {required: {ess: 1}, queue: q}}
  fallback: {to: queue:qq}
";
    assert_eq!(
        faults(text, true),
        [
            "2:25: queues[0].reps[0]: `ana` isn't in reps: the file has none",
            "2:64: queues[0].overflow.queue: `p` isn't in queues: did you mean `q`?",
            "6:40: flows[0].rules[0].skills.required.ess: `ess` isn't in skills: did you mean `es`?",
            "7:18: flows[0].fallback.to: `qq` isn't in queues: did you mean `q`?",
        ]
    );
}

#[test]
fn odd_files_are_refused_and_nothing_crashes() {
    for (text, said) in [
        ("", "the file is empty"),
        ("- a\n", "must be a mapping, not a list"),
        ("reps: 5\n", "must be a list of mappings"),
        ("reps: [5]\n", "must be a mapping, not a single value"),
        ("a: &x 1\nb: *x\n", "aliases (*name) aren't supported"),
        ("reps: []\n---\nreps: []\n", "a second document"),
        ("? [a]\n: b\n", "a key must be a name"),
        ("a: b: c\n", "not YAML"),
    ] {
        let found = faults(text, false);
        assert!(found.iter().any(|fault| fault.contains(said)), "{text:?}: {found:?}");
    }
    for (depth, said) in [(100, "nested too deeply"), (100_000, "recursion limit")] {
        let found = faults(&"[".repeat(depth), false);
        assert!(found[0].contains(said), "{found:?}");
    }
}

/// What is told of a file, with what the server says of fields of its request.
fn told(text: &str, fields: &[&str]) -> Vec<String> {
    let mut file = super::read(text, false);
    let said: Vec<(String, String)> =
        fields.iter().map(|field| ((*field).to_owned(), "is wrong".to_owned())).collect();
    let others = file.add("directory.", &said);
    assert!(others.iter().all(|(field, _)| !field.starts_with("directory.")));
    file.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn d1_what_the_server_finds_wrong_has_its_place_and_nothing_is_said_twice() {
    let text = "queues:\n- id: care\n  reps: [ana, zed]\n  push_timeout: soon\n  overflow: {max_length: 1, queue: gone}\n\
                reps:\n- {id: ana, profile: agents, skills: {es: 1, fr: 2}}\n\
                flows:\n- id: f\n  rules:\n  - {when: 'true', to: 'rep:zed'}\n  fallback: {skills: {required: {fr: 1}}}\n";
    let told = told(
        text,
        &[
            "directory.queues[0].reps[1]",
            "directory.queues[0].push_timeout",
            "directory.queues[0].overflow.queue",
            "directory.reps[0].skills[1].skill",
            "directory.flows[0].rules[0].decision.rep",
            "directory.flows[0].rules[0].condition",
            "directory.flows[0].fallback.skills.required[0].skill",
            "directory.settings.time_zone",
            "move_to",
        ],
    );
    let local = "4:17: queues[0].push_timeout: ";
    assert!(told.iter().filter(|fault| fault.starts_with(local)).count() == 1, "{told:?}");
    let others: Vec<&String> = told.iter().filter(|fault| !fault.starts_with(local)).collect();
    assert_eq!(
        others,
        [
            "1:1: settings.time_zone is wrong",
            "3:15: queues[0].reps[1]: is wrong",
            "5:36: queues[0].overflow.queue: is wrong",
            "7:46: reps[0].skills.fr: is wrong",
            "11:12: flows[0].rules[0].when: is wrong",
            "11:24: flows[0].rules[0].to: is wrong",
            "12:34: flows[0].fallback.skills.required.fr: is wrong",
        ]
    );
}

#[test]
fn d1_of_a_list_that_is_not_all_read_the_server_knows_other_numbers() {
    let text = "reps:\n- {id: ana, profile: p, skills: {lang.es: x, fr: 10, nope: 5}}\n\
                queues:\n- {id: q, reps: ['a b', ana, zed]}\n\
                settings:\n  business_hours:\n  - {days: [monday, tuesday], from: 09:00, to: 5pm}\n  - {days: [saturday], from: 09:00, to: 10:00}\n";
    let told = told(
        text,
        &[
            "directory.reps[0].skills[1].skill",
            "directory.queues[0].reps[1]",
            "directory.settings.business_hours[1].to_minute",
        ],
    );
    assert_eq!(told.len(), 5, "{told:?}");
    let places: Vec<&str> = told.iter().map(|fault| fault.split(": ").nth(1).unwrap()).collect();
    let expected = [
        "reps[0].skills",
        "reps[0].skills.lang.es",
        "queues[0].reps[0]",
        "queues[0].reps[1]",
        "settings.business_hours[0].to",
    ];
    assert_eq!(places, expected, "{told:?}");
}

#[test]
fn d1_what_follows_from_a_fault_is_no_other_one() {
    let text = "presence_statuses:\n- {id: s, type: ONLINE, channel_types: [WATSAPP]}\n\
                queues:\n- {id: q, overflow: {max_length: zero, queue: r}}\n";
    let both = ["directory.presence_statuses[0].channel_types", "directory.queues[0].overflow"];
    assert_eq!(told(text, &both), told(text, &[]));
}

#[test]
fn d1_a_name_that_the_file_itself_lacks_is_told_once() {
    let text = "queues:\n- {id: q, reps: [anna]}\nreps:\n- {id: ana, profile: p}\n";
    let bad_id = "queues:\n- {id: q, reps: ['a b']}\n";
    assert_eq!(super::read(bad_id, true).faults.len(), 1, "not an id, and that is all");
    let mut file = super::read(text, true);
    let before = file.faults.len();
    let fields = [("directory.queues[0].reps[0]".to_owned(), "names anna".to_owned())];
    file.add("directory.", &fields);
    assert_eq!(file.faults.len(), before, "{:?}", file.faults);
}

#[test]
fn d1_where_a_section_cannot_be_read_the_server_is_not_asked_what_is_missing() {
    for text in ["skills: [es, fr]\n", "queus:\n- {id: q}\n", "skills:\n- es\n"] {
        let file = super::read(&format!("{text}reps:\n- {{id: ana, profile: p}}\n"), false);
        assert!(file.to_be_looked_at().is_none(), "{text}");
    }
    let file = super::read("reps:\n- {id: ana, profile: 'a b'}\n", false);
    assert!(file.to_be_looked_at().is_some());
    let flow = super::read_flow("id: a b\nrules: []\nfallback: {to: queue:q}\n", None);
    assert!(!flow.faults.is_empty() && flow.to_be_looked_at().is_some());
}
