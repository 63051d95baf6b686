//! Names for new Releases, in Convox's form: `R` and ten letters and digits, of which a later one sorts later.

use chrono::{DateTime, TimeDelta, Utc};
use names::{NameError, ReleaseId};

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Ten digits count the microseconds until 2085.
const WIDTH: usize = 10;

/// The name of a Release that is made at `now`.
///
/// # Errors
///
/// [`NameError`], which these names never meet.
pub fn at(now: DateTime<Utc>) -> Result<ReleaseId, NameError> {
    let mut left = u64::try_from(now.timestamp_micros()).unwrap_or_default();
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        let place = usize::try_from(left % 36).unwrap_or_default();
        *digit = DIGITS.get(place).copied().unwrap_or(b'0');
        left /= 36;
    }
    ReleaseId::new(&format!("R{}", String::from_utf8_lossy(&digits)))
}

/// The names to try, one after the other, until one is free.
pub fn from(now: DateTime<Utc>) -> impl Iterator<Item = Result<ReleaseId, NameError>> {
    (0..8).map(move |step| at(now + TimeDelta::milliseconds(step * 7)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_later_release_has_a_name_that_sorts_later(first in 0_i64..3_600_000_000_000_000, gap in 1_i64..10_000_000_000) {
            let at = |micros| at(DateTime::from_timestamp_micros(micros).unwrap()).unwrap();
            let (first, second) = (at(first), at(first + gap));
            prop_assert!(first.as_str() < second.as_str(), "{first} {second}");
            prop_assert_eq!(first.as_str().len(), second.as_str().len());
        }
    }

    #[test]
    fn the_names_that_are_tried_differ_and_sort() {
        let names: Vec<String> = from(Utc::now())
            .map(|name| name.unwrap().to_string())
            .collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(
            names
                .iter()
                .all(|name| name.len() == 11 && name.starts_with('R'))
        );
    }
}
