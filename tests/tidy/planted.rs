//! Violations planted for `tests/tidy.rs`, so that no rule can fall asleep. The only file that the
//! rules don't read.

/// Each planted violation: where, what, and at which line and in which words it must be found.
/// An empty text: nothing may be found.
pub const PLANTED: &[(&str, &str, usize, &str)] = &[
    ("src/domain/a.rs", "//! A.\nuse crate::journal::Journal;\n", 2, "may not import"),
    ("src/domain/mod.rs", "//! A.\nuse super::engine::Engine;\n", 2, "may not import"),
    (
        "src/journal/a.rs",
        "//! A.\nuse crate::domain::id::OrgId;\nuse crate::engine::Engine;\n",
        3,
        "may not import",
    ),
    (
        "src/engine/a.rs",
        "//! A.\nuse crate::journal::{Batch, redis::Keys};\n",
        2,
        "journal::redis::Keys",
    ),
    ("src/engine/a.rs", "//! A.\nuse crate::{domain::id::{OrgId, RepId}, grpc};\n", 2, "`grpc`"),
    ("src/engine/a.rs", "//! A.\nuse crate::journal::{Batch, Journal};\n", 0, ""),
    ("src/grpc/a.rs", "//! A.\nuse crate::journal::{Epoch, History};\n", 0, ""),
    ("src/grpc/a.rs", "//! A.\nuse crate::journal::{Epoch, Journal};\n", 2, "journal::Journal"),
    ("src/cli/a.rs", "//! A.\nfn a() { crate::domain::decide(); }\n", 2, "may not import"),
    ("src/cli/a.rs", "//! A.\nuse crate::bench;\n", 2, "may not import"),
    ("src/bench/a.rs", "//! A.\nuse crate::cli::args::Bench;\nuse crate::client;\n", 0, ""),
    ("src/bench/a.rs", "//! A.\nuse crate::cli::{args::Bench, table};\n", 2, "cli::table"),
    ("src/bench/a.rs", "//! A.\nuse crate::server;\n", 2, "may not import"),
    ("src/client/a.rs", "//! A.\n// crate::domain is not for us\nuse crate::pb;\n", 0, ""),
    ("src/admin.rs", "//! A.\nuse crate::engine::Engine;\n", 2, "may not import"),
    ("src/new.rs", "//! A.\n", 1, "no line in MAY_IMPORT"),
    (
        "src/domain/a.rs",
        "//! A.\nfn a() { let now = std::time::Instant::now(); }\n",
        2,
        "no `Instant`",
    ),
    ("src/domain/a.rs", "//! A.\nasync fn a() {}\n", 2, "no `async`"),
    (
        "src/domain/a.rs",
        "//! A.\n/// No tokio here, said 'a \"rand\".\nfn a(b: char) { b == '\"'; }\n",
        0,
        "",
    ),
    ("src/engine/a.rs", "//! A.\nfn a() -> pb::Rep {}\n", 2, "generated types"),
    ("src/engine/a.rs", "fn a() {}\n", 1, "opens with"),
    ("src/engine/utils.rs", "//! A.\n", 1, "says nothing"),
    ("src/engine/a.rs", "//! A.\nstruct OfferManager;\n", 2, "says nothing"),
    (
        "src/grpc/a.rs",
        "//! A.\nmacro_rules! a {\n($b:ident) => {\nasync fn $b(&self) {}\n};\n}\nasync fn c() {}\n",
        4,
        "a macro writes no handler",
    ),
    ("src/grpc/a.rs", "//! A.\nmacro_rules! a(() => { async fn b() {} });\n", 2, "by its name"),
    (
        "src/grpc/a.rs",
        "//! A.\nmacro_rules! a { () => { fn b() {} }; } async fn c() {}\n// async fn\n",
        0,
        "",
    ),
    ("src/client/a.rs", "//! A.\nmacro_rules! a {\n() => { async fn b() {} };\n}\n", 0, ""),
    ("tests/a.rs", "//! A.\nfn a() { tokio::time::sleep(x).await; }\n", 2, "doesn't sleep"),
    (
        "src/engine/a.rs",
        "//! A.\nfn a() { sleep(x); }\n#[cfg(test)]\nmod tests {\nfn b() { sleep(x); }\n}\n",
        5,
        "doesn't sleep",
    ),
    ("tests/support/a.rs", "//! A.\nfn a() { sleep(x); }\n", 0, ""),
    ("tests/clients/a.py", "time.sleep(1)\n", 1, "doesn't sleep"),
    ("tests/a.rs", "//! A.\n#[ignore = \"slow\"]\nfn a() {}\n", 2, "#[ignore"),
    ("src/engine/a.rs", "//! A.\nfn a() { todo!() }\n", 2, "todo!"),
    ("src/engine/a.rs", "//! A.\nfn a() { \"todo!()\"; r#\"unimplemented!\"#; }\n", 0, ""),
    ("tests/a.rs", "//! A.\n// T4, T5, P99\n", 2, "there is no rule T5"),
    ("tests/a.rs", "//! A.\nfn a<T1, T30>(b: \"S4\") {}\n", 2, "there is no rule S4"),
    ("docs/a.md", "# A (T4)\n\nAs T1–T9 say.\n", 3, "there is no rule T9"),
    ("proto/a.proto", "// Errors (T4, C3).\n", 1, "there is no rule C3"),
    ("tests/scenarios/a.txt", "# T1 T8 it waits\n", 1, "there is no rule T8"),
    ("tests/clients/a.py", "assert a, 'absent (E1)'\n", 1, "there is no rule E1"),
    ("examples/a.yaml", "a: b  # R5\n", 1, "there is no rule R5"),
    ("docs/a.md", "# A\n[b](b.md#c) and [c](c.md)\n```\n[d](d.md)\n```\n", 2, "c.md is dead"),
];

/// The rules that the planted sources cite. T3 isn't built, of T2 a part is missing.
pub const PLANTED_RULES: &str = "\
# Rules

### T1

One.

### T2

Two.

*Built in part.* Missing: more.

### T3

Three.

*Not built yet.*

### T4

Four.
";

/// Tests that name each planted rule that is built, in each of the ways in which that can be done.
pub const PLANTED_TESTS: &[(&str, &str)] = &[
    ("tests/a.rs", "#[test]\nfn t1_a() {}\n"),
    ("tests/scenarios/a.txt", "// T1 T3\n\n# T2 a title\n0s ana online\n"),
    ("tests/clients/node/a.js", "/** T4: it is said. */\n"),
];
