//! `baton serve` as a process of its own, whose memory can be read.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server with everything in memory; gone when it is dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    /// Starts it on a free port, and waits until it says where it listens.
    pub fn serve() -> Self {
        Self::serve_with(&[])
    }

    /// The same, with more options.
    pub fn serve_with(options: &[&str]) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_baton")).arg("serve"), options)
    }

    /// The same, when it may open so many files.
    pub fn with_files(files: u32) -> Self {
        let run = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        Self::start(shell.args(["-c", &run, env!("CARGO_BIN_EXE_baton"), "serve"]), &[])
    }

    fn start(command: &mut Command, options: &[&str]) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = said.lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| {
                Some(line.split_once("listens on http://")?.1.split(';').next()?.to_owned())
            })
            .expect("it says where it listens");
        // Reads to the end, so that the server is never held up by a full pipe.
        std::thread::spawn(move || lines.count());
        Self { child, address: address.parse().expect("an address") }
    }

    /// The memory that it occupies.
    pub fn memory_kib(&self) -> u64 {
        memory_kib(&self.child.id().to_string())
    }

    /// For how long it has kept a core busy, to a hundredth of a second.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("it runs");
        let after_name = stat.rsplit(')').next().expect("a name in brackets");
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(10 * ticks)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The memory that a process occupies; `self` is this one.
pub fn memory_kib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
