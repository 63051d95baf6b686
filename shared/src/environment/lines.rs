//! Form 1: `KEY=value` lines, read as Convox reads them.
//!
//! Source: `convox/rack:pkg/structs/environment.go`. Comments are ours: Convox would take `# c=1` for a key.

use super::{EnvValue, EnvironmentError, ReadEnvironment, collect::Collector};

/// Go's `bufio.Scanner` gives up on longer lines, so Convox refuses them.
pub(super) const LINE_MAX: usize = 65_535;

pub(super) fn read(text: &str) -> Result<ReadEnvironment, EnvironmentError> {
    let mut collector = Collector::default();
    let mut in_value = false;
    for (line, content) in (1..).zip(text.split('\n')) {
        if content.len() > LINE_MAX {
            return Err(EnvironmentError::LineTooLong { line });
        }
        let content = content.strip_suffix('\r').unwrap_or(content);
        if content.starts_with('#') || content.trim().is_empty() {
            continue;
        }
        let Some((key, value)) = content.split_once('=') else {
            collector.ignore_line(line);
            in_value = true;
            continue;
        };
        let key = key.trim();
        if !key.is_empty() {
            let value = EnvValue::from(value.to_owned());
            collector.add(
                key,
                value,
                Some(Line {
                    number: line,
                    in_value,
                }),
            );
        }
        in_value = value.starts_with("-----BEGIN ");
    }
    Ok(collector.finish())
}

/// Where a key stands.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// From 1.
    pub number: usize,
    /// The line goes on after one that is no `KEY=value`: its key may be a piece of a value, such as a private key
    /// whose last line ends in `=`, and is not shown.
    pub in_value: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let read = read(text).unwrap();
        read.environment
            .iter()
            .map(|(key, value)| (key.to_string(), value.expose().to_owned()))
            .collect()
    }

    #[test]
    fn lines_are_read_as_convox_reads_them() {
        for (text, want) in [
            ("", vec![]),
            ("\n \n\t\r\n", vec![]),
            ("A=1", vec![("A", "1")]),
            ("A=1\n", vec![("A", "1")]),
            ("A=1\r\nB=2\r\n", vec![("A", "1"), ("B", "2")]),
            ("A=1\r\r\n", vec![("A", "1\r")]),
            ("A=1\rB=2", vec![("A", "1\rB=2")]),
            ("A=b=c==", vec![("A", "b=c==")]),
            (" A\t= b ", vec![("A", " b ")]),
            ("\u{a0}A\u{2003}=1", vec![("A", "1")]),
            ("A=", vec![("A", "")]),
            ("E=\"q\"", vec![("E", "\"q\"")]),
            ("A=x # y", vec![("A", "x # y")]),
            ("A=1\nA=2", vec![("A", "2")]),
            ("=1\n  =2", vec![]),
            ("# c=1\n#A=1", vec![]),
            ("A=${B} $C \\n", vec![("A", "${B} $C \\n")]),
            ("A=ä🦀", vec![("A", "ä🦀")]),
        ] {
            let want: Vec<_> = want
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(pairs(text), want, "{text:?}");
            assert_eq!(read(text).unwrap().warnings, [""; 0], "{text:?}");
        }
    }

    #[test]
    fn what_is_not_delivered_is_said_without_a_value() {
        let no_equals = "a value with newlines needs the JSON form, one object of strings";
        let rule = "a key is a letter or `_`, then letters, digits, `_`, `.` and `-`";
        for (text, want) in [
            ("A", format!("line 1 has no `=` and is ignored; {no_equals}")),
            (
                "a\nA=1\nb\nc\nd\n\ne",
                format!("lines 1, 3-5, 7 have no `=` and are ignored; {no_equals}"),
            ),
            ("export X=1", format!("line 1: the key `export X` is not delivered, {rule}")),
            (" # c=1", format!("line 1: the key `# c` is not delivered, {rule}")),
            ("\n1\u{7}A=1", format!("line 2: the key `1A` is not delivered, {rule}")),
            (
                "CONVOX_ENV_KEY=1",
                "line 1: the key `CONVOX_ENV_KEY` is not delivered, it is reserved for S3 delivery, rename it"
                    .to_owned(),
            ),
        ] {
            assert_eq!(read(text).unwrap().warnings, [want], "{text:?}");
        }
        let long = format!("-{}=1", "k".repeat(100));
        let want = format!(
            "line 1: the key `-{}` is not delivered, {rule}",
            "k".repeat(31)
        );
        assert_eq!(read(&long).unwrap().warnings, [want]);
    }

    #[test]
    fn a_piece_of_a_private_key_is_not_shown_as_a_key() {
        for text in [
            "KEY=-----BEGIN PRIVATE KEY-----\ncan/ary==\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nabcd\ncan/ary==\n-----END PRIVATE KEY-----",
        ] {
            let warnings = read(text).unwrap().warnings.join("\n");
            assert!(warnings.contains("may be a piece of a value"), "{warnings}");
            assert!(!warnings.contains("can/ary"), "{warnings}");
        }
    }

    #[test]
    fn a_line_of_more_than_65535_bytes_is_refused() {
        for (line, fits) in [
            (format!("A={}", "x".repeat(65_533)), true),
            (format!("A={}", "x".repeat(65_534)), false),
            (format!("A={}\r", "x".repeat(65_533)), false), // Go counts the carriage return too
            (format!("#{}", "x".repeat(65_535)), false),
        ] {
            let got = read(&format!("A=1\n{line}\n"));
            if fits {
                assert_eq!(got.unwrap().environment.len(), 1);
            } else {
                assert_eq!(got, Err(EnvironmentError::LineTooLong { line: 2 }));
            }
        }
    }

    #[test]
    fn a_hostile_file_gets_few_warnings() {
        let bad_keys = "- =1\n".repeat(1 << 17);
        let no_equals = "x\n\n".repeat(1 << 17);
        for text in [bad_keys, no_equals] {
            let warnings = read(&text).unwrap().warnings;
            assert!(warnings.len() <= 21, "{}", warnings.len());
            assert!(warnings.iter().all(|warning| warning.len() < 300));
        }
    }
}
