//! What a good org file becomes, and that a bad one gives all its faults at once, each in its place.

use super::*;

const EXAMPLE: &str = include_str!("../../../examples/org.yaml");

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
queues: []
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
            "26:1: queues: isn't supported by this version yet: leave it out",
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
