//! The page as one HTML file: no script, nothing from elsewhere. `maud` escapes every text that stands in braces or quotes.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::plot::{self, CEILING, COLUMN, Column, GROUND, HEIGHT, WIDTH};
use super::{App, Badge, Live, Notice, Page, Request, Seen};

const STYLE: &str = include_str!("style.css");
/// What the page may load or run: nothing, even if a text on it came to be more than text.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
/// How many Timers and Services a list has before it would be a page of its own.
const LISTED: usize = 12;

/// Writes the page.
#[must_use]
pub fn html(page: &Page) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { "Rack " (page.rack) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Rack " bdi { (page.rack) } }
                    p { (counted(page)) }
                }
                main {
                    @if page.apps.len() > 1 { (overview(page)) }
                    @for (number, app) in page.apps.iter().enumerate() {
                        (section(number, app, page.apps.len() == 1))
                    }
                }
                footer {
                    p { "Made " (time(page.made_at)) " by " code { "rack page" } ". All times are UTC." }
                }
            }
        }
    };
    page.into_string()
}

/// How many Apps there are, and how many somebody should look at.
fn counted(page: &Page) -> String {
    let troubled = |app: &&App| match &app.seen {
        Ok(seen) => !seen.notices.is_empty(),
        Err(_) => true,
    };
    let look = page.apps.iter().filter(troubled).count();
    let apps = match page.apps.len() {
        0 => return "It has no App.".to_owned(),
        1 => "1 App".to_owned(),
        apps => format!("{apps} Apps"),
    };
    match look {
        0 => format!("{apps}, nothing is known to be wrong."),
        1 => format!("{apps}, 1 needs a look."),
        look => format!("{apps}, {look} need a look."),
    }
}

fn overview(page: &Page) -> Markup {
    markup! {
        section.card aria-labelledby="apps" {
            div.top { h2 id="apps" { "Apps" } }
            table {
                caption { "What runs, and since when" }
                thead { tr {
                    th scope="col" { "App" }
                    th scope="col" { "Runs" }
                    th scope="col" { "State" }
                } }
                tbody {
                    @for (number, app) in page.apps.iter().enumerate() {
                        tr {
                            th scope="row" { a href={ "#app-" (number) } { bdi { (app.name) } } }
                            @let live = app.seen.as_ref().ok().and_then(|seen| seen.live.as_ref());
                            td {
                                @if let Some(live) = live {
                                    bdi { (live.release) }
                                    @if let Some(since) = live.since { small { "since " (time(since)) } }
                                } @else {
                                    span.muted { @if app.seen.is_ok() { "nothing" } @else { "not known" } }
                                }
                            }
                            td { (badge(health(app))) }
                        }
                    }
                }
            }
        }
    }
}

fn health(app: &App) -> Badge {
    app.seen.as_ref().map_or(Badge::UNREAD, |seen| seen.health)
}

fn section(number: usize, app: &App, is_alone: bool) -> Markup {
    markup! {
        section.card aria-labelledby={ "app-" (number) } {
            div.top {
                h2 id={ "app-" (number) } { bdi { (app.name) } }
                (badge(health(app)))
            }
            @match &app.seen {
                Ok(seen) => (seen_of(number, seen, is_alone)),
                Err(why) => ul.notices { li.notice.bad { p { (why) } } },
            }
        }
    }
}

fn seen_of(number: usize, seen: &Seen, is_alone: bool) -> Markup {
    markup! {
        @if !seen.notices.is_empty() {
            ul.notices { @for it in &seen.notices { (notice(it)) } }
        }
        div.two {
            (live(seen.live.as_ref()))
            (figure(number, &seen.requests))
        }
        @if !seen.requests.is_empty() {
            details open[is_alone] {
                summary { (last(&seen.requests)) " as a table" }
                (requests(&seen.requests))
            }
        }
    }
}

fn last(requests: &[Request]) -> String {
    match requests.len() {
        1 => "The only request".to_owned(),
        count => format!("The last {count} requests"),
    }
}

fn notice(notice: &Notice) -> Markup {
    markup! {
        li class={ "notice " (notice.badge.tone) } {
            p.what {
                span class=(notice.badge.tone) { (mark(notice.badge)) }
                span.hidden { (notice.badge.word) ": " }
                (notice.what)
            }
            @if let Some(message) = &notice.message { p.said { (message) } }
            @if let Some(cure) = &notice.cure { p.cure { "What to do: " (cure) } }
        }
    }
}

