//! Floods of connections: silent ones, slow handshakes, one too many. Servers in this process, with limits of their own.

use std::net::SocketAddr;
use std::time::Duration;

use baton::access::limits::Limits;
use baton::config::ServerConfig;
use baton::server::{self, Running, ServerOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::bystander::{turn, withstands};
use super::certified::{Certified, call};
use super::frames::connect;
use super::process::{Process, memory_kib};
use super::stream::{ALL, Stream, request};
use super::world::{Caller, DEADLINE, connect as call_at};

/// 200 connections of one address, which may say nothing for a second.
fn few() -> Limits {
    Limits { connections_per_address: 200, handshake_seconds: 1, ..Limits::default() }
}

async fn start(limits: Limits) -> Running {
    let config = ServerConfig { listen: "127.0.0.1:0".into(), limits, ..ServerConfig::default() };
    server::start(&config).await.expect("it starts")
}

fn figure(server: &Running, name: &str) -> i64 {
    let figures = server.counters.figures();
    figures.into_iter().find(|(known, _)| *known == name).expect("it is counted").1
}

/// Waits until the server has closed.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
    // With an end or with a reset, as the system likes.
    drop(read.expect("it is closed"));
}

/// Opens connections and says so much on each, until the server closes them.
async fn knock(to: SocketAddr, how_many: usize, say: &'static [u8]) {
    let mut all = JoinSet::new();
    for _ in 0..how_many {
        while all.len() >= 400 {
            all.join_next().await;
        }
        all.spawn(async move {
            if let Ok(mut stream) = connect(to).await {
                // A refused connection may be gone already.
                let _ = stream.write_all(say).await;
                closed(stream).await;
            }
        });
    }
    all.join_all().await;
}

/// Waits until a figure is this or less.
async fn until_at_most(server: &Running, name: &str, most: i64) {
    let reached = async {
        while figure(server, name) > most {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, reached).await.unwrap_or_else(|_| panic!("{name} stays above {most}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_connections_that_say_nothing_are_few_and_short() {
    let (_turn, server) = (turn().await, start(few()).await);
    let to = server.address;
    let memory = || memory_kib("self");
    withstands("silent connections", to, &memory, 48, knock(to, 2_000, b"")).await;
    assert!(figure(&server, "refused_connections_per_address") >= 1_000, "200 have a seat");
    assert!(figure(&server, "prefaces_missed") >= 200, "whoever had one lost it");
    let half = b"PRI * HTTP/2.0\r\n";
    withstands("half a preface", to, &memory, 48, knock(to, 400, half)).await;
    let other = b"GET / HTTP/1.1\r\n\r\n";
    let missed = figure(&server, "prefaces_missed");
    withstands("another protocol", to, &memory, 48, knock(to, 2_000, other)).await;
    assert!(figure(&server, "prefaces_missed") > missed);
    until_at_most(&server, "connections", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_slow_handshakes_hold_nobody_up() {
    let _turn = turn().await;
    let config = ServerConfig { limits: few(), ..ServerConfig::default() };
    let house = Certified::with(&config).await;
    let to = house.server.address;
    let timed = async || {
        let began = Instant::now();
        call(&house.client()).await.expect("others are served");
        began.elapsed()
    };
    let before = timed().await.max(timed().await).max(timed().await);
    // The head of a record that is never sent.
    let flood = tokio::spawn(knock(to, 600, b"\x16\x03\x01\x02\x00\x01"));
    let (mut worst, mut calls) = (Duration::ZERO, 0);
    while !flood.is_finished() {
        worst = worst.max(timed().await);
        calls += 1;
    }
    flood.await.expect("each is closed");
    println!(
        "slow handshakes: {before:.1?} a new connection before, {worst:.1?} at most of {calls}"
    );
    assert!(worst <= before * 3 + Duration::from_millis(100), "{worst:?}, and {before:?} before");
    assert!(house.figure("handshakes_failed") >= 200);
    assert!(house.figure("refused_connections_per_address") >= 1);
    until_at_most(&house.server, "connections", 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_there_are_so_many_connections_and_changed_limits_hold_for_new_ones() {
    let limits = watch::Sender::new(Limits { connections: 16, ..Limits::default() });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let options = ServerOptions { limits: limits.subscribe(), ..ServerOptions::default() };
    let server =
        server::run(listener, server::embedded(), options, String::new()).expect("it starts");
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(connect(server.address).await.expect("it listens"));
    }
    let beyond = || async { closed(connect(server.address).await.expect("it listens")).await };
    timeout(DEADLINE, beyond()).await.expect("it is closed at once");
    assert_eq!(figure(&server, "refused_connections"), 1);
    limits.send_modify(|limits| limits.connections = 17);
    let caller =
        || Caller::new(call_at(&format!("http://{}", server.address)), "acme", "admin", "r");
    caller().apply().await;
    drop(held);
    until_at_most(&server, "connections", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_streams_that_stay_open_leave_room_for_calls() {
    let server = start(Limits::default()).await;
    let channel = call_at(&format!("http://{}", server.address));
    let mut caller = Caller::new(channel, "acme", "admin", "root");
    caller.apply().await;
    let mut streams = Vec::new();
    for _ in 0..120 {
        streams.push(Stream::synced(&mut caller, request(&ALL)).await.0);
    }
    let began = Instant::now();
    caller.sign_in("ana").await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let mut caller = caller.clone();
        calls.spawn(async move { drop(caller.rep_presence("ana").await) });
    }
    timeout(DEADLINE, calls.join_all()).await.expect("they take turns in what is left");
    for stream in &mut streams {
        stream.until(|changes| !changes.changes.is_empty()).await;
    }
    assert_eq!(figure(&server, "connections"), 1, "all of it on one connection");
    println!("101 calls beside 120 streams on one connection: {:.1?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_keeps_no_server_from_going() {
    let limits = Limits { handshake_seconds: 60, ..Limits::default() };
    let server = start(limits).await;
    let silent = connect(server.address).await.expect("it listens");
    let mut half = connect(server.address).await.expect("it listens");
    half.write_all(b"PRI * HTTP").await.expect("it reads");
    let both = async {
        while figure(&server, "connections") < 2 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, both).await.expect("they are counted");
    let began = Instant::now();
    server.stop().await.expect("it drains");
    // What it does without anybody: it hands over to others first.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    closed(silent).await;
    closed(half).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_a_server_without_free_files_waits_for_some() {
    let (_turn, server) = (turn().await, Process::with_files(64));
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(connect(server.address).await.expect("the system takes it for now"));
    }
    let (spent, window) = (server.cpu(), Duration::from_secs(1));
    // For a second nothing changes, and nothing is to be done: this one isn't even accepted.
    let mut waits = held.pop().expect("one of them");
    drop(timeout(window, waits.read_u8()).await);
    let spent = server.cpu() - spent;
    assert!(spent < window / 4, "it spins: {spent:?} of {window:?}");
    drop(held);
    let mut caller =
        Caller::new(call_at(&format!("http://{}", server.address)), "acme", "admin", "r");
    timeout(DEADLINE, caller.apply()).await.expect("it accepts again");
}
