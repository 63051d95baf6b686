//! One line of the table: what was measured, beside what it is meant to be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A figure with its spread: of repeated measurements the median and what eight of ten are between, of a count the count
/// alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The median.
    pub value: f64,
    /// A tenth of the measurements is below.
    pub low: f64,
    /// A tenth is above.
    pub high: f64,
}

/// What the figure is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Just this.
    Exactly(f64),
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The part of the benchmark: `cold start`.
    pub part: String,
    /// What was measured: `promote: process start to first /next`.
    pub what: String,
    /// The result.
    pub figure: Figure,
    /// `ms`, `MB`, `×`, `calls`, ...
    pub unit: String,
    /// What it is meant to be, where somebody said so.
    pub goal: Option<Goal>,
    /// What it stands beside, for people: `empty function 1.2 ms`.
    pub beside: String,
}

impl Figure {
    /// Of repeated measurements.
    ///
    /// # Panics
    ///
    /// Without any.
    #[must_use]
    pub fn of(mut measured: Vec<f64>) -> Self {
        measured.sort_by(f64::total_cmp);
        let last = measured.len() - 1;
        Self {
            value: measured[last / 2],
            low: measured[last / 10],
            high: measured[last - last / 10],
        }
    }

    /// Of something that is the same each time.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        let (low, high) = (value, value);
        Self { value, low, high }
    }

    /// Each value by that of the same round, so that what slows the machine down slows both.
    #[must_use]
    pub fn ratio(of: &[f64], to: &[f64]) -> Self {
        Self::of(of.iter().zip(to).map(|(of, to)| of / to).collect())
    }

    fn agrees(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

impl Row {
    /// A line without goal and company.
    #[must_use]
    pub fn new(part: &str, what: impl Into<String>, figure: Figure, unit: &str) -> Self {
        Self {
            part: part.to_owned(),
            what: what.into(),
            figure,
            unit: unit.to_owned(),
            goal: None,
            beside: String::new(),
        }
    }

    /// With what it is meant to be.
    #[must_use]
    pub fn goal(self, goal: Goal) -> Self {
        let goal = Some(goal);
        Self { goal, ..self }
    }

    /// With what it stands beside.
    #[must_use]
    pub fn beside(self, beside: impl Into<String>) -> Self {
        let beside = beside.into();
        Self { beside, ..self }
    }

    fn met(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(most) => self.figure.value <= most,
            Goal::AtLeast(least) => self.figure.value >= least,
            Goal::Exactly(wanted) => self.figure.value.total_cmp(&wanted).is_eq(),
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {}", short(*most)),
            Self::AtLeast(least) => write!(f, "≥ {}", short(*least)),
            Self::Exactly(wanted) => write!(f, "= {}", short(*wanted)),
        }
    }
}

/// The Markdown table.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let head = "| part | measured | figure | spread | goal | | beside |\n| --- | --- | ---: | --- | --- | --- | --- |\n";
    rows.iter().fold(head.to_owned(), |table, row| {
        let Figure { value, low, high } = row.figure;
        let spread = if low.to_bits() == high.to_bits() {
            String::new()
        } else {
            format!("{} to {}", short(low), short(high))
        };
        let goal = row.goal.map(|goal| goal.to_string()).unwrap_or_default();
        let met = match row.met() {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        let (part, what, beside) = (&row.part, &row.what, &row.beside);
        let figure = format!("{} {}", short(value), row.unit);
        table + &format!("| {part} | {what} | {figure} | {spread} | {goal} | {met} | {beside} |\n")
    })
}

/// The lines of two runs that do not agree within their spread.
#[must_use]
pub fn differences(one: &[Row], other: &[Row]) -> Vec<String> {
    let same = |row: &Row| {
        let fits = |other: &&Row| (&other.part, &other.what) == (&row.part, &row.what);
        other.iter().find(fits)
    };
    let differs = |row: &Row| match same(row) {
        Some(other) if row.figure.agrees(other.figure) => None,
        Some(other) => Some(format!(
            "{}, {}: {} and {} {}",
            row.part,
            row.what,
            short(row.figure.value),
            short(other.figure.value),
            row.unit
        )),
        None => Some(format!("{}, {}: in one run only", row.part, row.what)),
    };
    one.iter().filter_map(differs).collect()
}

/// Three digits that count, in thousands where it is large.
#[must_use]
pub fn short(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::{Figure, Goal, Row, differences, table};

    #[test]
    fn a_figure_is_between_nearly_all_that_was_measured() {
        let figure = Figure::of((1..=11).rev().map(f64::from).collect());
        assert_eq!((figure.low, figure.value, figure.high), (2.0, 6.0, 10.0));
        let few = Figure::of(vec![3.0, 1.0, 2.0]);
        assert_eq!(
            (few.low, few.value, few.high),
            (1.0, 2.0, 3.0),
            "all of them"
        );
    }

    #[test]
    fn a_miss_is_shown() {
        for (goal, shown) in [
            (Goal::AtMost(4.0), "≤ 4 | **missed**"),
            (Goal::AtLeast(4.0), "≥ 4 | met"),
            (Goal::Exactly(4.0), "= 4 | **missed**"),
        ] {
            let row = Row::new("size", "zip", Figure::exact(4.35), "MB").goal(goal);
            let line = format!("| size | zip | 4.35 MB |  | {shown} |  |\n");
            assert!(table(&[row]).ends_with(&line), "{goal}");
        }
    }

    #[test]
    fn runs_differ_where_their_spreads_do_not_touch() {
        let row = |low, high| {
            let value = f64::midpoint(low, high);
            Row::new("cold start", "promote", Figure { value, low, high }, "ms")
        };
        assert!(differences(&[row(1.0, 2.0)], &[row(2.0, 3.0)]).is_empty());
        let differences = differences(&[row(1.0, 2.0)], &[row(4.0, 5.0)]);
        assert_eq!(differences, ["cold start, promote: 1.50 and 4.50 ms"]);
    }
}
