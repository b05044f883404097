//! Floods of bodies: some that never end, some that are too large.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use baton::pb;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::time::{Instant, timeout};
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::Request;
use tonic::codegen::{Bytes, Service as _};

use super::bystander::{turn, withstands};
use super::frames::{DATA, END_HEADERS, HEADERS, Wire, call, frame};
use super::process::Process;
use super::world::{Caller, connect};

/// How long any call may take, and a little more.
const AT_LAST: Duration = Duration::from_secs(12);
/// How many calls a connection may have open.
const STREAMS: u32 = 100;

/// Begins calls whose bodies promise 200 KiB and bring half a KiB: all of them together less than a connection may send
/// unasked.
async fn begin_slowly(to: SocketAddr) -> Wire {
    let mut wire = Wire::open(to).await;
    let mut body = vec![0];
    body.extend((200 * 1024_u32).to_be_bytes());
    body.extend([0; 512]);
    for n in 0..STREAMS {
        let stream = 2 * n + 1;
        let path = "/baton.v1.SessionService/OpenSession";
        assert!(wire.send(&frame(HEADERS, END_HEADERS, stream, &call(path))).await);
        assert!(wire.send(&frame(DATA, 0, stream, &body)).await);
    }
    wire
}

/// Waits until each call was answered or reset.
async fn until_all_are_ended(mut wire: Wire) {
    let mut ended = BTreeMap::new();
    while ended.len() < usize::try_from(STREAMS).expect("few") {
        let (kind, stream, _) = wire.frame().await.expect("the connection goes on");
        if stream > 0 {
            ended.insert(stream, kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_bodies_that_never_end_are_given_up_at_the_deadline() {
    let server = Process::serve();
    let to = server.address;
    let began = Instant::now();
    let (hand_over, mut handed_over) = tokio::sync::mpsc::unbounded_channel();
    {
        let _turn = turn().await;
        let flood = async move {
            let mut wires = Vec::new();
            for _ in 0..10 {
                wires.push(begin_slowly(to).await);
            }
            // A byte of each now and then.
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            for n in 0..100 {
                pace.tick().await;
                for wire in &mut wires {
                    assert!(wire.send(&frame(DATA, 0, 2 * n + 1, &[0])).await);
                }
            }
            for wire in wires {
                assert!(hand_over.send(wire).is_ok(), "it is waited for");
            }
        };
        withstands("slow bodies", to, &|| server.memory_kib(), 96, flood).await;
    }
    while let Some(wire) = handed_over.recv().await {
        timeout(AT_LAST, until_all_are_ended(wire)).await.expect("a call ends at its deadline");
    }
    println!("slow bodies: all given up after {:.1?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_messages_that_are_too_large_are_refused_and_not_kept() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    let flood = async move {
        let caller = Caller::new(connect(&format!("http://{to}")), "acme", "admin", "root");
        for _ in 0..10 {
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let mut caller = caller.clone();
                calls.spawn(async move {
                    let note = "x".repeat(300 * 1024);
                    let refused = caller.transfer(&note, "ben", "").await.expect_err("too large");
                    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
                });
            }
            let mut caller = caller.clone();
            calls.spawn(async move {
                let skill = pb::Skill { id: "s".into(), name: "x".repeat(5 << 20) };
                let directory = pb::Directory { skills: vec![skill], ..Default::default() };
                let directory = Some(directory);
                let request = pb::ApplyDirectoryRequest { directory, ..Default::default() };
                let refused = caller.directory.apply_directory(request).await;
                assert_eq!(refused.expect_err("too large").code(), Code::ResourceExhausted);
            });
            calls.join_all().await;
        }
    };
    withstands("large messages", to, &|| server.memory_kib(), 64, flood).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_uploads_that_never_end_are_held_only_so_many_at_a_time() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    let flood = async move {
        let mut calls = tokio::task::JoinSet::new();
        let channel = connect(&format!("http://{to}"));
        for _ in 0..STREAMS {
            let mut channel = channel.clone();
            calls.spawn(async move {
                poll_fn(|context| channel.poll_ready(context)).await.expect("it listens");
                let answer = channel.call(endless_upload()).await.expect("it is answered");
                let status = answer.headers().get("grpc-status").expect("at its deadline");
                assert_ne!(status, "0");
            });
        }
        calls.join_all().await;
    };
    // Sixteen of 4 MiB, and what a usual message may have of each that waits.
    withstands("endless uploads", to, &|| server.memory_kib(), 160, flood).await;
}

/// An upload of 4 MiB but for its end, which never comes.
fn endless_upload() -> Request<Body> {
    let mut first = vec![0];
    first.extend((4_u32 << 20).to_be_bytes());
    let most = Bytes::from(vec![0; 16 * 1024]);
    let pieces = std::iter::once(Bytes::from(first)).chain(std::iter::repeat_n(most, 255));
    let pieces = pieces.map(|piece| Ok::<_, tonic::Status>(Frame::data(piece)));
    let body = StreamBody::new(tokio_stream::iter(pieces).chain(tokio_stream::pending()));
    Request::post("http://baton/baton.v1.DirectoryService/ApplyDirectory")
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "2S")
        .header("baton-org", "acme")
        .header("baton-role", "admin")
        .body(Body::new(body))
        .expect("a request")
}
