//! `volumes` of a Service. Source: `convox/rack:provider/aws/formation/service.json.tmpl`, "Volumes".

use std::collections::BTreeSet;

use super::Resource;
use super::surroundings::Surroundings;
use yaml::{Place, Reader, Scalar};

/// Something that is mounted into a container. It can hold an interpolated secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Volume {
    /// A resource, or a folder of the host.
    pub source: VolumeSource,
    /// Where.
    pub container_path: String,
    /// Whether the container may only read it: a third part `ro`.
    pub read_only: bool,
}

/// What a [`Volume`] mounts.
#[derive(Clone, PartialEq, Eq)]
pub enum VolumeSource {
    /// A resource that is in the Service's own `resources`, by exactly its name. Convox looks for the text in the
    /// joined names, so that `data` finds `database`, and then mounts nothing at all. Nothing is mounted of one that is no
    /// `efs`, here as in Convox.
    Resource(String),
    /// A path or label of the host.
    Host(String),
}

impl VolumeSource {
    /// The resource, the path or the label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Resource(name) | Self::Host(name) => name,
        }
    }
}

/// The names of the resources that can be mounted.
pub(super) fn file_systems(resources: &[Resource]) -> BTreeSet<String> {
    let can_be = |resource: &&Resource| resource.resource_type.value == "efs";
    let names = resources.iter().filter(can_be);
    names.map(|resource| resource.name.clone()).collect()
}

/// Reads the list; `linked` are the resources of the Service.
pub(super) fn read(
    reader: &mut Reader<'_>,
    place: Option<Place<'_>>,
    linked: &[String],
    surroundings: &Surroundings,
) -> Vec<Volume> {
    let Some(place) = place else {
        return Vec::new();
    };
    let Some(items) = place.items() else {
        reader.wrong(&place, "a list of `path`, `path:path` or `resource:path`");
        return Vec::new();
    };
    let linked = linked.iter().map(String::as_str).collect();
    let volume = |item: &Place<'_>| {
        let text = reader.text(item)?;
        let volume = volume(&text, &linked);
        warn(reader, item, &text, &volume);
        warn_of_source(reader, item, &volume, surroundings);
        Some(volume)
    };
    items.iter().filter_map(volume).collect()
}

/// One part is both, the path on the host and in the container.
fn volume(text: &str, linked: &BTreeSet<&str>) -> Volume {
    let (source, target) = text.split_once(':').unwrap_or((text, text));
    let (container_path, options) = target.split_once(':').unwrap_or((target, ""));
    let source = source.to_owned();
    Volume {
        source: if linked.contains(source.as_str()) {
            VolumeSource::Resource(source)
        } else {
            VolumeSource::Host(source)
        },
        container_path: container_path.to_owned(),
        read_only: options == "ro",
    }
}

fn warn(reader: &mut Reader<'_>, item: &Place<'_>, text: &str, volume: &Volume) {
    let path = &item.path;
    let shown = item.scalar().map(Scalar::shown).unwrap_or_default();
    if let Some(options) = text.splitn(3, ':').nth(2) {
        let meaning = match options {
            "ro" => "mounted for reading only",
            "rw" => "mounted for reading and writing, as it would be without it",
            _ => "mounted as if it were not there",
        };
        let message = format!(
            "`{path}` is `{shown}`: the third part is no part of the path, it is {meaning}"
        );
        reader.warn(item.node.line, &message);
    }
    if !volume.container_path.starts_with('/') {
        let message = format!(
            "`{path}` is `{shown}`: the path in the container does not start with `/`, and ECS \
             refuses that"
        );
        reader.warn(item.node.line, &message);
    }
}

