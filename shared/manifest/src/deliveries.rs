//! `secrets` and `environmentFiles` of a Service: what ECS itself hands to its containers beside the App's environment.
//!
//! No key of Convox's own; both stand in ECS's task definitions by these names.

use std::collections::BTreeMap;

use environment::{EnvKey, RESERVED_KEYS, SET_BY_ECS};
use names::environment_file::{ENVIRONMENT_FILES_MAX, EnvironmentFile};
use names::secret_reference::{Parts, SecretReference};
use yaml::{Entry, NodeKind, Place, Reader};

const FIELDS: [&str; 4] = ["arn", "jsonKey", "versionId", "versionStage"];
const SECRET: &str =
    "a secret's ARN, or a mapping of `arn`, `jsonKey`, `versionStage` and `versionId`";

/// One variable of `secrets:`. It can hold an interpolated value, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnSecret {
    /// What ECS reads it from.
    pub reference: SecretReference,
    /// Where it stands, as a message may show it: `services.web.secrets.NAME`.
    pub path: String,
    /// The ARN that a policy names, as a message may show it: `${NAME}` in place.
    pub arn_shown: String,
    /// The line it stands in.
    pub line: usize,
}

/// One file of `environmentFiles:`. It can hold an interpolated value, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnFile {
    /// What ECS reads.
    pub file: EnvironmentFile,
    /// Its ARN as a message may show it: `${NAME}` in place.
    pub arn_shown: String,
}

/// What a Service says under both keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// References to the user's own secrets, by variable.
    pub secrets: BTreeMap<String, OwnSecret>,
    /// In file order; of equal names ECS takes the first file's.
    pub environment_files: Vec<OwnFile>,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    files: Option<Place<'_>>,
    secrets: Option<Place<'_>>,
) -> Deliveries {
    let mut deliveries = Deliveries::default();
    if let Some(place) = files {
        deliveries.environment_files = environment_files(reader, &place);
    }
    let Some(place) = secrets else {
        return deliveries;
    };
    if !matches!(place.node.kind, NodeKind::Mapping(_)) && !place.node.is_null() {
        reader.wrong(&place, "a mapping of variable names to secrets");
        return deliveries;
    }
    for entry in reader.entries(&place) {
        let child = place.child(entry);
        let named = name(reader, &child, entry);
        if let (Some(secret), true) = (secret(reader, &child), named) {
            deliveries.secrets.insert(entry.key.text.clone(), secret);
        }
    }
    deliveries
}

fn environment_files(reader: &mut Reader<'_>, place: &Place<'_>) -> Vec<OwnFile> {
    let Some(items) = place.items() else {
        reader.wrong(
            place,
            "a list of ARNs of S3 objects, `- arn:aws:s3:::BUCKET/KEY.env`",
        );
        return Vec::new();
    };
    if items.len() > ENVIRONMENT_FILES_MAX {
        let message = format!(
            "has {} files and ECS takes {ENVIRONMENT_FILES_MAX} for a container: join some",
            items.len()
        );
        reader.problem(place, message);
    }
    let mut files = Vec::new();
    for item in items {
        let Some(scalar) = item.scalar() else {
            reader.wrong(
                &item,
                "the ARN of an S3 object, `arn:aws:s3:::BUCKET/KEY.env`",
            );
            continue;
        };
        match EnvironmentFile::parse(&scalar.text) {
            Ok(file) => files.push(OwnFile {
                file,
                arn_shown: scalar.source().to_owned(),
            }),
            Err(error) => reader.problem(&item, format!("is {}: {error}", item.node.shown())),
        }
    }
    files
}

