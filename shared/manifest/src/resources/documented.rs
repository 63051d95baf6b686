//! The table of docs/resources.md has every option of every type, and no other.

use std::collections::{BTreeMap, BTreeSet};

use super::options::Known;
use super::{CacheEngine, DatabaseEngine, cache, database, file_system};
use crate::documented::{quoted, rows};

const PAGE: &str = include_str!("../../../../docs/resources.md");
const DATABASES: [&str; 3] = ["postgres", "mysql", "mariadb"];
const CACHES: [&str; 3] = ["redis", "valkey", "memcached"];

fn known() -> BTreeMap<&'static str, Known> {
    let databases = [
        DatabaseEngine::Postgres,
        DatabaseEngine::MySql,
        DatabaseEngine::MariaDb,
    ];
    let caches = [
        CacheEngine::Redis,
        CacheEngine::Valkey,
        CacheEngine::Memcached,
    ];
    let databases = databases.map(database::known).into_iter();
    let all = databases.chain(caches.map(cache::known));
    let all = all.chain([file_system::KNOWN]);
    all.map(|known| (known.resource_type, known)).collect()
}

/// The types that the second cell of a row speaks of.
fn types(cell: &str) -> BTreeSet<&'static str> {
    let all = || DATABASES.into_iter().chain(CACHES).chain(["efs"]);
    if let Some(but) = cell.strip_prefix("all but ") {
        return all().filter(|name| *name != but).collect();
    }
    let mut types = BTreeSet::new();
    for word in cell.split(", ") {
        match word {
            "all" => types.extend(all()),
            "databases" => types.extend(DATABASES),
            "caches" => types.extend(CACHES),
            name => types.extend(all().filter(|one| *one == name)),
        }
    }
    assert!(!types.is_empty(), "{cell}");
    types
}

#[test]
fn every_option_of_every_type_has_its_row() {
    let known = known();
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut unused = used.clone();
    let mut options = Vec::new();
    for row in rows(PAGE, "## Options") {
        if !row[0].is_empty() {
            options = quoted(row[0]);
        }
        for name in types(row[1]) {
            let has_effect = !row[2].contains("no effect");
            let told = if has_effect { &mut used } else { &mut unused };
            told.entry(name)
                .or_default()
                .extend(options.iter().copied());
        }
    }
    for (name, known) in known {
        let unused = unused.remove(name).unwrap_or_default();
        assert_eq!(unused, known.unused.iter().copied().collect(), "{name}");
        let mut taken: BTreeSet<&str> = known.used.iter().copied().collect();
        if !unused.contains("password") {
            taken.insert("password"); // refused, in words of its own
        }
        assert_eq!(used.remove(name).unwrap_or_default(), taken, "{name}");
    }
}
