//! The frame of every page, and the escaping of all that stands in it.

/// Light and dark, from a phone to a desk; no script, no font to load.
pub const STYLE: &str = include_str!("style.css");

const PAGES: [(&str, &str); 5] = [
    ("/", "Overview"),
    ("/environment", "Environment"),
    ("/secrets", "Secrets"),
    ("/resources", "Resources"),
    ("/task", "Task"),
];

/// A page: its path, its heading, the name of its deploy environment, and its content, which is HTML already.
pub fn page(path: &str, heading: &str, stage: &str, accent: &str, content: &str) -> String {
    let links: Vec<String> = PAGES
        .iter()
        .map(|(to, name)| {
            let current = if *to == path {
                " aria-current=\"page\""
            } else {
                ""
            };
            format!("<li><a href=\"{to}\"{current}>{name}</a></li>")
        })
        .collect();
    let links = links.concat();
    let (heading, stage) = (escaped(heading), escaped(stage));
    let accent = match accent {
        "amber" => "amber",
        _ => "teal",
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{heading} – {stage}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n\
         <body class=\"{accent}\">\n<a class=\"skip\" href=\"#content\">Skip to content</a>\n<header>\n\
         <p class=\"name\">Demo App <span class=\"stage\">{stage}</span></p>\n<nav aria-label=\"Pages\"><ul>{links}</ul></nav>\n\
         </header>\n<main id=\"content\">\n<h1>{heading}</h1>\n{content}\n</main>\n</body>\n</html>\n"
    )
}

/// A table with a caption; its rows are HTML already.
pub fn table(caption: &str, columns: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = columns
        .iter()
        .map(|column| format!("<th scope=\"col\">{}</th>", escaped(column)))
        .collect();
    let body: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row
                .iter()
                .zip(columns)
                .enumerate()
                .map(|(at, (cell, column))| {
                    let label = escaped(column);
                    match at {
                        0 => format!("<th scope=\"row\">{cell}</th>"),
                        _ => format!("<td data-label=\"{label}\">{cell}</td>"),
                    }
                });
            format!("<tr>{}</tr>\n", cells.collect::<Vec<_>>().concat())
        })
        .collect();
    let (head, body) = (head.concat(), body.concat());
    format!(
        "<table>\n<caption>{}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>",
        escaped(caption)
    )
}

/// Text as it may stand in HTML, attributes included.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The same in a typewriter's letters.
pub fn code(text: &str) -> String {
    format!("<code>{}</code>", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("<a href='x'>\"&\"</a>"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;"
        );
        let page = page("/", "<h>", "\"><script>", "teal\" onload=\"", "");
        assert!(
            !page.contains("<script>") && !page.contains("onload"),
            "{page}"
        );
    }

    #[test]
    fn one_page_is_the_current_one() {
        for (path, _) in PAGES {
            assert_eq!(
                page(path, "x", "test", "teal", "")
                    .matches("aria-current")
                    .count(),
                1
            );
        }
    }
}
