//! What processes use: CPU time and memory of a server, by the operating system; of Redis, by itself.
//!
//! Only Linux tells of other processes in files; elsewhere nothing is measured, and the report says so.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::output;

/// Clock ticks a second in /proc, on every Linux that matters.
const TICKS: f64 = 100.0;

/// A server in a process of its own, so that what it uses can be told from what the bench does.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ServerProcess {
    /// Starts this program again as `serve`, on a free port.
    pub fn start(redis: Option<&str>) -> anyhow::Result<Self> {
        use std::io::BufRead as _;
        let program =
            std::env::current_exe().context("can't find this program to start a server")?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0"]).env_remove("BATON_ADMIN");
        if let Some(url) = redis {
            command.args(["--redis", url]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("can't start a server")?;
        let stderr = child.stderr.take().context("the server has no output")?;
        let mut said = std::io::BufReader::new(stderr).lines();
        let mut process = Self { child, url: String::new() };
        for line in said.by_ref().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("listens on ") {
                process.url = rest.split(';').next().unwrap_or_default().to_owned();
                break;
            }
        }
        if process.url.is_empty() {
            anyhow::bail!("the server didn't say where it listens");
        }
        // Reads to the end, so that the server is never held up by a full pipe.
        std::thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                output::note(&format!("the server: {line}"));
            }
        });
        Ok(process)
    }

    /// CPU time and memory of it so far.
    pub fn usage(&self) -> Option<Usage> {
        let read =
            |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        let cpu = cpu_of(&read("stat").ok()?)?;
        Some(Usage { cpu, memory: resident_of(&read("status").ok()?)? })
    }
}

/// What a process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// CPU time since it began.
    pub cpu: Duration,
    /// Memory now, in bytes.
    pub memory: u64,
}

/// CPU time in a `/proc/<pid>/stat`. The program's name may have anything in it but comes in brackets.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / TICKS))
}

/// Resident memory in a `/proc/<pid>/status`, in bytes.
fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1_024)
}

/// A Redis that can be asked what it uses.
#[derive(Debug, Clone)]
pub struct Redis {
    connection: redis::aio::MultiplexedConnection,
}

impl Redis {
    /// Connects.
    pub async fn at(url: &str) -> anyhow::Result<Self> {
        let client = redis::Client::open(url).context("that is no address of a Redis")?;
        let connection = client.get_multiplexed_async_connection().await;
        Ok(Self { connection: connection.context("Redis can't be asked what it uses")? })
    }

    /// CPU time and memory of it so far.
    pub async fn usage(&mut self) -> anyhow::Result<Usage> {
        let info: String = redis::cmd("INFO").query_async(&mut self.connection).await?;
        info_of(&info).context("Redis doesn't say what it uses")
    }

    /// What one key takes, in bytes; nothing if it isn't there.
    pub async fn size_of(&mut self, key: &str) -> anyhow::Result<u64> {
        let mut command = redis::cmd("MEMORY");
        command.arg("USAGE").arg(key).arg("SAMPLES").arg(1_000);
        let size: Option<u64> = command.query_async(&mut self.connection).await?;
        Ok(size.unwrap_or(0))
    }
}

fn info_of(info: &str) -> Option<Usage> {
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_start_matches(':').trim().parse::<f64>().ok())
    };
    let cpu = field("used_cpu_sys:")? + field("used_cpu_user:")?;
    Some(Usage { cpu: Duration::from_secs_f64(cpu), memory: field("used_memory:")? as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_and_memory_are_read_from_what_linux_writes() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 900 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu_of("nonsense"), None);
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t   2048 kB\n"), Some(2_097_152));
        assert_eq!(resident_of("Name:\tx\n"), None);
    }

    #[test]
    fn redis_says_what_it_uses() {
        let info =
            "# CPU\r\nused_cpu_sys:1.5\r\nused_cpu_user:2.5\r\n# Memory\r\nused_memory:1000\r\n";
        let usage = Usage { cpu: Duration::from_secs(4), memory: 1_000 };
        assert_eq!(info_of(info), Some(usage));
        assert_eq!(info_of("used_memory:1"), None);
    }
}
