//! What `params:` say of launch and size: `FargateServices`, `FargateTimers`, and a Formation for each Service.
//!
//! Source: `convox/rack:provider/aws/formation/app.json.tmpl` (parameters of those names; a Formation is `count,cpu,memory`
//! and maybe a launch type, which beats `FargateServices`).

use std::collections::BTreeMap;

use super::Manifest;
use crate::capacity::Capacity;
use crate::precedence::YesNo;
use yaml::{Entry, INTEGER_MAX, Place, Reader};

const FARGATE: &str = "`Yes`, `No` or `Spot`";
const FORMATION: &str = "`count,cpu,memory`, or with `,FARGATE`, `,FARGATE_SPOT` or `,EC2` behind \
                         it, such as `2,512,1024,FARGATE_SPOT`";

struct Formation {
    count: u32,
    cpu: u32,
    memory: u32,
    capacity: Option<Capacity>,
}

/// Gives Services and Timers what `place`, the params, say of them.
pub(super) fn apply(reader: &mut Reader<'_>, place: &Place<'_>, manifest: &mut Manifest) {
    let params: BTreeMap<&str, &Entry> = place
        .entries()
        .iter()
        .map(|entry| (entry.key.text.as_str(), entry))
        .collect();
    let param = |name: &str| params.get(name).map(|entry| place.child(entry));
    let services = read(reader, param("FargateServices"), FARGATE, fargate);
    let timers = read(reader, param("FargateTimers"), FARGATE, fargate);
    for timer in &mut manifest.timers {
        timer.capacity = timers;
    }
    for service in &mut manifest.services {
        service.capacity = services;
        let formation = param(&format!("{}Formation", upper_name(service.name.as_str())));
        let line = formation.as_ref().map(|place| place.node.line);
        if let Some(formation) = read(reader, formation, FORMATION, formation_of) {
            let scale = &mut service.scale;
            (scale.min, scale.max) = (formation.count, formation.count);
            (scale.cpu, scale.memory) = (formation.cpu, formation.memory);
            scale.line = line;
            service.capacity = formation.capacity.or(services);
        }
    }
}

/// An empty text is none, as where it is left out.
fn read<T>(
    reader: &mut Reader<'_>,
    place: Option<Place<'_>>,
    allowed: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let place = place?;
    let text = place.scalar()?.text.as_str();
    if place.node.is_null() || text.is_empty() {
        return None;
    }
    let value = read(text);
    if value.is_none() {
        reader.wrong(&place, allowed);
    }
    value
}

fn fargate(text: &str) -> Option<Capacity> {
    match text {
        "Spot" => Some(Capacity::FargateSpot),
        _ => YesNo::of(text).map(|yes_no| match yes_no {
            YesNo::Yes => Capacity::Fargate,
            YesNo::No => Capacity::Ec2,
        }),
    }
}

fn formation_of(text: &str) -> Option<Formation> {
    let mut parts = text.split(',').map(str::trim);
    let number = |text: &str| text.parse().ok().filter(|number| *number <= INTEGER_MAX);
    let mut size = || parts.next().and_then(number);
    let (count, cpu, memory) = (size()?, size()?, size()?);
    let capacity = match parts.next() {
        None => None,
        Some("FARGATE") => Some(Capacity::Fargate),
        Some("FARGATE_SPOT") => Some(Capacity::FargateSpot),
        Some("EC2") => Some(Capacity::Ec2),
        Some(_) => return None,
    };
    parts.next().is_none().then_some(Formation {
        count,
        cpu,
        memory,
        capacity,
    })
}

/// How Convox names a Service or an option in CloudFormation: `my-web` is `MyWeb`.
/// Source: `convox/rack:provider/aws/template.go`, `upperName`.
pub(crate) fn upper_name(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formation_has_three_or_four_parts() {
        for (text, want) in [
            ("2,512,1024", Some((2, 512, 1024, None))),
            (
                " 0 , 256 , 512 , EC2 ",
                Some((0, 256, 512, Some(Capacity::Ec2))),
            ),
            (
                "1,256,512,FARGATE",
                Some((1, 256, 512, Some(Capacity::Fargate))),
            ),
            (
                "1,256,512,FARGATE_SPOT",
                Some((1, 256, 512, Some(Capacity::FargateSpot))),
            ),
            ("1,256", None),
            ("1,256,512,spot", None),
            ("1,256,512,FARGATE,", None),
            ("a,256,512", None),
            ("-1,256,512", None),
            ("1,256,4294967296", None),
        ] {
            let got = formation_of(text).map(|it| (it.count, it.cpu, it.memory, it.capacity));
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn names_are_convoxs() {
        for (name, want) in [
            ("web", "Web"),
            ("my-web", "MyWeb"),
            ("a--b", "AB"),
            ("w2-x", "W2X"),
        ] {
            assert_eq!(upper_name(name), want);
        }
    }
}
