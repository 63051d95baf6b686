//! The plot of the last requests: where each column stands and how high it is.

use super::Request;

/// The plot's size.
pub const WIDTH: f64 = 336.0;
/// As [`WIDTH`].
pub const HEIGHT: f64 = 110.0;
/// Where the columns stand.
pub const GROUND: f64 = 85.0;
/// Where the highest ends.
pub const CEILING: f64 = 1.0;
const ROOM: f64 = GROUND - CEILING;
/// A request that took no time can be seen, too.
const LOWEST: f64 = 2.0;
const STEP: f64 = 20.0;
/// How wide a column is.
pub const COLUMN: f64 = 12.0;

/// Where a column stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its left side.
    pub x: f64,
    /// How high it is.
    pub height: f64,
}

/// The columns of requests that come newest first: the newest is on the right.
pub fn columns(requests: &[Request]) -> Vec<Column> {
    let longest = longest(requests);
    let mut x = WIDTH;
    let columns = requests.iter().map(|request| {
        x -= STEP;
        let share = if longest > 0.0 {
            request.seconds / longest
        } else {
            0.0
        };
        Column {
            x,
            height: (share * ROOM).clamp(LOWEST, ROOM).round(),
        }
    });
    columns.collect()
}

/// What the highest column stands for.
pub fn longest(requests: &[Request]) -> f64 {
    requests
        .iter()
        .fold(0.0, |longest, request| longest.max(request.seconds))
}

/// A time as people say it.
pub fn in_words(seconds: f64) -> String {
    if seconds < 0.05 {
        return "0 s".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    if seconds < 59.5 {
        return format!("{seconds:.0} s");
    }
    let (minutes, rest) = ((seconds / 60.0).floor(), (seconds % 60.0).floor());
    if minutes < 60.0 {
        return match rest {
            0.0..1.0 => format!("{minutes} min"),
            _ => format!("{minutes} min {rest} s"),
        };
    }
    let (hours, rest) = ((minutes / 60.0).floor(), (minutes % 60.0).floor());
    match rest {
        0.0..1.0 => format!("{hours} h"),
        _ => format!("{hours} h {rest} min"),
    }
}
