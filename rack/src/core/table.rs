//! Tables and lists for people.

/// Rows under a head, each column as wide as its widest cell; what is empty is `-`.
#[must_use]
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(shown(cell).chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| {
            let gap = width.saturating_sub(cell.chars().count());
            format!("{cell}{}", " ".repeat(gap))
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    let mut text = line(head);
    for row in rows {
        text.push_str(&line(row.each_ref().map(|cell| shown(cell))));
    }
    text
}

/// Names with their values, one a line, the values under one another; what has none is left out.
#[must_use]
pub fn facts(facts: &[(&str, Option<String>)]) -> String {
    let known = || {
        facts
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    };
    let width = known().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default();
    let lines = known().map(|(name, value)| format!("{name:<width$}  {value}\n"));
    lines.collect::<Vec<_>>().concat()
}

/// A title, and lines under it; nothing where there are none.
#[must_use]
pub fn section(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|line| format!("  {line}\n"));
    format!("{title}\n{}", lines.collect::<Vec<_>>().concat())
}

/// The end of an ARN: what tells it from its like.
#[must_use]
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn shown(cell: &str) -> &str {
    if cell.is_empty() { "-" } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let rows = [
            ["R1".to_owned(), "live".to_owned()],
            ["R20000".to_owned(), String::new()],
        ];
        let want = "RELEASE  STATUS\nR1       live\nR20000   -\n";
        assert_eq!(table(["RELEASE", "STATUS"], &rows), want);
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        let shown = facts(&[("App", Some("shop".to_owned())), ("fallback", None)]);
        assert_eq!(shown, "App  shop\n");
        assert_eq!(section("Warnings", &[]), "");
        assert_eq!(
            section("Warnings", &["one".to_owned()]),
            "Warnings\n  one\n"
        );
    }
}
