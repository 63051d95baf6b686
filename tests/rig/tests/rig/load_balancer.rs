//! The stand-in of the load balancer, with real HTTP: what the stacks of Apps render is what a request meets.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, header, server};
use hyper_util::rt::TokioIo;
use rig::load_balancer::rules::Refused;
use rig::load_balancer::{Health, LoadBalancer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const PUBLIC: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/public/1a/2b";
const INTERNAL: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/internal/3c/4d";
const GROUP: &str = "WebTargets";
/// Of the health checks, so that an interval of five takes little.
const SECOND: Duration = Duration::from_millis(2);

/// A task that answers what it was asked, and is as healthy as it is told.
struct Task {
    address: SocketAddr,
    is_well: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

impl Task {
    async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_well = Arc::new(AtomicBool::new(true));
        let well = Arc::clone(&is_well);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let well = Arc::clone(&well);
                tokio::spawn(async move {
                    let answer = service_fn(|request| {
                        let answer = answer(name, &well, request);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let serving = server::conn::http1::Builder::new();
                    let serving = serving.serve_connection(TokioIo::new(stream), answer);
                    let _ = serving.with_upgrades().await;
                });
            }
        });
        Self {
            address,
            is_well,
            serving,
        }
    }

    fn feels(&self, well: bool) {
        self.is_well.store(well, Ordering::Relaxed);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn answer(name: &str, well: &AtomicBool, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.headers().contains_key(header::UPGRADE) {
        tokio::spawn(echo(request));
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let upgrade = header::HeaderValue::from_static("echo");
        answer.headers_mut().insert(header::UPGRADE, upgrade);
        return answer;
    }
    let is_check = request.uri().path() == "/health";
    if is_check && !well.load(Ordering::Relaxed) {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return answer;
    }
    let headers = request.headers().iter();
    let headers: serde_json::Map<String, Value> = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    let said = json!({"task": name, "path": request.uri().to_string(), "headers": headers});
    Response::new(Full::new(said.to_string().into()))
}

async fn echo(request: Request<Incoming>) {
    let connection = hyper::upgrade::on(request).await.unwrap();
    let mut connection = TokioIo::new(connection);
    let mut said = [0; 5];
    connection.read_exact(&mut said).await.unwrap();
    said.reverse();
    connection.write_all(&said).await.unwrap();
}

/// The stack of an App with one Service.
fn stack(listener: &str, first_priority: u32, hosts: &[&str], sticky: bool) -> Value {
    let mut resources = json!({
        GROUP: {"Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": {
            "Protocol": "HTTP", "Port": 3000, "TargetType": "ip", "VpcId": "vpc-1",
            "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 4,
            "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200-399"},
            "TargetGroupAttributes": [
                {"Key": "stickiness.enabled", "Value": sticky.to_string()},
                {"Key": "stickiness.type", "Value": "lb_cookie"},
            ],
        }},
    });
    for (priority, host) in (first_priority..).zip(hosts) {
        resources[format!("Rule{priority}")] = json!({
            "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "Properties": {
                "ListenerArn": listener, "Priority": priority,
                "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}],
                "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": GROUP}}],
            },
        });
    }
    json!({"Resources": resources})
}

/// What somebody gets who opens `http://{host}{path}`.
struct Page {
    status: StatusCode,
    cookie: Option<String>,
    text: String,
}

impl Page {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    fn task(&self) -> String {
        self.json()["task"].as_str().unwrap().to_owned()
    }
}

