//! Whether a text can name a container image: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`. Pure.
//!
//! Source: the grammar of `reference` in the distribution project (`distribution/reference`, `reference.go` and
//! `normalize.go`), which Docker and containerd read images with, so that nothing else is ever pulled.

/// Of the host and the repository together.
const NAME_MAX: usize = 255;
const TAG_MAX: usize = 128;
const DIGEST_DIGITS_MIN: usize = 32;
/// So many hexadecimal digits alone are an image's id. Behind a registry, or with a tag, they name a repository.
const ID_DIGITS: usize = 64;

/// Why no registry has such an image. It repeats nothing of the text, which can hold an interpolated value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// An address of the web.
    #[error("begins like the address of a web page: leave out everything up to `//`")]
    Scheme,
    /// Blanks or control characters.
    #[error("holds a blank or a control character")]
    Blank,
    /// The colon is there and nothing follows.
    #[error("ends in a colon without a tag; was a `${{NAME}}` there that is not set?")]
    NoTag,
    /// A tag that none is.
    #[error(
        "has a tag that is none: letters, digits and `_.-`, the first no `.` or `-`, at most 128 characters"
    )]
    Tag,
    /// A digest that none is.
    #[error(
        "has a digest that is none: after `@` comes an algorithm, a colon and hexadecimal digits, `sha256:` with 64"
    )]
    Digest,
    /// Upper case in the repository.
    #[error("has upper-case letters in its repository, and a repository has none")]
    UpperCase,
    /// A part of the path is empty.
    #[error(
        "has an empty part in its repository, such as `//` or a `/` at an end; was a `${{NAME}}` there that is not set?"
    )]
    EmptyPart,
    /// Another repository that none is.
    #[error(
        "has a repository that is none: its parts are lower-case letters and digits, with `.`, `_`, `__` or hyphens between them"
    )]
    Repository,
    /// A registry's host that none is.
    #[error(
        "has a registry that is no host name: letters, digits, hyphens and dots, and a port after a colon"
    )]
    Host,
    /// Longer than any.
    #[error("has a registry and repository of more than 255 characters")]
    TooLong,
}

/// Checks an image reference.
///
/// # Errors
///
/// [`ImageError`] says which part is wrong.
pub fn check(image: &str) -> Result<(), ImageError> {
    if image.contains("://") {
        return Err(ImageError::Scheme);
    }
    if image.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(ImageError::Blank);
    }
    let (named, digest) = match image.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (image, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return Err(ImageError::Digest);
    }
    // A colon before the last slash is a port's.
    let path = named.rfind('/').map_or(0, |slash| slash + 1);
    let tag = named.get(path..).and_then(|last| last.split_once(':'));
    let (name, tag) = match tag {
        Some((last, tag)) => (
            named.get(..path + last.len()).unwrap_or_default(),
            Some(tag),
        ),
        None => (named, None),
    };
    match tag {
        Some("") => return Err(ImageError::NoTag),
        Some(tag) if !is_tag(tag) => return Err(ImageError::Tag),
        _ => {}
    }
    let (host, repository) = split_host(name);
    if host.is_some_and(|host| !is_host(host)) {
        return Err(ImageError::Host);
    }
    check_repository(repository)?;
    if image.len() == ID_DIGITS && image.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ImageError::Repository);
    }
    if name.len() > NAME_MAX {
        return Err(ImageError::TooLong);
    }
    Ok(())
}

/// What stands before the first slash is a registry only if it looks like one; `team/web` is a repository of Docker Hub.
fn split_host(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest)) if is_like_a_host(first) => (Some(first), rest),
        _ => (None, name),
    }
}

fn is_like_a_host(part: &str) -> bool {
    let upper = part.bytes().any(|b| b.is_ascii_uppercase());
    part == "localhost" || part.contains(['.', ':', '[']) || upper
}

/// A name or an address of either kind, and possibly a port.
fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        let digits = |b: u8| b.is_ascii_hexdigit() || b == b':';
        let inner = !address.is_empty() && address.bytes().all(digits);
        return inner && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    name.split('.').all(is_label) && port.is_none_or(is_port)
}

fn is_label(label: &str) -> bool {
    let valid = label
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
}

fn is_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

