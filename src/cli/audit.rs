//! `audit`: who changed what, when and through which call; for people, or as an export that goes on where it stopped.
//!
//! An export with `--resume-file` prints the lines of a frame, and only when they were written does the file learn how far
//! they go: an interruption in between repeats the lines of one frame, and loses none. Each line has a token of its own, for
//! whoever wants to go on after exactly the last line that they have (`--resume-after`).

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::args::Audit;
use super::{Context, json, names, words};
use crate::client::AuditEvent;
use crate::output::{self, one_line};
use crate::pb;
use crate::pb::watch_audit_response::Frame;

/// Changes that a line for people names.
const NAMED: usize = 4;

/// `baton audit`: to the newest record, or until Ctrl-C.
pub async fn run(context: &Context, args: Audit) -> anyhow::Result<()> {
    let mut place = args.resume_file.map(Place::of).transpose()?;
    let resume_token = match &place {
        Some(place) => place.token.clone(),
        None => args.resume_after,
    };
    let (kind, id) = args.what.unwrap_or_default();
    let filter = pb::AuditFilter {
        actor: args.who,
        role: args.actor_role.unwrap_or_default().into(),
        credential: args.credential,
        rpc: args.rpc,
        kind: kind.into(),
        id,
        on_behalf_of: args.on_behalf_of,
    };
    let mut feed = context.client()?.watch_audit(pb::WatchAuditRequest {
        filter: Some(filter),
        from_time: args.since.filter(|_| resume_token.is_empty()),
        resume_token,
        follow: args.follow,
        ..Default::default()
    });
    let for_people = context.out.for_people() && place.is_none();
    if for_people {
        context.out.say(&line(["TIME", "REV", "WHO", "VIA", "FOR", "CALL"], "WHAT"));
    }
    loop {
        let event = tokio::select! {
            event = feed.next() => event?,
            stopped = crate::launch::interrupted() => return stopped,
        };
        match event {
            AuditEvent::Lost { why, pause } => {
                output::note(&format!("{why}; back in {:.1} s", pause.as_secs_f64()));
            }
            AuditEvent::End => return Ok(()),
            AuditEvent::Frame(frame) => {
                let text: String = if for_people { lines(&frame) } else { json_lines(&frame) };
                if !text.is_empty() {
                    // Written and flushed when it returns; a reader who has gone ends the program here.
                    output::raw(&text);
                }
                if let Some(place) = &mut place {
                    place.keep(&frame.resume_token)?;
                }
            }
        }
    }
}

/// How far an export has come, in a file.
struct Place {
    path: PathBuf,
    token: String,
}

impl Place {
    fn of(path: PathBuf) -> anyhow::Result<Self> {
        let token = match fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("can't read {}", path.display()));
            }
        };
        if token.is_empty() && path.exists() {
            bail!(
                "{} is empty: delete it to begin with the oldest, or write the resumeToken of the last line into it",
                path.display()
            );
        }
        Ok(Self { path, token })
    }

    /// Writes the token beside the file and then puts it in its place, so that there is always a whole one.
    fn keep(&mut self, token: &str) -> anyhow::Result<()> {
        if token.is_empty() || token == self.token {
            return Ok(());
        }
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        write(Path::new(&beside), token)
            .and_then(|()| fs::rename(&beside, &self.path))
            .with_context(|| format!("can't write {}", self.path.display()))?;
        token.clone_into(&mut self.token);
        Ok(())
    }
}

fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()
}

