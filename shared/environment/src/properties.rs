//! Properties of the reader as a whole: what goes in comes out, and nothing else does.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use proptest::prelude::*;

use super::*;

const CANARY: &str = "c4naryc4nary";

fn plain(object: &[u8]) -> ReadEnvironment {
    match read(object) {
        Ok(EnvironmentObject::Plain(read)) => read,
        other => panic!("{other:?}"),
    }
}

fn envelope(content: &[u8], data_key: [u8; 32]) -> String {
    let nonce = [7; 24];
    let sealed = XSalsa20Poly1305::new(Key::from_slice(&data_key))
        .encrypt(Nonce::from_slice(&nonce), content)
        .unwrap();
    format!(
        "{{\"c\":\"{}\",\"k\":\"{}\",\"n\":\"{}\"}}",
        BASE64_STANDARD.encode(sealed),
        BASE64_STANDARD.encode(b"encrypted data key"),
        BASE64_STANDARD.encode(nonce)
    )
}

fn sealed(object: &[u8]) -> Envelope {
    match read(object) {
        Ok(EnvironmentObject::Sealed(envelope)) => envelope,
        other => panic!("{other:?}"),
    }
}

/// Everything about a result that a person or a log can get to see.
fn shown<T: fmt::Debug>(result: &Result<T, EnvironmentError>) -> String {
    let message = result.as_ref().err().map(EnvironmentError::to_string);
    format!("{result:?} {}", message.unwrap_or_default())
}

fn environments(value: &'static str) -> impl Strategy<Value = Environment> {
    let key = "[A-Za-z_][A-Za-z0-9_.-]{0,12}".prop_map(|key| EnvKey::new(&key).unwrap());
    let value = value.prop_map(EnvValue::from);
    prop::collection::btree_map(key, value, 0..12)
        .prop_map(Environment)
        .prop_filter("reserved", |env| {
            !RESERVED_KEYS.iter().any(|key| env.contains_key(key))
        })
        .prop_filter("an envelope", |env| {
            !env.keys().map(EnvKey::as_str).eq(["c", "k", "n"])
        })
}

fn lines(environment: &Environment) -> String {
    let line = |(key, value): (&EnvKey, &EnvValue)| format!("{key}={}", value.expose());
    environment.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Text from the pieces that the reader looks for.
fn near_misses() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"{"[..],
        b"}",
        b"\"",
        b":",
        b",",
        b"=",
        b"\n",
        b"\r",
        b"\0",
        b"\\u0000",
        b"\\",
        b"#",
        b" ",
        b"[",
        b"\"A\":",
        b"\"c\":\"\"",
        b"\"k\":\"\"",
        b"\"n\":\"\"",
        b"A",
        b"1",
        b"\xff",
        b"\xef\xbb\xbf",
        "ä".as_bytes(),
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn lines_come_back(environment in environments("[^\0\r\n]{0,20}")) {
        let read = plain(lines(&environment).as_bytes());
        prop_assert_eq!(&read.environment, &environment);
    }

    #[test]
    fn of_lines_without_quotes_and_blanks_there_is_nothing_to_say(
        environment in environments("[^\0\r\n\"' \t]{0,20}"),
    ) {
        prop_assert_eq!(plain(lines(&environment).as_bytes()).warnings.len(), 0);
    }

    #[test]
    fn of_no_other_form_a_value_is_shown(
        pairs in prop::collection::vec(("[A-Za-z_][A-Za-z0-9_]{0,8}", "[ -~]{0,12}", "[ -~]{0,12}"), 1..5),
        form in 0..6_usize,
    ) {
        // In what stands before an `=`, the marker is told from a key by characters that no key has.
        let text: String = pairs.iter().map(|(key, before, after)| {
            let value = format!("{before}/{CANARY}/{after}");
            match form {
                0 => format!("{key}: {value}\n"),
                1 => format!("- name: {key}\n  value: \"{value}\"\n"),
                2 => format!("[{{\"name\":\"{key}\",\"value\":\"{value}\"}}]\n"),
                3 => format!("export {key}='{value}'\n"),
                4 => format!("{key}=\"first\n{value}\nlast\"\n"),
                _ => format!("{key} {value}\n"),
            }
        }).collect();
        let shown = shown(&read(text.as_bytes()));
        prop_assert!(!shown.contains(CANARY), "{}", shown);
    }

    #[test]
    fn the_secret_comes_back_and_is_what_serde_json_writes(environment in environments("[^\0]{0,20}")) {
        let json = environment.to_secret_string();
        let read = plain(json.as_bytes());
        prop_assert_eq!(&read.environment, &environment);
        prop_assert_eq!(read.warnings.len(), 0);
        let map: BTreeMap<_, _> = environment.iter().map(|(key, value)| (key.as_str(), value.expose())).collect();
        let reparsed: BTreeMap<&str, String> = serde_json::from_str(&json).unwrap();
        prop_assert!(reparsed.iter().map(|(key, value)| (*key, value.as_str())).eq(map));
    }

    #[test]
    fn an_envelope_reads_as_what_it_holds(
        environment in environments("[^\0\r\n]{0,20}"), data_key: [u8; 32], as_json: bool,
    ) {
        let content = if as_json { environment.to_secret_string().to_string() } else { lines(&environment) };
        let envelope = sealed(envelope(content.as_bytes(), data_key).as_bytes());
        prop_assert_eq!(envelope.encrypted_data_key(), b"encrypted data key");
        prop_assert_eq!(envelope.open(&data_key).unwrap(), plain(content.as_bytes()));
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, near_miss in near_misses()) {
        for object in [bytes, near_miss] {
            let _ = read(&object);
            let _ = sealed(envelope(&object, [1; 32]).as_bytes()).open(&[1; 32]);
        }
    }

    #[test]
    fn no_value_is_ever_shown(
        keys in prop::collection::vec("[A-Za-z ./-]{0,40}", 1..6),
        as_json: bool,
        at: prop::sample::Index,
        change in prop::sample::select(vec!["", "\"", "{", "}", ":", ",", "=", "\n", "\\", "\0", "é", "1"]),
        cut in 0..3_usize,
    ) {
        let text = if as_json {
            let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\":\"{CANARY}\"")).collect();
            format!("{{{}}}", members.join(","))
        } else {
            format!("{}={CANARY}\n", keys.join(&format!("={CANARY}\n")))
        };
        let at = at.index(text.len());
        let rest = text.as_bytes().get(at + cut..).unwrap_or_default();
        let object = [&text.as_bytes()[..at], change.as_bytes(), rest].concat();
        let plain = shown(&read(&object));
        prop_assert!(!plain.contains(&CANARY[2..8]), "{}", plain);
        let envelope = read(envelope(&object, [1; 32]).as_bytes());
        prop_assert!(!shown(&envelope).contains(&CANARY[2..8]));
        if let Ok(EnvironmentObject::Sealed(envelope)) = envelope {
            let opened = shown(&envelope.open(&[1; 32]));
            prop_assert!(!opened.contains(&CANARY[2..8]), "{}", opened);
        }
    }
}
