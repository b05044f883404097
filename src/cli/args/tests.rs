//! The command line, as it is parsed, and as the documents write it.

use super::*;
use clap::CommandFactory as _;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn o7_a_session_has_one_target_or_goes_where_its_channel_s_sessions_go() {
    let open = ["baton", "session", "open", "--channel", "web", "--reference", "c-1"];
    assert!(Cli::try_parse_from(open).is_ok());
    assert!(Cli::try_parse_from(open.iter().copied().chain(["--rep", "ana"])).is_ok());
    assert!(
        Cli::try_parse_from(open.iter().copied().chain(["--rep", "ana", "--queue", "q"])).is_err()
    );
    let skilled = ["--skill", "es=3", "--skill", "fr=1", "--wish", "vip=1:30s"];
    assert!(Cli::try_parse_from(open.iter().copied().chain(skilled)).is_ok());
    let both = skilled.into_iter().chain(["--queue", "q"]);
    assert!(Cli::try_parse_from(open.iter().copied().chain(both)).is_ok());
    let wishes = ["--wish", "vip=1"];
    assert!(Cli::try_parse_from(open.iter().copied().chain(wishes)).is_ok());
}

#[test]
fn the_shell_of_a_partner_says_what_it_lacks() {
    for (line, said) in [
        ("handoffs fail h1", "--reason"),
        ("handoffs fail h1 --reason expired", "didn't answer"),
        ("handoffs fail h1 --reason busy --retry-after 30s", "--retryable"),
        ("routing route r1", "--to"),
        ("routing route r1 --to rep:ana --weight heavy", "a percentage such as 25%"),
        ("contacts sync c.jsonl --delete 42", "--incremental"),
        ("contacts sync c.jsonl --incremental --generation 3", "cannot be used"),
        ("contacts sync c.jsonl --page-size 0", "1 to 10000"),
        ("session return s1 --to contact:acme/42", "is outside"),
    ] {
        let words = ["baton"].into_iter().chain(line.split(' '));
        let error = Cli::try_parse_from(words).unwrap_err().to_string();
        assert!(error.contains(said), "{line}: {error}");
    }
}

/// The words of a line of a shell, as far as the documents need it: quotes and comments.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.into_iter().chain(word).collect()
}

#[test]
fn the_documents_show_commands_that_the_program_knows() {
    let mut tried = 0;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in
        ["README.md", "docs/partners.md", "docs/performance.md", "docs/routing.md", "docs/try.md"]
    {
        let text = std::fs::read_to_string(root.join(path)).expect("it is there");
        for line in text.lines().filter(|line| line.starts_with("baton ")) {
            let parsed = Cli::try_parse_from(shell_words(line));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} commands were found");
}

#[test]
fn a_bad_recipient_is_refused_where_it_is_written() {
    let error =
        Cli::try_parse_from(["baton", "transfer", "s", "--to", "ana"]).unwrap_err().to_string();
    assert!(error.contains("write rep:ana"), "{error}");
}

#[test]
fn a_server_refuses_what_only_callers_give() {
    let said = |line: &str| {
        let matches = Cli::command().try_get_matches_from(line.split_whitespace()).unwrap();
        misplaced(&matches)
    };
    for (line, hint) in [
        ("baton serve --cert c.pem --key k.pem", "did you mean --tls-cert and --tls-key?"),
        ("baton --key k.pem serve", "did you mean --tls-cert and --tls-key?"),
        ("baton serve --ca ca.pem", "--tls-client-ca"),
        ("baton serve --credential-file k", "means nothing to `baton serve`"),
        ("baton dev --context prod", "means nothing to `baton dev`"),
    ] {
        let refused = said(line).unwrap_err();
        assert!(refused.contains(hint), "{line}: {refused}");
    }
    for fine in ["baton serve --tls-cert c --tls-key k", "baton whoami --cert c --key k"] {
        assert_eq!(said(fine), Ok(()), "{fine}");
    }
}

#[test]
fn a_variable_that_is_empty_isnt_set() {
    let all = |command: &clap::Command| {
        let inner = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let all = command.get_arguments().chain(inner).filter_map(clap::Arg::get_env);
        all.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>()
    };
    let before = all(&Cli::command());
    let empty = ["BATON_CONTEXT", "BATON_REDIS"];
    let left = without_empty(Cli::command(), &|name| empty.iter().any(|empty| name == *empty));
    let expected: Vec<String> =
        before.iter().filter(|name| !empty.contains(&name.as_str())).cloned().collect();
    assert_eq!((all(&left), expected.len()), (expected, before.len() - 2));
}

#[test]
fn what_a_server_is_given_in_secret_isnt_shown() {
    let line = "baton serve --redis redis://:secret@r --token-key secret";
    let parsed = Cli::try_parse_from(line.split(' ')).unwrap();
    assert!(!format!("{parsed:?}").contains("secret"), "{parsed:?}");
    let both = "baton serve --token-key secret --token-key-file k";
    assert!(Cli::try_parse_from(both.split(' ')).is_err());
}
