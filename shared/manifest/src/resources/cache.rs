//! The options of a cache. Source of the bounds: ElastiCache API reference, `CreateReplicationGroup` and
//! `CreateCacheCluster`.

use super::options::{Known, Options};
use super::{Cache, CacheEngine, defaults};

/// What automatic failover needs: a node to fail over to.
const DURABLE_NODES_MIN: u32 = 2;

/// What a cache can say.
pub(super) fn known(engine: CacheEngine) -> Known {
    let (used, unused): (&'static [_], &'static [_]) = match engine {
        CacheEngine::Redis => (
            &[
                "autoMinorVersionUpgrade",
                "class",
                "durable",
                "encrypted",
                "engine",
                "nodes",
                "version",
            ],
            &[],
        ),
        CacheEngine::Valkey => (
            &[
                "autoMinorVersionUpgrade",
                "class",
                "durable",
                "encrypted",
                "nodes",
                "version",
            ],
            &[],
        ),
        CacheEngine::Memcached => (
            &["autoMinorVersionUpgrade", "class", "nodes", "version"],
            &["encrypted", "password"],
        ),
    };
    Known {
        resource_type: engine.name(),
        used,
        unused,
    }
}

/// Reads the options; `upgrades` is what the App says of minor versions. What is wrong is noted, and left out.
pub(super) fn read(options: &mut Options<'_, '_>, engine: CacheEngine, upgrades: bool) -> Cache {
    let engine = engine_of(options, engine);
    // A replication group has a primary and up to five replicas.
    let (nodes_max, nodes_help) = match engine {
        CacheEngine::Redis | CacheEngine::Valkey => (6, "use a number of nodes from 1 to 6"),
        CacheEngine::Memcached => (40, "use a number of nodes from 1 to 40"),
    };
    let cache = Cache {
        engine,
        version: options.version(|text| engine.version(text)),
        class: options.class(
            "cache.",
            "use a class of ElastiCache, such as `cache.t3.micro`",
        ),
        nodes: options
            .number("nodes", 1..=nodes_max, nodes_help)
            .unwrap_or(defaults::NODES),
        durable: options.flag("durable").unwrap_or(false),
        encrypted: options.flag("encrypted").unwrap_or(false),
        auto_minor_version_upgrade: options.flag("autoMinorVersionUpgrade").unwrap_or(upgrades),
    };
    if let (true, Some(text)) = (cache.durable, options.get("durable"))
        && cache.nodes < DURABLE_NODES_MIN
    {
        let message = format!("is {}, with one node", text.written.described());
        let help =
            format!("set `nodes` to {DURABLE_NODES_MIN} or more, failover needs another node");
        options.problem(text, &message, &help);
    }
    cache
}

/// Convox's template for redis has the engine as an option.
fn engine_of(options: &mut Options<'_, '_>, engine: CacheEngine) -> CacheEngine {
    let Some(text) = options.get("engine") else {
        return engine;
    };
    match text.value.as_str() {
        "redis" => CacheEngine::Redis,
        "valkey" => CacheEngine::Valkey,
        _ => {
            options.wrong(text, "use `redis` or `valkey`");
            engine
        }
    }
}