fn live(live: Option<&Live>) -> Markup {
    let Some(live) = live else {
        return markup! { p.muted { "Nothing of it runs." } };
    };
    markup! {
        dl {
            dt { "Release" }
            dd.release { bdi { (live.release) } }
            @if let Some(since) = live.since {
                dt { "Since" }
                dd { (time(since)) }
            }
            dt { "Environment" }
            dd { (live.delivery) }
            @if !live.services.is_empty() {
                dt { "Services" }
                dd { (named(&live.services, "of ")) }
            }
            @if !live.timers.is_empty() {
                dt { "Timers" }
                dd { (named(&live.timers, "")) }
            }
        }
    }
}

fn named(names: &[(String, Option<String>)], before: &str) -> Markup {
    let more = names.len().saturating_sub(LISTED);
    markup! {
        ul {
            @for (name, more) in names.iter().take(LISTED) {
                li {
                    bdi { (name) }
                    @if let Some(more) = more { " " span.muted { (before) bdi { (more) } } }
                }
            }
            @if more > 0 { li.muted { "and " (more) " more" } }
        }
    }
}

fn figure(number: usize, requests: &[Request]) -> Markup {
    if requests.is_empty() {
        return markup! { p.muted { "Nothing was asked of it as far as its history goes." } };
    }
    let name = format!("plot-{number}");
    markup! {
        figure {
            figcaption {
                "Time taken"
                span { "longest " (plot::in_words(plot::longest(requests))) }
            }
            svg.plot role="img" aria-labelledby=(name) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
                title id=(name) { (said(requests)) }
                line.rule x1="0" y1=(CEILING) x2=(WIDTH) y2=(CEILING) {}
                line.rule x1="0" y1=(GROUND) x2=(WIDTH) y2=(GROUND) {}
                @for (request, column) in requests.iter().zip(plot::columns(requests)) {
                    (drawn(request, column))
                }
            }
        }
    }
}

/// What the plot shows, for whoever does not see it.
fn said(requests: &[Request]) -> String {
    let said = requests.iter().map(one);
    let said: Vec<String> = said.collect();
    format!("{}, newest first: {}", last(requests), said.join("; "))
}

fn one(request: &Request) -> String {
    let what = request.release.as_deref().or(request.kind);
    format!(
        "{}: {} after {}",
        what.unwrap_or_default(),
        request.badge.word,
        plot::in_words(request.seconds)
    )
}

/// A column, and the shape of what became of it below.
fn drawn(request: &Request, Column { x, height }: Column) -> Markup {
    markup! {
        g class=(request.badge.tone) {
            title { (one(request)) }
            rect x=(x) y=(GROUND - height) width=(COLUMN) height=(height) rx="2" {}
            path.mark transform={ "translate(" (x) " " (GROUND + 8.0) ")" } d=(request.badge.shape) {}
        }
    }
}

fn requests(requests: &[Request]) -> Markup {
    markup! {
        table {
            caption { (last(requests)) ", newest first" }
            thead { tr {
                th scope="col" { "Request" }
                th scope="col" { "Took" }
                th scope="col" { "Became" }
            } }
            tbody { @for request in requests {
                tr {
                    th scope="row" {
                        @if let Some(release) = &request.release { bdi { (release) } }
                        small {
                            @if let Some(kind) = request.kind { (kind) ", " }
                            (time(request.at))
                        }
                    }
                    td.took { (plot::in_words(request.seconds)) }
                    td {
                        (badge(request.badge))
                        @if let Some(message) = &request.message { small { (message) } }
                    }
                }
            } }
        }
    }
}

fn badge(badge: Badge) -> Markup {
    markup! {
        span class={ "badge " (badge.tone) } {
            (mark(badge))
            (badge.word)
        }
    }
}

fn mark(badge: Badge) -> Markup {
    markup! {
        svg.shape viewBox="0 0 12 12" aria-hidden="true" { path.mark d=(badge.shape) {} }
    }
}

fn time(at: DateTime<Utc>) -> Markup {
    markup! {
        time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) { (at.format("%-d %b %Y, %H:%M")) }
    }
}
