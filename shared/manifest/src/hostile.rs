//! Files that are made to take long: each is read or refused, with messages of a bounded size.

use super::tests::environment;
use super::*;

/// How long all messages of one file may be together.
const MESSAGES_MAX: usize = 64 * 1024;

/// `piece`, over and over, in as many bytes as a manifest may have.
fn filled(before: &str, piece: impl Fn(usize) -> String, after: &str) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        let piece = piece(number);
        if text.len() + piece.len() + after.len() > SIZE_MAX {
            break;
        }
        text.push_str(&piece);
    }
    text + after
}

fn messages(text: &str, values: &str) -> usize {
    match load("convox.yml", text.as_bytes(), &environment(values)) {
        Ok(manifest) => manifest.warnings.iter().map(String::len).sum(),
        Err(error) => error.to_string().len(),
    }
}

#[test]
fn a_hostile_file_of_any_shape_ends_with_few_words() {
    let web = "services: {web: {";
    let listeners = |n: usize| {
        format!(
            "{{port: {}, containerPort: {}}},",
            n % 65535 + 1,
            n % 65535 + 1
        )
    };
    let networks = |n: usize| format!("{}.{}.{}.0/24,", n % 255, n / 255 % 255, n / 65025);
    for (name, text) in [
        ("deep lists", filled("", |_| "[".to_owned(), "")),
        ("deep mappings", filled("", |_| "{a: ".to_owned(), "")),
        (
            "a ladder of lines",
            filled("", |n| format!("{}a:\n", " ".repeat(n)), ""),
        ),
        ("one long key", filled("", |_| "a".to_owned(), ": 1")),
        (
            "one long value",
            filled("services: {web: {port: ", |_| "x".to_owned(), "}}"),
        ),
        (
            "one line of problems",
            filled("services: {", |n| format!("S{n}: {{port: x}}, "), "}"),
        ),
        ("keys", filled("", |n| format!("{n:x}:\n"), "")),
        ("equal keys", filled("", |_| "a:\n".to_owned(), "")),
        (
            "unknown keys of a Service",
            filled(web, |n| format!("imag{n:x}: 1,"), "}}"),
        ),
        (
            "Services",
            filled("services:\n", |n| format!(" s{n:x}:\n"), ""),
        ),
        (
            "resources and volumes",
            filled(&format!("{web}resources: ["), |n| format!("r{n:x},"), "]}}"),
        ),
        (
            "dangling links",
            filled(&format!("{web}links: ["), |n| format!("wep{n:x},"), "]}}"),
        ),
        (
            "listeners",
            filled(&format!("{web}nlb: ["), listeners, "]}}"),
        ),
        (
            "networks",
            filled(
                &format!("{web}nlb: [{{port: 1, allow_cidr: ["),
                networks,
                "]}]}}",
            ),
        ),
        ("interpolations", filled("a: ", |_| "${A}".to_owned(), "")),
        ("names", filled("a: ", |n| format!("${{{n:x}}}"), "")),
        (
            "open interpolations",
            filled("a: ", |_| "${".to_owned(), ""),
        ),
        ("closed late", filled("a: ", |_| "${".to_owned(), "}")),
        (
            "aliases",
            filled("a: &a [x]\nb:\n", |_| "- *a\n".to_owned(), ""),
        ),
        (
            "merge keys",
            filled("a: &a {b: 1}\nc: {<<: [", |_| "*a,".to_owned(), "]}"),
        ),
        ("quotes", filled("a: ", |_| "'".to_owned(), "")),
        ("comments", filled("", |_| "#\n".to_owned(), "")),
        ("documents", filled("", |_| "---\n".to_owned(), "")),
        ("carriage returns", filled("[", |_| "\r".to_owned(), "}")),
    ] {
        let length = messages(&text, "A=x\n");
        assert!(length < MESSAGES_MAX, "{name}: {length} bytes of messages");
    }
}

#[test]
fn a_file_of_a_mebibyte_is_refused_unread() {
    for piece in ["[", "a", "${", "\n", "a: &a [*a]\n"] {
        let text = piece.repeat((1 << 20) / piece.len());
        let error = load("convox.yml", text.as_bytes(), &environment("")).unwrap_err();
        assert!(
            matches!(error, ManifestError::TooLarge { .. }),
            "{piece}: {error}"
        );
    }
}

#[test]
fn an_alias_bomb_is_counted_before_it_is_built() {
    let bomb = |levels: usize| {
        let level = |n: usize| {
            format!(
                "a{}: &a{} [{}]\n",
                n + 1,
                n + 1,
                format!("*a{n},").repeat(10)
            )
        };
        let levels: String = (0..levels).map(level).collect();
        format!("a0: &a0 [x]\n{levels}")
    };
    let refused = load("convox.yml", bomb(60).as_bytes(), &environment("")).unwrap_err();
    assert!(refused.to_string().contains("grows too large"), "{refused}");
    assert!(load("convox.yml", bomb(3).as_bytes(), &environment("")).is_ok());
}
