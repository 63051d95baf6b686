//! The first event of a process over TLS: wall and CPU time, against local servers, one per AWS service, as in AWS.
//!
//! Each service has an address of its own, so that each costs a handshake; the certificate is the leaf of a chain of
//! three, and its root stands among the machine's own, all of which are read, as on Lambda.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rig::World;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::row::{Figure, Goal, Row, short};
use crate::stub::{self, Start};
use crate::{cold, repository};

const PART: &str = "first event over TLS";
const ROUNDS: usize = 15;
const GOAL: Goal = Goal::AtMost(5.0);
/// The variable of each service's endpoint (SDKs and tools reference guide, "Service-specific endpoints").
const ENDPOINTS: [&str; 6] = [
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_ECS",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_CLOUDFORMATION",
];
const MACHINE_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The lines of this part.
#[must_use]
pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Runtime::new().expect("cannot start a runtime");
    let world = runtime.block_on(World::new());
    runtime.block_on(put(&world));
    let servers = runtime.block_on(Servers::start(&world));
    let plain = variables(&world, &servers.roots, &BTreeMap::new());
    let over_tls = variables(&world, &servers.roots, &servers.endpoints);
    let events = [
        (
            "failure-count",
            "reads two objects",
            json!({
                "version": "0", "id": "e1", "detail-type": "Secret Write Succeeded", "source": "secrets-manager-env",
                "account": "123456789012", "time": "2026-11-26T00:00:00Z", "region": "us-east-1", "resources": [],
                "detail": {"rack": world.rack, "app": "shop", "release": "R1", "seq": 1, "requestId": "r"},
            }),
            "counted",
        ),
        (
            "promote",
            "plans a Release",
            json!({"app": "shop", "release": "R1", "dryRun": true}),
            "planned",
        ),
    ];
    let mut rows = Vec::new();
    for (name, does, event, status) in events {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (env, starts) in [(&over_tls, &mut with), (&plain, &mut without)] {
                let start = stub::start_built(name, &event.to_string(), env);
                let answer: serde_json::Value =
                    serde_json::from_str(&start.answer).unwrap_or_default();
                assert_eq!(answer["status"], status, "{name}: {answer:#}");
                starts.push(start);
            }
        }
        rows.extend(lines(name, does, &with, &without));
    }
    rows
}

fn lines(name: &str, does: &str, with: &[Start], without: &[Start]) -> [Row; 2] {
    let of = |starts: &[Start], what: fn(&Start) -> f64| {
        Figure::of(starts.iter().map(what).collect::<Vec<_>>())
    };
    let row = |what: &str, figure: fn(&Start) -> f64| {
        let beside = of(without, figure).value;
        Row::new(
            PART,
            format!("{name}, which {does}: {what}"),
            of(with, figure),
            "ms",
        )
        .beside(format!("{} ms without TLS", short(beside)))
    };
    [
        row("wall", |start| start.to_answer),
        row("CPU", |start| start.cpu).goal(GOAL),
    ]
}

fn variables(
    world: &World,
    roots: &str,
    servers: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut env = cold::variables();
    env.insert("SSL_CERT_FILE".to_owned(), roots.to_owned());
    env.extend(world.settings(&[("SECRETS_MANAGER_ENV", "Yes")]));
    env.extend(servers.clone());
    env
}

async fn put(world: &World) {
    let manifest =
        "services:\n  web:\n    image: example/web:1\n    environment: [DATABASE_URL, TOKEN]\n";
    world.put("apps/shop/convox.yml", manifest).await;
    let variables = [("DATABASE_URL", "postgres://db"), ("TOKEN", "t")];
    world.put_env("shop", "R1", &variables).await;
    let rows = json!([{"seq": 1, "requestId": "r", "result": "ok"}]);
    let state = json!({"desired": null, "applied": null, "lease": null, "outcomes": rows});
    world
        .put("apps/shop/state/promotion.json", state.to_string())
        .await;
}

/// TLS servers that pass everything on to the stand-in for AWS; they end with the runtime.
pub struct Servers {
    /// The variables that name them.
    pub endpoints: BTreeMap<String, String>,
    /// A file with their root.
    pub root: String,
    /// One with the machine's roots and theirs.
    pub roots: String,
}

impl Servers {
    /// Starts one for each service of `world`.
    pub async fn start(world: &World) -> Self {
        let addresses: Vec<IpAddr> = (2u8..)
            .map(|last| Ipv4Addr::new(127, 0, 0, last).into())
            .take(ENDPOINTS.len())
            .collect();
        let (root, server) = certificates(&addresses);
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let upstream = world.proxy.endpoint().trim_start_matches("http://");
        let mut endpoints = BTreeMap::new();
        for (name, address) in ENDPOINTS.iter().zip(addresses) {
            let listener = TcpListener::bind((address, 0)).await;
            let listener = listener.expect("cannot listen on the loopback network");
            let at = listener.local_addr().expect("a listener has an address");
            endpoints.insert((*name).to_owned(), format!("https://{at}"));
            tokio::spawn(serve(listener, acceptor.clone(), upstream.to_owned()));
        }
        let machine = fs::read_to_string(MACHINE_ROOTS).unwrap_or_default();
        Self {
            endpoints,
            root: written("root", &root),
            roots: written("roots", &(machine + &root)),
        }
    }
}

fn written(name: &str, certificates: &str) -> String {
    let file = repository().join(format!("target/bench-{name}.pem"));
    fs::write(&file, certificates).expect("cannot write certificates");
    file.display().to_string()
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, upstream: String) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
        connections.spawn(async move {
            let _ = stream.set_nodelay(true);
            let mut tls = acceptor.accept(stream).await.ok()?;
            let mut plain = TcpStream::connect(upstream).await.ok()?;
            let _ = plain.set_nodelay(true);
            tokio::io::copy_bidirectional(&mut tls, &mut plain)
                .await
                .ok()
        });
    }
}

/// A root in PEM, and a server whose certificate is two signatures below it.
fn certificates(addresses: &[IpAddr]) -> (String, ServerConfig) {
    let key = || KeyPair::generate().expect("cannot make a key");
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root_key = key();
    let root = authority().self_signed(&root_key).expect("a valid root");
    let root_issuer = Issuer::new(authority(), root_key);
    let middle_key = key();
    let mut middle_params = authority();
    middle_params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "in the middle");
    let middle = middle_params
        .signed_by(&middle_key, &root_issuer)
        .expect("a valid certificate");
    let middle_issuer = Issuer::new(middle_params, middle_key);
    let leaf_key = key();
    let mut params = CertificateParams::default();
    params.subject_alt_names = addresses
        .iter()
        .map(|address| SanType::IpAddress(*address))
        .collect();
    let leaf = params
        .signed_by(&leaf_key, &middle_issuer)
        .expect("a valid certificate");
    let chain = vec![leaf.der().clone(), middle.der().clone()];
    let provider = Arc::new(ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the usual versions")
        .with_no_client_auth()
        .with_single_cert(
            chain,
            PrivateKeyDer::try_from(leaf_key.serialize_der()).expect("the key is PKCS #8"),
        )
        .expect("the key is the certificate's");
    (root.pem(), server)
}
