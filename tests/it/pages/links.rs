//! A link leads to a file of the project, and its anchor to a heading there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use regex_lite::Regex;
use rig::pages::Page;
use rig::tools;

/// What GitHub makes of the headings of a page: the words in small letters, joined by hyphens; the second of the same gets a number.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in page.prose() {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let mut anchor = String::new();
        for letter in text(heading.trim()).to_lowercase().chars() {
            match letter {
                ' ' => anchor.push('-'),
                letter if letter.is_alphanumeric() || "-_".contains(letter) => anchor.push(letter),
                _ => {}
            }
        }
        let before = seen.entry(anchor.clone()).or_default();
        *before += 1;
        anchors.insert(match *before {
            1 => anchor,
            more => format!("{anchor}-{}", more - 1),
        });
    }
    anchors
}

/// What a reader sees of a line: links are their words.
fn text(line: &str) -> String {
    let links = Regex::new(r"\[([^\]]*)\]\([^)]*\)").unwrap();
    links.replace_all(line, "$1").into_owned()
}

/// The targets of a page's links and pictures, each with its line.
fn links(page: &Page) -> Vec<(usize, String)> {
    let link = Regex::new(r"\]\(([^)\s]+)[^)]*\)").unwrap();
    let code = Regex::new(r"`[^`]*`").unwrap();
    let mut links = Vec::new();
    for (number, line) in page.prose() {
        let bare = code.replace_all(line, "");
        let targets = link.captures_iter(&bare).map(|found| found[1].to_owned());
        links.extend(targets.map(|target| (number, target)));
    }
    links
}

/// The path without its steps back.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(straight.pop()),
            part => straight.push(part),
        }
    }
    straight
}

/// What is wrong with a link, if anything is.
fn wrong(page: &Page, target: &str, pages: &BTreeMap<String, Page>) -> Option<String> {
    if let Some((scheme, rest)) = target.split_once("://") {
        let host = rest.split('/').next().unwrap();
        let is_one = scheme == "https" && host.contains('.');
        return (!is_one).then(|| "it is no address of the web".to_owned());
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let name = match file {
        "" => page.name.clone(),
        file => {
            let folder = Path::new(&page.name).parent().unwrap();
            straight(&folder.join(file)).display().to_string()
        }
    };
    if !tools::repository().join(&name).exists() {
        return Some(format!("there is no {name}"));
    }
    if anchor.is_empty() {
        return None;
    }
    let Some(page) = pages.get(&name) else {
        return Some(format!("{name} is no page that has headings"));
    };
    (!anchors(page).contains(anchor)).then(|| format!("{name} has no heading #{anchor}"))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = Page::all()
        .into_iter()
        .map(|page| (page.name.clone(), page));
    let pages: BTreeMap<String, Page> = pages.collect();
    assert!(pages.contains_key("README.md") && pages.contains_key("docs/rack.md"));
    let (mut count, mut broken) = (0, Vec::new());
    for page in pages.values() {
        for (line, target) in links(page) {
            count += 1;
            if let Some(wrong) = wrong(page, &target, &pages) {
                broken.push(format!("{}:{line}: {target}: {wrong}", page.name));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(count > 80, "only {count} links were found");
}

#[test]
fn every_page_of_docs_can_be_reached_from_the_readme() {
    let pages = Page::all()
        .into_iter()
        .map(|page| (page.name.clone(), page));
    let pages: BTreeMap<String, Page> = pages.collect();
    let mut reached = BTreeSet::new();
    let mut open = vec!["README.md".to_owned()];
    while let Some(name) = open.pop() {
        let Some(page) = pages.get(&name) else {
            continue;
        };
        if !reached.insert(name) {
            continue;
        }
        let folder = Path::new(&page.name).parent().unwrap();
        for (_, target) in links(page) {
            let file = target.split('#').next().unwrap();
            open.push(straight(&folder.join(file)).display().to_string());
        }
    }
    let lost: Vec<&String> = pages
        .keys()
        .filter(|name| !reached.contains(*name))
        .collect();
    assert_eq!(lost, Vec::<&String>::new());
}

#[test]
fn anchors_are_what_github_makes_of_headings() {
    let page = Page {
        name: "docs/rack.md".to_owned(),
        text: "# `promoted`, and then\n## `rack`, the [tool](x.md)\n## Again\n## Again\n```sh\n# none\n```\n#none\n"
            .to_owned(),
    };
    let want = ["again", "again-1", "promoted-and-then", "rack-the-tool"];
    assert_eq!(anchors(&page), want.map(str::to_owned).into());
    let pages = [(page.name.clone(), page.clone())].into();
    for (target, is_right) in [
        ("#again-1", true),
        ("#once", false),
        ("rack.md#again", true),
        ("no-such-page.md", false),
        ("../README.md", true),
        ("../Makefile#tools", false),
        ("https://example.com/x", true),
        ("https://nowhere", false),
        ("http://example.com", false),
    ] {
        let wrong = wrong(&page, target, &pages);
        assert_eq!(wrong.is_none(), is_right, "{target}: {wrong:?}");
    }
}
