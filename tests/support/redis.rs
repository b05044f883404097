//! A real redis-server for one test: on a free loopback port, in a folder of its own, gone with the
//! test. It can be killed, stopped, paused and brought back.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(
    clippy::print_stderr,
    reason = "what redis-server complains of belongs in the test's output"
)]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// How long a server may take to be ready, or to be gone.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; stopped when it is dropped.
pub struct RedisServer {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
    options: Vec<String>,
    /// What it runs with so that its clock can be set: see [`RedisServer::with_a_clock`].
    clock: Vec<(&'static str, PathBuf)>,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk.
    pub fn start() -> Self {
        Self::with(&["--appendonly", "no"])
    }

    /// Starts a server with these options, such as `["--appendonly", "yes"]`.
    pub fn with(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = options.iter().map(ToString::to_string).collect();
        // The port is free when it is chosen; by the time it is used it may not be.
        Self { child: None, port: 0, folder, options, clock: Vec::new() }.launch()
    }

    /// Starts a server whose wall clock can be set, by itself.
    pub fn with_a_clock() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let library = folder.path().join("wall_clock.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/wall_clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .status();
        assert!(compiled.is_ok_and(|status| status.success()), "{source:?} can't be compiled");
        let says = folder.path().join("clock");
        let clock = vec![("LD_PRELOAD", library), ("WALL_CLOCK", says)];
        let options = ["--appendonly", "no"].map(str::to_owned).into();
        let server = Self { child: None, port: 0, folder, options, clock };
        server.set_clock(0);
        server.launch()
    }

    /// Sets its clock so many seconds ahead of the machine's, or behind it.
    pub fn set_clock(&self, ahead: i64) {
        assert!(!self.clock.is_empty(), "its clock is the machine's");
        // In place, since it reads the file as memory.
        let clock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(self.folder().join("clock"));
        clock
            .expect("it can be opened")
            .write_all(&ahead.to_ne_bytes())
            .expect("it can be written");
    }

    fn launch(mut self) -> Self {
        for _ in 0..5 {
            self.port = free_port();
            if self.try_launch() {
                return self;
            }
        }
        panic!("redis-server didn't become ready: see its output above");
    }

    /// What to connect to.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it without warning, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill redis-server");
            child.wait().expect("wait for redis-server");
        }
    }

    /// Ends it as an operator does: it writes what it keeps.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(&child, "-TERM");
            child.wait().expect("wait for redis-server");
        }
    }

    /// Starts it again at the same port with the files it has.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        assert!(self.try_launch(), "redis-server didn't come back: see its output above");
    }

    /// Makes it hang: connections stay, and nothing is answered.
    pub fn pause(&self) {
        signal(self.child.as_ref().expect("it runs"), "-STOP");
    }

    /// Ends the hanging.
    pub fn resume(&self) {
        signal(self.child.as_ref().expect("it runs"), "-CONT");
    }

    /// Is it ready? Otherwise it isn't there any more either.
    fn try_launch(&mut self) -> bool {
        let mut child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args([
                "--dir",
                &self.folder.path().display().to_string(),
                "--enable-debug-command",
                "yes",
            ])
            .args(&self.options)
            .envs(self.clock.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("redis-server can't be started ({error}); `tests/run` says how to get it")
            });
        let output = child.stdout.take().expect("its output is piped");
        let (ready, is_ready) = mpsc::channel();
        // Reads to the end, so that the server is never held up by a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.contains("Ready to accept connections") {
                    let _ = ready.send(());
                } else if line.contains(" # ") && !line.contains("WARNING") {
                    eprintln!("redis-server: {line}");
                }
            }
        });
        if is_ready.recv_timeout(PATIENCE).is_ok() {
            self.child = Some(child);
            return true;
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal(child: &Child, signal: &str) {
    let done = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(done.expect("kill can be run").success(), "kill {signal}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
