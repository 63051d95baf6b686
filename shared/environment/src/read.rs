//! From the bytes of an environment object to an environment: which form it is, and what every form must keep.

use std::collections::BTreeSet;

use super::collect::{Collector, Place};
use super::error::NamedKey;
use super::{Envelope, Environment, EnvironmentError, LikelyForm, json, lines};

/// An environment object, as it lies in the settings bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentObject {
    /// Lines or a JSON object.
    Plain(ReadEnvironment),
    /// Convox's envelope, which needs its data key decrypted first.
    Sealed(Envelope),
}

/// An environment, and what its writer should know about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadEnvironment {
    /// What is delivered.
    pub environment: Environment,
    /// What is not, and why; each reads alone, none holds a value.
    pub warnings: Vec<String>,
    /// Which form its writer probably meant, where that is none of ours.
    pub likely_form: Option<LikelyForm>,
    /// The keys that are not delivered for an `export ` before them.
    pub exported: BTreeSet<String>,
}

/// Reads an environment object of any of the three forms.
///
/// # Errors
///
/// [`EnvironmentError`], naming the line or key, when the object is of no form.
pub fn read(object: &[u8]) -> Result<EnvironmentObject, EnvironmentError> {
    let text = text(object)?;
    if !is_json(text) {
        return Ok(EnvironmentObject::Plain(lines::read(text)?));
    }
    let members = json::members(text)?;
    if Envelope::is_envelope(&members) {
        return Ok(EnvironmentObject::Sealed(Envelope::parse(&members)?));
    }
    Ok(EnvironmentObject::Plain(read_members(members)?))
}

/// Reads what was inside an envelope.
pub(super) fn read_opened(content: &[u8]) -> Result<ReadEnvironment, EnvironmentError> {
    let text = text(content)?;
    if !is_json(text) {
        return lines::read(text);
    }
    let members = json::members(text)?;
    if Envelope::is_envelope(&members) {
        return Err(EnvironmentError::NestedEnvelope);
    }
    read_members(members)
}

fn read_members(members: json::Members) -> Result<ReadEnvironment, EnvironmentError> {
    let mut collector = Collector::default();
    for (key, member) in members {
        if key.contains('\0') || member.value.expose().contains('\0') {
            let key = NamedKey::new(&key);
            return Err(EnvironmentError::NulInJson { key });
        }
        collector.add(&key, member.value, Place::Member(member.number));
    }
    Ok(collector.finish())
}

fn is_json(text: &str) -> bool {
    // JSON's own white space, no more: what the parser would skip.
    text.trim_start_matches([' ', '\t', '\r', '\n'])
        .starts_with('{')
}

