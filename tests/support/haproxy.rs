//! A real haproxy for one test, with the configuration that is shipped (`deploy/haproxy.cfg`), before three servers:
//! on a free loopback port, gone with the test. What it prints can be waited for.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::print_stderr, reason = "what haproxy complains of belongs in the test's output")]

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// How long it may take to be ready, or to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// The names of the servers in the configuration.
pub const NAMES: [&str; 3] = ["a", "b", "c"];

/// Where a server listens: for its clients, and for whoever runs it.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub api: SocketAddr,
    pub admin: SocketAddr,
}

/// A running balancer; stopped when it is dropped.
pub struct Haproxy {
    child: Child,
    port: u16,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Haproxy {
    /// Starts it before these three servers, `a`, `b` and `c`.
    pub fn before(servers: [Addresses; 3]) -> Self {
        Self::with(servers, &[])
    }

    /// The same with these settings, each with its value.
    pub fn with(servers: [Addresses; 3], settings: &[(&str, &str)]) -> Self {
        // The port is free when it is chosen; by the time it is used it may not be.
        (0..5)
            .find_map(|_| Self::try_launch(free_port(), servers, settings))
            .expect("haproxy didn't become ready: see its output above")
    }

    /// What to connect to.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits for a line that has all these words, and answers with it.
    pub async fn says(&mut self, words: &[&str]) -> String {
        let line = async {
            loop {
                let line = self.lines.recv().await.expect("haproxy is still there");
                if words.iter().all(|word| line.contains(word)) {
                    return line;
                }
            }
        };
        let line = tokio::time::timeout(PATIENCE, line).await;
        line.unwrap_or_else(|_| panic!("haproxy never said {words:?}"))
    }

    fn try_launch(port: u16, servers: [Addresses; 3], settings: &[(&str, &str)]) -> Option<Self> {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/haproxy.cfg");
        let mut command = Command::new(program());
        command.arg("-db").arg("-f").arg(config).env("BATON_FRONT", format!("127.0.0.1:{port}"));
        command.envs(settings.iter().copied());
        for (name, server) in NAMES.iter().zip(servers) {
            let name = format!("BATON_{}", name.to_uppercase());
            command.env(&name, server.api.to_string());
            command.env(format!("{name}_ADMIN_PORT"), server.admin.port().to_string());
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("haproxy can't be started ({error}); `tests/run` says how to get it")
            });
        let output = child.stdout.take().expect("its output is piped");
        let (say, lines) = mpsc::unbounded_channel();
        // Reads to the end, so that it is never held up by a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                eprintln!("haproxy: {line}");
                let _ = say.send(line);
            }
        });
        let mut haproxy = Self { child, port, lines };
        haproxy.is_ready().then_some(haproxy)
    }

    /// It says nothing when it is ready, so it is asked for a connection until it gives one.
    fn is_ready(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let accepts = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            if self.child.try_wait().expect("it can be asked").is_some() {
                return false;
            }
            if accepts {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian puts it where only root looks.
fn program() -> &'static str {
    const DEBIAN: &str = "/usr/sbin/haproxy";
    if Path::new(DEBIAN).exists() { DEBIAN } else { "haproxy" }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
