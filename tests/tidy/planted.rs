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
    ("src/client/a.rs", "//! A.\n// crate::domain is not for us\nuse crate::pb;\n", 0, ""),
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
    ("tests/a.rs", "//! A.\n// T25, T26\n", 2, "there is no rule T26"),
    ("tests/a.rs", "//! A.\nfn a<T1, T30>(b: \"S4\") {}\n", 2, "there is no rule S4"),
    ("docs/a.md", "# A\n[b](b.md#c) and [c](c.md)\n```\n[d](d.md)\n```\n", 2, "c.md is dead"),
];
