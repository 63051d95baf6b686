//! What things are called inside a template: letters and digits only (CloudFormation user guide, "Resources").

use names::hash8;

/// The logical id of what `name` is given of one `kind`, which starts with a capital. Two names never share one: what
/// does not show in capitals is told by a hash, whose `X` no plain name has in its place.
pub(super) fn logical_id(name: &str, kind: &str) -> String {
    let is_plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: String = words.map(capitalized).collect();
    if is_plain(name) {
        format!("{words}{kind}")
    } else {
        format!("{words}X{}{kind}", hash8(name))
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_letters_and_digits_and_stay_apart() {
        let names = [
            "mydb", "my-db", "my_db", "a1", "a-1", "MyDb", "--", "ä", "1",
        ];
        let ids = names.map(|name| logical_id(name, "Link"));
        assert_eq!(ids[0], "MydbLink");
        assert!(
            ids[1].starts_with("MyDbX") && ids[1].len() == 17,
            "{}",
            ids[1]
        );
        for (index, id) in ids.iter().enumerate() {
            assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
            assert!(!ids[..index].contains(id), "{id}");
        }
    }
}