fn text(object: &[u8]) -> Result<&str, EnvironmentError> {
    let text = std::str::from_utf8(object).map_err(|err| EnvironmentError::NotUtf8 {
        line: line_of(object, err.valid_up_to()),
    })?;
    if let Some(at) = text.find('\0') {
        let line = line_of(object, at);
        return Err(EnvironmentError::NulByte { line });
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn line_of(object: &[u8], offset: usize) -> usize {
    1 + object.iter().take(offset).filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::super::{EnvKey, EnvValue};
    use super::*;
    use EnvironmentError::{EnvelopeField, NotUtf8, NulByte, NulInJson};

    fn plain(object: &[u8]) -> ReadEnvironment {
        match read(object) {
            Ok(EnvironmentObject::Plain(read)) => read,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_byte_decides_the_form() {
        let want: Environment = [(EnvKey::new("A").unwrap(), EnvValue::from("1".to_owned()))]
            .into_iter()
            .collect();
        for object in [
            "A=1",
            "\u{feff}A=1",
            "\u{feff}\r\n A=1",
            "{\"A\":\"1\"}",
            "\u{feff}{\"A\":\"1\"}",
            "\u{feff}\r\n\t {\"A\":\"1\"}\n",
            "# {\nA=1",
        ] {
            let read = plain(object.as_bytes());
            assert_eq!(read.environment, want, "{object:?}");
            assert_eq!(read.warnings, [""; 0], "{object:?}");
        }
        assert_eq!(plain(b""), ReadEnvironment::default());
    }

    #[test]
    fn json_that_cannot_be_delivered_is_said_by_key() {
        let read =
            plain(br#"{"my key":"canary","":"canary","CONVOX_ENV_URL":"canary","c":"1","k":"2"}"#);
        let rule = "a key is a letter or `_`, then letters, digits, `_`, `.` and `-`";
        assert_eq!(
            read.warnings,
            [
                format!("member 2 of the JSON object is not delivered, its name is no key: {rule}"),
                "the key `CONVOX_ENV_URL` is not delivered, it is reserved for S3 delivery, rename it".to_owned(),
                format!("member 1 of the JSON object is not delivered, its name is no key: {rule}"),
            ]
        );
        assert_eq!(read.environment.len(), 2);
    }

    #[test]
    fn what_no_form_can_hold_is_refused_with_its_place() {
        let nul_in = |key: &str| NulInJson {
            key: NamedKey::new(key),
        };
        for (object, want) in [
            (&b"A=1\nB=\xff"[..], NotUtf8 { line: 2 }),
            (b"\xff\xfeA\0=\0", NotUtf8 { line: 1 }),
            (b"{\"A\":\n\"\xc3\"}", NotUtf8 { line: 2 }),
            (b"A=1\n\n#\0", NulByte { line: 3 }),
            (b"{\"A\": \"\0\"}", NulByte { line: 1 }),
            (br#"{"A": "1\u00002"}"#, nul_in("A")),
            (br#"{"A\u0000B": "1"}"#, nul_in("A\0B")),
        ] {
            assert_eq!(read(object), Err(want), "{}", object.escape_ascii());
        }
    }

    #[test]
    fn an_envelope_is_checked_before_a_key_is_asked_for() {
        let field = |field, problem| EnvelopeField { field, problem };
        let (tag, nonce) = ("AAAAAAAAAAAAAAAAAAAAAA==", "A".repeat(32));
        for (c, k, n, want) in [
            (
                "?",
                "AA==",
                nonce.as_str(),
                field("c", "is not standard base64"),
            ),
            ("AA", "AA==", &nonce, field("c", "is not standard base64")),
            (
                "AA==",
                "AA==",
                &nonce,
                field("c", "is shorter than its 16-byte tag"),
            ),
            (tag, "", &nonce, field("k", "is empty")),
            (tag, "-_", &nonce, field("k", "is not standard base64")),
            (tag, "AA==", "AA==", field("n", "does not have 24 bytes")),
        ] {
            let object = format!(r#"{{"n":"{n}","c":"{c}","k":"{k}"}}"#);
            assert_eq!(read(object.as_bytes()), Err(want), "{object}");
        }
        let object = format!(r#"{{"c":"{tag}","k":"AA==","n":"{nonce}"}}"#);
        let Ok(EnvironmentObject::Sealed(envelope)) = read(object.as_bytes()) else {
            panic!("{object} is an envelope");
        };
        assert_eq!(envelope.encrypted_data_key(), [0]);
        let length = EnvironmentError::DataKeyLength { length: 31 };
        assert_eq!(envelope.open(&[0; 31]), Err(length));
        assert_eq!(envelope.open(&[0; 32]), Err(EnvironmentError::Unopenable));
        let nested = read_opened(object.as_bytes());
        assert_eq!(nested, Err(EnvironmentError::NestedEnvelope));
    }

    #[test]
    fn a_hostile_object_of_a_mebibyte_ends_soon() {
        let size = 1 << 20;
        let members: Vec<_> = (0..size / 8).map(|n| format!("\"{n:x}\":\"\"")).collect();
        for object in [
            "{".repeat(size),
            "[".repeat(size),
            "=\n".repeat(size / 2),
            format!("{{{}}}", members.join(",")),
            format!("{{\"A\":{}", "[".repeat(size)),
            format!("{{\"{}", "\\u0041".repeat(size / 6)),
        ] {
            let _ = read(object.as_bytes());
        }
    }
}
