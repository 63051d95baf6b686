//! What a request meets of what promote renders: real HTTP through the stand-in of the load balancer, which follows the App's stack
//! and what ECS was told.

mod moved;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rig::load_balancer::{Health, LoadBalancer};
use rig::world::World;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::ingress::{ENTRANCE, INTERNAL, PUBLIC, PUBLIC_SUBNETS, STREAMS};
use crate::{app, stacks};

const SHOP: &str = "services:\n  web:\n    image: example/web:1\n    port: 3000\n    domain: www.example.com\n    health: \
                    /up\n    sticky: true\n  api:\n    image: example/api:1\n    port: 4000\n    internal: true\n    sticky: \
                    false\n";
const SECOND: Duration = Duration::from_millis(2);

/// A task of a Service that says its name to every request for `/up` and `/`.
struct Task {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Task {
    async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, name));
            }
        });
        Self { address, serving }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream, name: &str) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => asked.push(byte),
            Err(_) => return,
        }
    }
    let status = if asked.starts_with(b"GET /up ") || asked.starts_with(b"GET / ") {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let length = name.len();
    let said =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{name}");
    let _ = stream.write_all(said.as_bytes()).await; // whoever asked may be gone
}

/// The status, the body and the cookie that somebody gets who asks for a host.
async fn open(at: SocketAddr, host: &str) -> (u16, String, bool) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let sticks = head.to_lowercase().contains("set-cookie: awsalb=");
    (status, body.to_owned(), sticks)
}

/// Follows the App's stack, and registers each task with what ECS attaches its Service to.
async fn follow(balancer: &LoadBalancer, world: &World, tasks: &BTreeMap<&str, &Task>) {
    balancer
        .follow("shop", &stacks::template(world).await)
        .unwrap();
    let outputs = stacks::outputs(world).await;
    for (service, task) in tasks {
        let service = app::service(world, service).await.unwrap();
        for attached in service.load_balancers() {
            let arn = attached.target_group_arn().unwrap();
            let mut outputs = outputs.iter();
            let (group, _) = outputs.find(|(_, value)| *value == arn).unwrap();
            balancer.register("shop", group, task.address);
            let healthy = balancer.until("shop", group, task.address, Health::Healthy);
            healthy.await;
        }
    }
}

#[tokio::test]
async fn a_request_reaches_the_service_whose_host_it_names_on_its_side_and_nothing_else() {
    let (world, function) = app::promoting_with(SHOP, &[], ENTRANCE).await;
    let report = app::promote(&world, &function, "R1", &[]).await;
    assert_eq!(
        report["services"]["web"]["addresses"],
        json!([
            "https://web-shop.apps.example.com",
            "https://www.example.com"
        ]),
        "{report:#}"
    );
    let balancer = LoadBalancer::start(&[PUBLIC, INTERNAL], SECOND).await;
    let (web, api) = (Task::start("web").await, Task::start("api").await);
    let tasks = BTreeMap::from([("web", &web), ("api", &api)]);
    follow(&balancer, &world, &tasks).await;
    let (public, internal) = (balancer.address(PUBLIC), balancer.address(INTERNAL));
    let nobody = (404, "No App has this address.".to_owned(), false);
    for (at, host, want) in [
        (
            public,
            "web-shop.apps.example.com",
            (200, "web".to_owned(), true),
        ),
        (public, "WWW.example.com:443", (200, "web".to_owned(), true)),
        (
            internal,
            "api-shop.apps.example.com",
            (200, "api".to_owned(), false),
        ),
        (public, "api-shop.apps.example.com", nobody.clone()),
        (internal, "web-shop.apps.example.com", nobody.clone()),
        (public, "example.com", nobody.clone()),
        (public, "web.apps.example.com", nobody.clone()),
    ] {
        assert_eq!(open(at, host).await, want, "{host}");
    }

    // A domain that convox.yml has no more leads nowhere, and what stays goes on.
    let without = SHOP.replace("    domain: www.example.com\n", "");
    app::write_manifest(&world, "R2", without).await;
    app::promoted(&world, &function, "R2", &[]).await;
    follow(&balancer, &world, &tasks).await;
    assert_eq!(open(public, "www.example.com").await, nobody);
    let (status, said, _) = open(public, "web-shop.apps.example.com").await;
    assert_eq!((status, said.as_str()), (200, "web"));
}

/// A task that says its name to whoever connects, and then what it is told.
async fn echoing(name: &'static str) -> Task {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.write_all(name.as_bytes()).await; // a health check says nothing
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    Task { address, serving }
}

#[tokio::test]
async fn a_connection_reaches_the_tasks_of_its_listener_byte_by_byte() {
    let (world, function) = app::promoting_with(STREAMS, &[], &[PUBLIC_SUBNETS]).await;
    app::promoted(&world, &function, "R1", &[]).await;
    let balancer = LoadBalancer::start(&[], SECOND).await;
    let task = echoing("web").await;
    follow(&balancer, &world, &BTreeMap::from([("web", &task)])).await;
    for (load_balancer, port) in [("PublicNlb", 5000), ("InternalNlb", 5001)] {
        let at = balancer.stream("shop", load_balancer, port).unwrap();
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(b"\0\xffhello").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"web\0\xffhello", "{load_balancer}");
    }
    assert_eq!(balancer.stream("shop", "InternalNlb", 5000), None);
    // Gone from convox.yml, it is still heard while tasks of before are attached, and then no more.
    let fewer = STREAMS.replace(
        "      - {port: 5001, containerPort: 6001, scheme: internal}\n",
        "",
    );
    for (release, is_heard) in [("R2", true), ("R3", false)] {
        app::write_manifest(&world, release, fewer.as_str()).await;
        app::promoted(&world, &function, release, &[]).await;
        let template = stacks::template(&world).await;
        balancer.follow("shop", &template).unwrap();
        let heard = balancer.stream("shop", "InternalNlb", 5001);
        assert_eq!(heard.is_some(), is_heard, "{release}");
    }
    assert!(balancer.stream("shop", "PublicNlb", 5000).is_some());
}