/// A resource that is not in the Service's own `resources` is a label of the host, as in Convox; and of one that is, but
/// is no file system, there is nothing to mount.
fn warn_of_source(
    reader: &mut Reader<'_>,
    item: &Place<'_>,
    volume: &Volume,
    surroundings: &Surroundings,
) {
    let path = &item.path;
    let means = match &volume.source {
        VolumeSource::Host(source) => surroundings.resources.get(source).map(|name| {
            let list = path.split(".volumes").next().unwrap_or_default();
            format!(
                "`{name}` is a resource, but not in `{list}.resources`, so a folder of the host is \
                 meant"
            )
        }),
        VolumeSource::Resource(name) if surroundings.file_systems.contains(name) => None,
        VolumeSource::Resource(name) => Some(match surroundings.resources.get(name) {
            Some(name) => format!("`{name}` is no `efs`, so nothing is mounted"),
            None => "no resource has that name, so nothing is mounted".to_owned(),
        }),
    };
    if let Some(means) = means {
        let shown = item.scalar().map(Scalar::shown).unwrap_or_default();
        reader.warn(item.node.line, &format!("`{path}` is `{shown}`: {means}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{loaded, refused, web};
    use super::*;

    #[test]
    fn a_volume_is_a_path_a_pair_or_a_resource() {
        for (text, source, path, read_only) in [
            ("/data", "host /data", "/data", false),
            ("/proc/:/host/proc/", "host /proc/", "/host/proc/", false),
            ("data:/data", "host data", "/data", false),
            ("database:/data", "resource database", "/data", false),
            ("database/:/data", "host database/", "/data", false),
            (
                "/run/x.sock:/run/x.sock:ro",
                "host /run/x.sock",
                "/run/x.sock",
                true,
            ),
            ("/a:/b:rw", "host /a", "/b", false),
            ("/a:/b:c:d", "host /a", "/b", false),
        ] {
            let body = format!("{{resources: [database], volumes: ['{text}']}}");
            let volume = &web(&body, "").0.volumes[0];
            let got = match &volume.source {
                VolumeSource::Resource(name) => format!("resource {name}"),
                VolumeSource::Host(path) => format!("host {path}"),
            };
            assert_eq!(
                (got.as_str(), volume.container_path.as_str()),
                (source, path)
            );
            assert_eq!(volume.read_only, read_only, "{text}");
        }
    }

    #[test]
    fn a_volume_of_a_resource_that_is_no_file_system_is_a_warning() {
        for (links, volume, want) in [
            ("files", "files:/data", None),
            (
                "queue",
                "queue:/data",
                Some("`queue` is no `efs`, so nothing is mounted"),
            ),
            (
                "other",
                "other:/data",
                Some("no resource has that name, so nothing is mounted"),
            ),
            (
                "'${V}'",
                "${V}:/data",
                Some("`${V}` is no `efs`, so nothing is mounted"),
            ),
            (
                "queue",
                "files:/data",
                Some(
                    "`files` is a resource, but not in `services.web.resources`, so a folder of the host is meant",
                ),
            ),
            ("files", "file:/data", None),
        ] {
            let text = format!(
                "resources:\n  files: {{type: efs}}\n  queue: {{type: redis}}\n  '${{V}}': {{type: redis}}\nservices: {{web: \
                 {{resources: [{links}], volumes: ['{volume}']}}}}\n"
            );
            let warnings = loaded(&text, "V=sesame\n").warnings;
            let said = warnings.iter().find(|said| said.contains(".volumes"));
            let want = want.map(|want| {
                format!("convox.yml, line 5: `services.web.volumes[0]` is `{volume}`: {want}")
            });
            assert_eq!(said, want.as_ref(), "{volume}");
            assert!(!warnings.concat().contains("sesame"), "{warnings:?}");
        }
    }

    #[test]
    fn what_convox_would_mount_elsewhere_is_a_warning() {
        for (text, want) in [
            ("/a:/b:ro", "mounted for reading only"),
            ("/a:/b:z", "as if it were not there"),
            ("/a:b", "does not start with `/`"),
        ] {
            let warnings = web(&format!("{{volumes: ['{text}']}}"), "").1;
            assert!(warnings[0].contains(want), "{text}: {warnings:?}");
        }
        let error = refused("services: {web: {volumes: /data}}", "");
        assert!(
            error.contains("`services.web.volumes` is `/data`: use a list"),
            "{error}"
        );
    }
}