fn check_repository(repository: &str) -> Result<(), ImageError> {
    let parts = || repository.split('/');
    if parts().any(str::is_empty) {
        return Err(ImageError::EmptyPart);
    }
    if repository.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ImageError::UpperCase);
    }
    if !parts().all(is_part) {
        return Err(ImageError::Repository);
    }
    Ok(())
}

/// Letters and digits, and single separators between them: `.`, `_`, `__` or any number of hyphens.
fn is_part(part: &str) -> bool {
    let of_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(part.starts_with(of_word) && part.ends_with(of_word)) {
        return false;
    }
    let mut separators = part
        .split(of_word)
        .filter(|separator| !separator.is_empty());
    separators.all(|separator| {
        [".", "_", "__"].contains(&separator) || separator.bytes().all(|b| b == b'-')
    })
}

fn is_tag(tag: &str) -> bool {
    let of_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let valid = |b: u8| of_word(b) || b == b'.' || b == b'-';
    tag.len() <= TAG_MAX && tag.bytes().next().is_some_and(of_word) && tag.bytes().all(valid)
}

/// `sha256:…`; of other algorithms only the shape is known.
fn is_digest(digest: &str) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let known = match algorithm {
        "sha256" => digits.len() == 64,
        "sha384" => digits.len() == 96,
        "sha512" => digits.len() == 128,
        _ => digits.len() >= DIGEST_DIGITS_MIN,
    };
    algorithm.split(['+', '.', '-', '_']).all(is_word)
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && known
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn what_a_registry_can_have_is_taken() {
        let long_tag = format!("a:{}", "t".repeat(128));
        let long_name = "a".repeat(255);
        for image in [
            "a",
            "nginx:1.27-alpine",
            "team/web:_1.2-x",
            "team/web__x/y-z---1.2_3:LATEST",
            "localhost/web",
            "localhost:5000/web:1",
            "registry:5000/web",
            "registry.example.com:443/team/web:1",
            "Registry.Example.com/web",
            "10.0.0.1:5000/web",
            "[2001:db8::1]:5000/web",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/web:web.BABCDEF1",
            "public.ecr.aws/docker/library/redis:7",
            &format!("web@{SHA}"),
            &format!("registry:5000/web:1@{SHA}"),
            &format!("registry.example/{}", "a".repeat(64)),
            &format!("{}:1", "a".repeat(64)),
            &long_tag,
            &long_name,
        ] {
            assert_eq!(check(image), Ok(()), "{image}");
        }
    }

    #[test]
    fn what_no_registry_can_have_is_refused_with_its_part() {
        use ImageError as E;
        let id = "a".repeat(64);
        let long_tag = format!("a:{}", "t".repeat(129));
        let long_name = "a".repeat(256);
        for (image, want) in [
            ("https://registry.example/web:1", E::Scheme),
            ("a b", E::Blank),
            ("a:1\n", E::Blank),
            ("", E::EmptyPart),
            (":1", E::EmptyPart),
            ("/web", E::EmptyPart),
            ("web/", E::EmptyPart),
            ("a//b", E::EmptyPart),
            ("a:", E::NoTag),
            ("registry:5000/a:", E::NoTag),
            ("a:1:2", E::Tag),
            ("a:-1", E::Tag),
            ("a:ü", E::Tag),
            ("a:${TAG}", E::Tag),
            (&long_tag, E::Tag),
            ("a@", E::Digest),
            ("a@sha256:12", E::Digest),
            ("a@sha256", E::Digest),
            (&format!("a@{SHA}0"), E::Digest),
            (&format!("a@{SHA}@{SHA}"), E::Digest),
            ("Web:1", E::UpperCase),
            ("Example/Web:1", E::UpperCase),
            ("registry.example/team/Web", E::UpperCase),
            ("a..b", E::Repository),
            ("a___b", E::Repository),
            ("-a", E::Repository),
            ("a_", E::Repository),
            ("a+b", E::Repository),
            ("ä", E::Repository),
            (&id, E::Repository),
            ("-registry.example/web", E::Host),
            ("registry.example:/web", E::Host),
            ("registry.example:http/web", E::Host),
            ("regis_try.example/web", E::Host),
            (&long_name, E::TooLong),
        ] {
            assert_eq!(check(image), Err(want), "{image}");
            assert!(!want.to_string().is_empty());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(image in "\\PC{0,40}|[a-zA-Z0-9:/@._\\[\\]-]{0,40}") {
            let _ = check(&image);
        }
    }
}