async fn open(at: SocketAddr, host: &str, cookie: Option<&str>) -> Page {
    let stream = TcpStream::connect(at).await.unwrap();
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::get("/page?x=1").header(header::HOST, host);
    if let Some(cookie) = cookie {
        request = request.header(header::COOKIE, cookie);
    }
    let request = request.header("x-forwarded-for", "203.0.113.9");
    let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
    let answer = answer.await.unwrap();
    let cookie = answer.headers().get(header::SET_COOKIE);
    let cookie = cookie.map(|cookie| {
        cookie
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    });
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Page {
        status,
        cookie,
        text: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// The tasks that a number of requests come to.
async fn reached(at: SocketAddr, host: &str) -> BTreeSet<String> {
    let mut tasks = BTreeSet::new();
    for _ in 0..6 {
        tasks.insert(open(at, host, None).await.task());
    }
    tasks
}

#[tokio::test]
async fn each_host_reaches_its_app_and_an_unknown_one_nobody() {
    let balancer = LoadBalancer::start(&[PUBLIC, INTERNAL], SECOND).await;
    let (test, production) = (Task::start("test").await, Task::start("production").await);
    for (name, first, hosts, task) in [
        (
            "demo-test",
            1,
            &["web-demo-test.apps.example.com"][..],
            &test,
        ),
        (
            "demo-production",
            10,
            &["web-demo-production.apps.example.com", "shop.example.com"],
            &production,
        ),
    ] {
        let template = stack(PUBLIC, first, hosts, false);
        balancer.follow(name, &template).unwrap();
        balancer.register(name, GROUP, task.address);
        balancer
            .until(name, GROUP, task.address, Health::Healthy)
            .await;
    }
    let public = balancer.address(PUBLIC);
    for (host, want) in [
        ("web-demo-test.apps.example.com", "test"),
        ("web-demo-production.apps.example.com", "production"),
        ("shop.example.com", "production"),
        ("SHOP.example.com:8080", "production"),
    ] {
        assert_eq!(open(public, host, None).await.task(), want, "{host}");
    }
    for (at, host) in [
        (public, "web-demo.apps.example.com"),
        (public, "www.shop.example.com"),
        (public, "127.0.0.1"),
        (balancer.address(INTERNAL), "shop.example.com"),
    ] {
        let page = open(at, host, None).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{host}");
        assert_eq!(page.text, "No App has this address.");
    }
    balancer.forget("demo-production");
    let page = open(public, "shop.example.com", None).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_task_sees_the_request_and_who_sent_it() {
    let balancer = LoadBalancer::start(&[PUBLIC], SECOND).await;
    let task = Task::start("web").await;
    let host = "web-shop.apps.example.com";
    balancer
        .follow("shop", &stack(PUBLIC, 1, &[host], false))
        .unwrap();
    balancer.register("shop", GROUP, task.address);
    balancer
        .until("shop", GROUP, task.address, Health::Healthy)
        .await;
    let at = balancer.address(PUBLIC);
    let seen = open(at, host, None).await.json();
    assert_eq!(seen["path"], "/page?x=1");
    for (name, want) in [
        ("host", host),
        ("x-forwarded-for", "203.0.113.9, 127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-port", &at.port().to_string()),
    ] {
        assert_eq!(seen["headers"][name], want, "{seen:#}");
    }
}

#[tokio::test]
async fn who_has_no_task_yet_is_unavailable_and_a_task_that_is_gone_a_bad_gateway() {
    let balancer = LoadBalancer::start(&[PUBLIC], SECOND).await;
    let host = "web-shop.apps.example.com";
    balancer
        .follow("shop", &stack(PUBLIC, 1, &[host], false))
        .unwrap();
    let at = balancer.address(PUBLIC);
    let page = open(at, host, None).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    let task = Task::start("web").await;
    let address = task.address;
    balancer.register("shop", GROUP, address);
    balancer
        .until("shop", GROUP, address, Health::Healthy)
        .await;
    drop(task);
    // It fails open: there is nobody else.
    balancer
        .until("shop", GROUP, address, Health::Unhealthy)
        .await;
    let page = open(at, host, None).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    balancer.deregister("shop", GROUP, address);
    assert_eq!(balancer.health("shop", GROUP, address), None);
    let page = open(at, host, None).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_task_that_turns_unhealthy_gets_no_requests_until_it_is_well_again() {
    let balancer = LoadBalancer::start(&[PUBLIC], SECOND).await;
    let host = "web-shop.apps.example.com";
    balancer
        .follow("shop", &stack(PUBLIC, 1, &[host], false))
        .unwrap();
    let (one, two) = (Task::start("one").await, Task::start("two").await);
    for task in [&one, &two] {
        balancer.register("shop", GROUP, task.address);
        balancer
            .until("shop", GROUP, task.address, Health::Healthy)
            .await;
    }
    let at = balancer.address(PUBLIC);
    let both = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
    assert_eq!(reached(at, host).await, both);
    one.feels(false);
    balancer
        .until("shop", GROUP, one.address, Health::Unhealthy)
        .await;
    assert_eq!(reached(at, host).await, BTreeSet::from(["two".to_owned()]));
    two.feels(false);
    balancer
        .until("shop", GROUP, two.address, Health::Unhealthy)
        .await;
    assert_eq!(
        reached(at, host).await,
        both,
        "all are unhealthy: it fails open"
    );
    two.feels(true);
    balancer
        .until("shop", GROUP, two.address, Health::Healthy)
        .await;
    assert_eq!(reached(at, host).await, BTreeSet::from(["two".to_owned()]));
    one.feels(true);
    balancer
        .until("shop", GROUP, one.address, Health::Healthy)
        .await;
    assert_eq!(reached(at, host).await, both);
}

#[tokio::test]
async fn a_client_stays_with_its_task_as_long_as_that_is_there() {
    let balancer = LoadBalancer::start(&[PUBLIC], SECOND).await;
    let host = "web-shop.apps.example.com";
    balancer
        .follow("shop", &stack(PUBLIC, 1, &[host], true))
        .unwrap();
    let (one, two) = (Task::start("one").await, Task::start("two").await);
    for task in [&one, &two] {
        balancer.register("shop", GROUP, task.address);
        balancer
            .until("shop", GROUP, task.address, Health::Healthy)
            .await;
    }
    let at = balancer.address(PUBLIC);
    let first = open(at, host, None).await;
    let cookie = first.cookie.clone().unwrap();
    assert!(cookie.starts_with("AWSALB="), "{cookie}");
    for _ in 0..6 {
        let again = open(at, host, Some(&format!("theme=dark; {cookie}"))).await;
        assert_eq!(again.task(), first.task());
    }
    assert_eq!(reached(at, host).await.len(), 2, "others go to both");
    let gone = if first.task() == "one" { &one } else { &two };
    balancer.deregister("shop", GROUP, gone.address);
    let moved = open(at, host, Some(&cookie)).await;
    assert_ne!(moved.task(), first.task());
    assert_ne!(moved.cookie.unwrap(), cookie);
    let plain = stack(PUBLIC, 1, &[host], false);
    balancer.follow("shop", &plain).unwrap();
    let page = open(at, host, None).await;
    assert_eq!((page.cookie, page.status), (None, StatusCode::OK));
}

#[tokio::test]
async fn a_connection_that_changes_its_protocol_goes_through() {
    let balancer = LoadBalancer::start(&[PUBLIC], SECOND).await;
    let host = "web-shop.apps.example.com";
    balancer
        .follow("shop", &stack(PUBLIC, 1, &[host], false))
        .unwrap();
    let task = Task::start("web").await;
    balancer.register("shop", GROUP, task.address);
    balancer
        .until("shop", GROUP, task.address, Health::Healthy)
        .await;
    let mut stream = TcpStream::connect(balancer.address(PUBLIC)).await.unwrap();
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"olleh");
}

#[tokio::test]
async fn the_first_rule_by_priority_decides_and_no_two_stacks_have_the_same() {
    let balancer = LoadBalancer::start(&[PUBLIC], SECOND).await;
    let (wide, narrow) = (Task::start("wide").await, Task::start("narrow").await);
    for (name, priority, host, task) in [
        ("wide", 20, "*.example.com", &wide),
        ("narrow", 10, "shop.example.com", &narrow),
    ] {
        balancer
            .follow(name, &stack(PUBLIC, priority, &[host], false))
            .unwrap();
        balancer.register(name, GROUP, task.address);
        balancer
            .until(name, GROUP, task.address, Health::Healthy)
            .await;
    }
    let at = balancer.address(PUBLIC);
    assert_eq!(open(at, "shop.example.com", None).await.task(), "narrow");
    assert_eq!(open(at, "blog.example.com", None).await.task(), "wide");
    let taken = balancer.follow("third", &stack(PUBLIC, 10, &["a.example.org"], false));
    let Refused(why) = taken.unwrap_err();
    assert!(why.contains("'10' is currently in use by narrow"), "{why}");
    // Its own it may keep, and what is refused changed nothing.
    balancer
        .follow("narrow", &stack(PUBLIC, 30, &["shop.example.com"], false))
        .unwrap();
    assert_eq!(open(at, "shop.example.com", None).await.task(), "wide");
}
