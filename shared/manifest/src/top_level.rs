//! The top level of convox.yml.

use std::collections::BTreeMap;

use super::surroundings::Surroundings;
use super::{
    Manifest, OfRack, Param, Resource, declaration, formation, listener, near_miss, param_names,
    reference, resource, service, timer, volume,
};
use yaml::{Place, Reader};

/// How large the manifest's own declarations may be, counted once for each Service.
const SHARED_MAX: usize = 16 * 1024 * 1024;
/// The keys of convox.yml itself.
pub(super) const TOP_LEVEL: [&str; 5] =
    ["environment", "params", "resources", "services", "timers"];

/// Reads the top-level mapping.
pub(super) fn read(reader: &mut Reader<'_>, top: &Place<'_>, rack: OfRack) -> Manifest {
    let mut manifest = Manifest::empty();
    let fields = reader.fields(top, &TOP_LEVEL);
    manifest.near_misses = near_miss::find(top, &TOP_LEVEL);
    let shared = declaration::read(reader, fields.get("environment"));
    if let Some(place) = fields.get("resources") {
        manifest.resources = resources(reader, &place);
    }
    let surroundings = Surroundings {
        shared,
        services: reference::names(fields.get("services").as_ref()),
        resources: reference::names(fields.get("resources").as_ref()),
        file_systems: volume::file_systems(&manifest.resources),
        has_entrance: rack.has_entrance,
    };
    let mut taken = listener::Taken::default();
    if let Some(place) = fields.get("services") {
        let entries = reader.entries(&place);
        if surroundings.shared.weight().saturating_mul(entries.len()) > SHARED_MAX {
            let message = format!(
                "has {} entries, too many for all of `environment`",
                entries.len()
            );
            reader.problem(&place, message);
            return manifest;
        }
        for entry in entries {
            let service = service::read(reader, &place.child(entry), entry, &surroundings);
            if let Some(service) = &service {
                let (place, shown) = (place.child(entry), entry.key.shown());
                taken.take(reader, &place, &shown, &service.nlb);
            }
            manifest.services.extend(service);
        }
    }
    if let Some(place) = fields.get("timers") {
        for entry in reader.entries(&place) {
            manifest.timers.extend(timer::read(
                reader,
                &place.child(entry),
                entry,
                &surroundings.services,
            ));
        }
    }
    if let Some(place) = fields.get("params") {
        manifest.params = params(reader, &place);
        formation::apply(reader, &place, &mut manifest);
        param_names::warn(reader, &place, &manifest.services);
    }
    manifest
}

fn params(reader: &mut Reader<'_>, place: &Place<'_>) -> BTreeMap<String, Param> {
    let mut params = BTreeMap::new();
    for entry in reader.entries(place) {
        let value = place.child(entry);
        match value.scalar() {
            Some(scalar) => {
                let text = if value.node.is_null() {
                    String::new()
                } else {
                    scalar.text.clone()
                };
                let param = Param {
                    value: text,
                    shown: scalar.shown(),
                    line: value.node.line,
                    column: value.node.column,
                };
                params.insert(entry.key.text.clone(), param);
            }
            None => reader.wrong(&value, "a text"),
        }
    }
    params
}

fn resources(reader: &mut Reader<'_>, place: &Place<'_>) -> Vec<Resource> {
    let mut resources = Vec::new();
    for entry in reader.entries(place) {
        let value = place.child(entry);
        resources.extend(resource::read(reader, &value, entry));
    }
    resources
}
