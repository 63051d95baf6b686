//! The demo App's pages, read and checked.

use std::collections::BTreeMap;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rig::World;

use crate::console::{check, fact, step};
use crate::demo_app::{self, Task, delivery, file, generated, password};
use crate::shop::short;

const VOLUME: &str = "/uploads";
const OF_DATABASE: [&str; 6] = [
    "MAIN_DB_URL",
    "MAIN_DB_USER",
    "MAIN_DB_PASS",
    "MAIN_DB_HOST",
    "MAIN_DB_PORT",
    "MAIN_DB_NAME",
];
const THROUGH_SECRETS_MANAGER: &str = "ECS read it from Secrets Manager";
const THROUGH_S3: &str = "convox-env read it from S3";

/// A page, where it answers with success.
pub async fn get(address: &str) -> Option<String> {
    let (status, page) = asked(address).await?;
    status.is_success().then_some(page)
}

/// What somebody is answered who opens an address.
///
/// # Panics
///
/// When nobody answers.
pub async fn answer(address: &str) -> (StatusCode, String) {
    let answer = asked(address).await;
    answer.unwrap_or_else(|| panic!("nobody answers at {address}"))
}

/// Whatever the host: names below `localhost` lead to this machine, which every browser knows and not every resolver.
async fn asked(address: &str) -> Option<(StatusCode, String)> {
    let address: Uri = address.parse().ok()?;
    let path = address.path_and_query().map_or("/", |path| path.as_str());
    let here = format!("http://127.0.0.1:{}{path}", address.port_u16()?);
    let request = Request::get(here).header(HOST, address.authority()?.as_str());
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client
        .request(request.body(Empty::new()).ok()?)
        .await
        .ok()?;
    let status = answer.status();
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    Some((status, String::from_utf8_lossy(&body).into_owned()))
}

impl Task {
    async fn page(&self, path: &str) -> String {
        let page = get(&format!("{}{path}", self.address)).await;
        page.unwrap_or_else(|| panic!("{} has no page {path}", self.stage))
    }

    async fn rows(&self, path: &str) -> BTreeMap<String, Vec<String>> {
        rows(&self.page(path).await)
    }
}

/// Checks all pages of both.
pub async fn all(world: &World, tasks: &[Task]) {
    step("what the pages of the demo App say");
    for task in tasks {
        variables(task).await;
        resources(world, task).await;
    }
    let mut differ = true;
    for path in ["/", "/environment", "/secrets"] {
        let [test, production] = tasks else {
            panic!("there are two environments")
        };
        differ &= test.page(path).await != production.page(path).await;
    }
    check(differ, "test and production differ on every page");
}

async fn variables(task: &Task) {
    let (stage, secrets) = (task.stage, task.rows("/secrets").await);
    fact(
        stage,
        format!("{}, at {}", short(&task.definition), task.address),
    );
    let plain = task.rows("/environment").await;
    check(
        plain["STAGE"][0] == stage,
        &format!("{stage}: plain variables are those of {stage}"),
    );
    let features = file(&format!("files/{stage}.env"));
    let features = features.trim().split_once('=').map(|(_, value)| value);
    check(
        features == Some(plain["FEATURES"][0].as_str()),
        &format!("{stage}: ECS read its environment file"),
    );
    let way = match delivery(stage) {
        "S3" => THROUGH_S3,
        _ => THROUGH_SECRETS_MANAGER,
    };
    check(
        secrets["API_TOKEN"][1] == way,
        &format!("{stage}: of API_TOKEN the page says: {way}"),
    );
    check(
        !task.page("/secrets").await.contains("dummy-"),
        &format!("{stage}: every secret is masked"),
    );
    for (name, value) in [
        ("API_TOKEN", format!("dummy-{stage}-token")),
        ("DATABASE", password(stage, "new")),
        ("DATABASE_PASSWORD", format!("dummy-{stage}-password-new")),
        (
            "DATABASE_PASSWORD_BEFORE",
            format!("dummy-{stage}-password-old"),
        ),
    ] {
        let shown = &task.rows(&format!("/secrets?reveal={name}")).await[name][2];
        let form = &secrets[name][0];
        check(
            shown.strip_suffix(" hide").unwrap_or(shown) == value,
            &format!("{stage}: {name} arrived as it should ({form})"),
        );
    }
    task.page("/task").await; // a rate needs two looks
    let metadata = task.rows("/task").await;
    check(
        metadata["Task definition"][0] == short(&task.definition),
        &format!("{stage}: the task knows its definition"),
    );
    check(
        metadata["Launch type"][0] == "FARGATE"
            && metadata["Network receive rate"][0].contains("bytes"),
        &format!("{stage}: launch type and network rates are there"),
    );
}

async fn resources(world: &World, task: &Task) {
    let (stage, rows) = (task.stage, task.rows("/resources").await);
    let names = OF_DATABASE.join(", ");
    check(
        OF_DATABASE
            .iter()
            .all(|name| rows[*name][1] == THROUGH_SECRETS_MANAGER),
        &format!("{stage}: {names} arrived: {THROUGH_SECRETS_MANAGER}"),
    );
    let [credentials, link] = generated(world, stage).await;
    let password = link["PASS"].as_str().unwrap_or_default();
    check(
        credentials["password"] == password,
        &format!(
            "{stage}: the password of {} is the generated one",
            demo_app::DATABASE
        ),
    );
    check(
        !password.is_empty() && !task.page("/resources").await.contains(password),
        &format!("{stage}: none of them is shown"),
    );
    let uploads = &rows["uploads"];
    check(
        uploads[0] == VOLUME && uploads[1].contains("-uploads-"),
        &format!("{stage}: the task has the file system uploads at {VOLUME}"),
    );
}

/// A page's tables: the other cells of each row, by the text of its first.
fn rows(page: &str) -> BTreeMap<String, Vec<String>> {
    let rows = page.split("<tr><th scope=\"row\">").skip(1);
    let rows = rows.filter_map(|rest| Some(rest.split_once("</tr>")?.0));
    rows.filter_map(|row| {
        let (first, rest) = row.split_once("</th>")?;
        let cells = rest.split("</td>").map(text);
        Some((text(first), cells.collect()))
    })
    .collect()
}

/// What a reader sees of HTML.
fn text(html: &str) -> String {
    let mut pieces = html.split('<');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text += piece.split_once('>').map_or("", |(_, behind)| behind);
    }
    for (entity, letter) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, letter);
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_the_text_of_its_first_cell() {
        let page = "<table><thead><tr><th>Variable</th></tr></thead>\n\
            <tr><th scope=\"row\"><code>A</code></th><td data-label=\"x\">one</td><td>{&quot;a&quot;: 1} <a href=\"/\">hide</a></td></tr>\n\
            <tr><th scope=\"row\">B &amp; C</th><td></td></tr>";
        let rows = rows(page);
        assert_eq!(rows["A"][..2], ["one", "{\"a\": 1} hide"]);
        assert_eq!(rows["B & C"][0], "");
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn an_escaped_entity_stays_one() {
        assert_eq!(text("&amp;lt; &lt;b&gt;"), "&lt; <b>");
    }
}