/// Whether the variable may be called so.
fn name(reader: &mut Reader<'_>, place: &Place<'_>, entry: &Entry) -> bool {
    let message = match EnvKey::new(&entry.key.text) {
        Err(error) => format!("cannot be the name of a variable: {error}"),
        Ok(key) if RESERVED_KEYS.contains(&key.as_str()) => {
            "is reserved: S3 delivery is told by it where the environment is".to_owned()
        }
        Ok(key) if key.as_str() == SET_BY_ECS => {
            "is set by ECS, and would take the task's own keys from it".to_owned()
        }
        Ok(_) => return true,
    };
    reader.problem_at((entry.line, entry.column), &place.path, message);
    false
}

fn secret(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<OwnSecret> {
    let own = |reference: SecretReference, shown: &str| {
        let whole = reference.to_string();
        let parts = whole.strip_prefix(reference.arn()).unwrap_or_default();
        let arn_shown = shown.strip_suffix(parts).unwrap_or(shown);
        OwnSecret {
            arn_shown: arn_shown.trim_end_matches(':').to_owned(),
            reference,
            path: place.path.clone(),
            line: place.node.line,
        }
    };
    if let NodeKind::Mapping(_) = place.node.kind {
        let (reference, shown) = mapping(reader, place)?;
        return Some(own(reference, &shown));
    }
    let Some(scalar) = place.scalar().filter(|_| !place.node.is_null()) else {
        reader.wrong(place, SECRET);
        return None;
    };
    match SecretReference::parse(&scalar.text) {
        Ok(reference) => Some(own(reference, scalar.source())),
        Err(error) => {
            reader.problem(place, format!("is {}: {error}", place.node.shown()));
            None
        }
    }
}

/// `{arn, jsonKey, versionStage, versionId}`, and the ARN as it is shown.
fn mapping(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<(SecretReference, String)> {
    let fields = reader.fields(place, &FIELDS);
    let Some(arn) = fields.get("arn") else {
        reader.problem(place, format!("has no `arn`: use {SECRET}"));
        return None;
    };
    let shown = arn.scalar().map(|scalar| scalar.source().to_owned());
    let arn = reader.text(&arn)?;
    let mut text = |name| match fields.get(name) {
        None => Some(String::new()),
        Some(place) if place.scalar().is_some() => Some(reader.text(&place).unwrap_or_default()),
        Some(place) => {
            reader.wrong(&place, "a text");
            None
        }
    };
    let (json_key, stage, id) = (text("jsonKey"), text("versionStage"), text("versionId"));
    let (json_key, stage, id) = (json_key?, stage?, id?);
    let parts = Parts {
        json_key: &json_key,
        version_stage: &stage,
        version_id: &id,
    };
    match SecretReference::of(&arn, parts) {
        Ok(reference) => Some((reference, shown?)),
        Err(error) => {
            reader.problem(place, format!("cannot be used: {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{environment, lines};
    use super::super::{Service, load};

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/main-AbCd12";
    const ID: &str = "0123456789abcdef0123456789abcdef";

    /// The Service `web` with `body`, or what is wrong with it.
    fn web(body: &str, values: &str) -> Result<Service, String> {
        let text = format!("services:\n  web:\n    image: i\n{body}\n");
        let read = load("convox.yml", text.as_bytes(), &environment(values));
        let read = read.map_err(|error| error.to_string())?;
        assert_eq!(read.warnings, [""; 0], "{text}");
        Ok(read.services[0].clone())
    }

    #[test]
    fn every_form_of_a_secret_is_read() {
        let mapping = "{arn: '${DB}', jsonKey: password, versionStage: AWSPREVIOUS}";
        for (written, value_from, shown) in [
            (ARN.to_owned(), ARN.to_owned(), ARN),
            (format!("'{ARN}:a::'"), format!("{ARN}:a::"), ARN),
            (
                format!("'{ARN}::AWSPREVIOUS:'"),
                format!("{ARN}::AWSPREVIOUS:"),
                ARN,
            ),
            (format!("{ARN}:a::{ID}"), format!("{ARN}:a::{ID}"), ARN),
            ("'${DB}:a::'".to_owned(), format!("{ARN}:a::"), "${DB}"),
            (format!("{{arn: '{ARN}'}}"), ARN.to_owned(), ARN),
            (
                mapping.to_owned(),
                format!("{ARN}:password:AWSPREVIOUS:"),
                "${DB}",
            ),
            (
                format!("{{arn: '{ARN}', versionId: {ID}}}"),
                format!("{ARN}:::{ID}"),
                ARN,
            ),
        ] {
            let service = web(
                &format!("    secrets:\n      DB_URL: {written}"),
                &format!("DB={ARN}"),
            );
            let own = &service.unwrap().deliveries.secrets["DB_URL"];
            assert_eq!(own.reference.to_string(), value_from, "{written}");
            assert_eq!(own.arn_shown, shown, "{written}");
            assert_eq!(
                (own.path.as_str(), own.line),
                ("services.web.secrets.DB_URL", 5)
            );
        }
    }

    #[test]
    fn files_keep_their_order() {
        let body = "    environmentFiles:\n      - arn:aws:s3:::bucket/b.env\n      - arn:aws:s3:::bucket/${A}.env";
        let service = web(body, "A=a").unwrap();
        let files = service.deliveries.environment_files.iter();
        let files: Vec<_> = files
            .map(|own| (own.file.as_str(), own.arn_shown.as_str()))
            .collect();
        let want = [
            ("arn:aws:s3:::bucket/b.env", "arn:aws:s3:::bucket/b.env"),
            ("arn:aws:s3:::bucket/a.env", "arn:aws:s3:::bucket/${A}.env"),
        ];
        assert_eq!(files, want);
        assert!(web("    environmentFiles:\n    secrets:", "").is_ok());
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_no_value_with_it() {
        let long = lines(11, |n| format!("    - arn:aws:s3:::bucket/{n}.env"));
        let body = format!(
            "    environmentFiles:\n{long}\n    - {{a: b}}\n    - ${{SECRET}}.txt\n    secrets:\n      DB: ${{SECRET}}\n      \
             CONVOX_ENV_URL: {ARN}\n      A B: {ARN}\n      LIST: [a]\n      NONE:\n      KEY: {{arn: '{ARN}', jsonKey: 'a:b'}}\n      \
             NO_ARN: {{jsonKey: a}}\n      DEEP: {{arn: '{ARN}', jsonKey: [a]}}\n      BOTH: '{ARN}:a:S:{ID}'"
        );
        let said = web(&body, "SECRET=canary-value").unwrap_err();
        for part in [
            "`services.web.environmentFiles` has 13 files and ECS takes 10",
            "`services.web.environmentFiles[11]` is a mapping",
            "`services.web.environmentFiles[12]` is `${SECRET}.txt`: it is no ARN of an S3 object",
            "`services.web.secrets.DB` is `${SECRET}`: it is no ARN",
            "`services.web.secrets.CONVOX_ENV_URL` is reserved",
            "`services.web.secrets.A B` cannot be the name of a variable",
            "`services.web.secrets.LIST` is a list",
            "`services.web.secrets.NONE` is empty",
            "`services.web.secrets.KEY` cannot be used: a JSON key that holds a colon",
            "`services.web.secrets.NO_ARN` has no `arn`",
            "`services.web.secrets.DEEP.jsonKey` is a list",
            "not by both",
        ] {
            assert!(said.contains(part), "{part} is not in\n{said}");
        }
        assert!(!said.contains("canary"), "{said}");
        for (body, says) in [
            ("    secrets: [A]", "a mapping of variable names to secrets"),
            ("    environmentFiles: a.env", "a list of ARNs"),
        ] {
            let said = web(body, "").unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn an_own_secret_is_what_a_required_name_asks_for() {
        let body = format!("    environment: [DB, OTHER]\n    secrets:\n      DB: {ARN}");
        let service = web(&body, "").unwrap();
        assert_eq!(
            Vec::from_iter(service.missing(|name| name == "NONE")),
            ["OTHER"]
        );
    }
}
