//! S3: buckets whose objects have versions, and writes that happen only if nobody else wrote.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use hyper::{Method, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::super::answer::Answer;
use super::super::incoming::Incoming;
use super::super::xml::element;
use super::{State, is_read, unknown};
use crate::clock;

const PAGE_MAX: usize = 1000;

/// The versions of each object, oldest first, by bucket and key.
pub(super) type Objects = BTreeMap<(String, String), Vec<Version>>;

#[derive(Debug, Clone)]
pub(super) struct Version {
    id: String,
    etag: String,
    modified: String,
    /// The same for lists.
    listed: String,
    bytes: Bytes,
}

/// What is asked about: bucket, key and the query.
struct Asked {
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
}

pub(super) fn answer(state: &mut State, incoming: &Incoming) -> Answer {
    let asked = Asked::of(incoming);
    let answer = match incoming.operation.as_str() {
        "CreateBucket" | "PutBucketVersioning" => done(200, &[], Bytes::new()),
        "GetBucketLocation" => done(200, &[], "<LocationConstraint/>".into()),
        "PutObject" => put(state, incoming, asked),
        "GetObject" | "HeadObject" => get(state, incoming, &asked),
        "ListObjectsV2" => list(state, &asked),
        other => unknown("s3", other),
    };
    if incoming.head.method == Method::HEAD {
        return answer.map(|_| Bytes::new());
    }
    answer
}

impl Asked {
    fn of(incoming: &Incoming) -> Self {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let path = incoming.head.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = incoming.head.uri.query().unwrap_or_default().split('&');
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), plain(value))
        };
        Self {
            bucket: plain(bucket),
            key: plain(key),
            query: query.map(pair).collect(),
        }
    }

    fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// Source: S3 user guide, "Conditional writes" (412 where the condition fails, 404 where there is nothing to match).
fn put(state: &mut State, incoming: &Incoming, asked: Asked) -> Answer {
    let header = |name| {
        let value = incoming.head.headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let number = state.draw();
    let versions = state.objects.entry((asked.bucket, asked.key)).or_default();
    let stands = versions.last().map(|version| version.etag.as_str());
    if header(IF_NONE_MATCH).is_some() && stands.is_some() {
        return error(412, "PreconditionFailed");
    }
    if let Some(wanted) = header(IF_MATCH) {
        match stands {
            None => return error(404, "NoSuchKey"),
            Some(etag) if etag != wanted => return error(412, "PreconditionFailed"),
            Some(_) => {}
        }
    }
    let now = clock::now();
    let version = Version {
        id: format!("version-{number}"),
        etag: format!("\"{number:032x}\""),
        modified: now.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        listed: now.format("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        bytes: incoming.bytes.clone(),
    };
    let headers = [
        (ETAG.as_str(), &*version.etag),
        ("x-amz-version-id", &version.id),
    ];
    let answer = done(200, &headers, Bytes::new());
    versions.push(version);
    answer
}

fn get(state: &State, incoming: &Incoming, asked: &Asked) -> Answer {
    debug_assert!(is_read(&incoming.head.method));
    let key = (asked.bucket.clone(), asked.key.clone());
    let versions = state
        .objects
        .get(&key)
        .filter(|versions| !versions.is_empty());
    let (id, Some(versions)) = (asked.get("versionId"), versions) else {
        return error(404, "NoSuchKey");
    };
    let version = versions.iter().rev();
    let Some(version) = version
        .clone()
        .find(|version| id.is_empty() || version.id == id)
    else {
        return error(404, "NoSuchVersion");
    };
    let length = version.bytes.len().to_string();
    let headers = [
        (ETAG.as_str(), &*version.etag),
        (LAST_MODIFIED.as_str(), &version.modified),
        ("x-amz-version-id", &version.id),
        (CONTENT_LENGTH.as_str(), &length),
    ];
    done(200, &headers, version.bytes.clone())
}

/// Source: S3 API reference, `ListObjectsV2`.
fn list(state: &State, asked: &Asked) -> Answer {
    let (prefix, delimiter, after) = (
        asked.get("prefix"),
        asked.get("delimiter"),
        asked
            .get("start-after")
            .max(asked.get("continuation-token")),
    );
    let limit = asked.get("max-keys").parse().unwrap_or(PAGE_MAX);
    let (mut listed, mut folders, mut last) = (String::new(), Vec::new(), None);
    let mut count = 0;
    let of_bucket = state.objects.iter().filter(|((bucket, key), versions)| {
        *bucket == asked.bucket
            && key.starts_with(prefix)
            && key.as_str() > after
            && !versions.is_empty()
    });
    let mut more = false;
    for ((_, key), versions) in of_bucket {
        let rest = key.get(prefix.len()..).unwrap_or_default();
        let folder = rest.find(delimiter).filter(|_| !delimiter.is_empty());
        let folder = folder.map(|end| format!("{prefix}{}", &rest[..end + delimiter.len()]));
        if folder
            .as_ref()
            .is_some_and(|folder| folders.contains(folder) || after.starts_with(folder))
        {
            last = Some(key);
            continue;
        }
        if count == limit {
            more = true;
            break;
        }
        count += 1;
        last = Some(key);
        match (folder, versions.last()) {
            (Some(folder), _) => folders.push(folder),
            (None, Some(version)) => {
                let fields = [
                    element("Key", key),
                    element("LastModified", &version.listed),
                    element("ETag", &version.etag),
                    element("Size", &version.bytes.len().to_string()),
                ];
                listed.extend(["<Contents>", &fields.concat(), "</Contents>"]);
            }
            (None, None) => {}
        }
    }
    for folder in folders {
        listed.extend([
            "<CommonPrefixes>",
            &element("Prefix", &folder),
            "</CommonPrefixes>",
        ]);
    }
    listed += &element("KeyCount", &count.to_string());
    listed += &element("IsTruncated", if more { "true" } else { "false" });
    if let Some(key) = last.filter(|_| more) {
        listed += &element("NextContinuationToken", key);
    }
    let body = format!("<ListBucketResult>{listed}</ListBucketResult>");
    done(200, &[], body.into())
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!(
        "<Error>{}{}</Error>",
        element("Code", code),
        element("Message", code)
    );
    done(status, &[], body.into())
}

fn done(status: u16, headers: &[(&str, &str)], body: Bytes) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status of HTTP");
    let mut answer = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/xml");
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body).expect("the headers are valid")
}