/// What a frame has for programs: a line for each record, and one for what can't be told. Each has its token.
fn json_lines(response: &pb::WatchAuditResponse) -> String {
    let said =
        |name: &str, value: Value| json!({ name: value, "resumeToken": response.resume_token });
    let lines: Vec<Value> = match &response.frame {
        Some(Frame::Records(records)) => {
            records.records.iter().map(|record| json::of("AuditRecord", record)).collect()
        }
        Some(Frame::Gap(gap)) => vec![said("gap", json::of("AuditGap", gap))],
        Some(Frame::HistoryChanged(changed)) => {
            vec![said("historyChanged", json::of("AuditHistoryChanged", changed))]
        }
        _ => Vec::new(),
    };
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The same for people.
fn lines(response: &pb::WatchAuditResponse) -> String {
    match &response.frame {
        Some(Frame::Records(records)) => {
            records.records.iter().map(|record| record_line(record) + "\n").collect()
        }
        Some(Frame::Gap(gap)) => format!(
            "— revisions {} to {} aren't kept any more —\n",
            gap.after_revision + 1,
            gap.before_revision - 1
        ),
        Some(Frame::HistoryChanged(changed)) => format!(
            "— the store lost some of the history: what was told of revision {} and later may not have happened —\n",
            changed.first_revision
        ),
        _ => String::new(),
    }
}

fn record_line(record: &pb::AuditRecord) -> String {
    let time = record.time.as_ref().map(ToString::to_string).unwrap_or_default();
    let revision = record.revision.to_string();
    let via = match record.delegate.as_str() {
        "" => record.credential.clone(),
        delegate => format!("{} (held by {delegate})", record.credential),
    };
    let call = record.rpc.trim_start_matches("baton.v1.");
    let who = words::actor(record.actor.as_ref());
    line([&time, &revision, &who, &via, &record.on_behalf_of, call], &what(record))
}

/// What was changed, in the order of kinds; the first of it.
fn what(record: &pb::AuditRecord) -> String {
    let change = |change: &pb::AuditChange| {
        let kind = names::of::<pb::AuditKind>(change.kind).to_lowercase();
        let action = names::of::<pb::AuditAction>(change.action).to_lowercase();
        let id = if change.id.is_empty() { String::new() } else { format!(" {}", change.id) };
        format!("{kind}{id} {action}")
    };
    let mut named: Vec<String> = record.changes.iter().take(NAMED).map(change).collect();
    let more = record.changes.len().saturating_sub(NAMED)
        + usize::try_from(record.more_changes).unwrap_or_default();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

/// Columns that begin at the same place as long as what is in them has room; a record may come at any time, so that the
/// widest isn't known.
fn line(cells: [&str; 6], what: &str) -> String {
    const WIDTHS: [usize; 6] = [24, 6, 16, 20, 8, 32];
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        let cell = if cell.is_empty() { "-".to_owned() } else { one_line(cell) };
        text += &format!("{cell:width$}  ");
    }
    text + &one_line(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> pb::AuditRecord {
        let change = |kind: pb::AuditKind, id: &str, action: pb::AuditAction| pb::AuditChange {
            kind: kind.into(),
            id: id.to_owned(),
            action: action.into(),
        };
        pb::AuditRecord {
            revision: 17,
            time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 5_000_000 }),
            actor: Some(pb::Actor { role: pb::Role::Supervisor.into(), id: "sue".into() }),
            credential: "token:idp#sue".into(),
            delegate: "desk\u{1b}[2J\n".into(),
            on_behalf_of: "ana".into(),
            rpc: "baton.v1.TransferService/TransferSession".into(),
            changes: vec![
                change(pb::AuditKind::Session, "s1", pb::AuditAction::Changed),
                change(pb::AuditKind::Transfer, "t1", pb::AuditAction::Created),
            ],
            more_changes: 3,
            resume_token: "aa".into(),
            ..Default::default()
        }
    }

    #[test]
    fn s3_a_record_reads_as_a_line_and_d5_what_others_wrote_stays_text() {
        assert_eq!(
            record_line(&record()),
            "2023-11-14T22:13:20.005Z  17      supervisor sue    token:idp#sue (held by desk\\u{1b}[2J\\n)  \
             ana       TransferService/TransferSession   session s1 changed, transfer t1 created, 3 more"
        );
    }

    #[test]
    fn s3_each_line_of_json_has_its_token_and_a_gap_is_a_line() {
        let frame =
            |frame| pb::WatchAuditResponse { resume_token: "bb".into(), frame: Some(frame) };
        let records = vec![record()];
        let text = json_lines(&frame(Frame::Records(pb::AuditRecords { records })));
        let line: Value = serde_json::from_str(&text).expect("one line");
        assert_eq!(line["resumeToken"], "aa");
        assert_eq!(
            line["changes"][1],
            json!({"kind": "TRANSFER", "id": "t1", "action": "CREATED"})
        );
        let gap = pb::AuditGap { after_revision: 4, before_revision: 9 };
        let text = json_lines(&frame(Frame::Gap(gap)));
        let line: Value = serde_json::from_str(&text).expect("one line");
        let said = json!({"afterRevision": 4, "beforeRevision": 9});
        assert_eq!(line, json!({"gap": said, "resumeToken": "bb"}));
        assert_eq!(lines(&frame(Frame::Gap(gap))), "— revisions 5 to 8 aren't kept any more —\n");
    }

    #[test]
    fn s3_how_far_an_export_came_is_read_back_and_an_empty_file_is_no_beginning() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("place");
        let mut place = Place::of(path.clone()).expect("nothing yet");
        assert_eq!(place.token, "");
        place.keep("abc").expect("it can be written");
        place.keep("").expect("no token says nothing new");
        assert_eq!(Place::of(path.clone()).expect("whole").token, "abc");
        fs::write(&path, "").expect("it can be written");
        assert!(Place::of(path).is_err());
    }
}
