//! The pairs of CPU and memory that Fargate has.

use std::ops::RangeInclusive;

/// CPU units, the memory range in MiB, and its step.
///
/// Source: ECS API reference, `RegisterTaskDefinition`, `cpu` and `memory`.
const SIZES: [(u32, RangeInclusive<u32>, u32); 6] = [
    (512, 1024..=4096, 1024),
    (1024, 2048..=8192, 1024),
    (2048, 4096..=16384, 1024),
    (4096, 8192..=30720, 1024),
    (8192, 16384..=61440, 4096),
    (16384, 32768..=122_880, 8192),
];

/// Whether Fargate has tasks of this size, as ECS spells it: `256` or `.25 vCPU`, `512` or `0.5 GB`.
pub(super) fn exists(cpu: &str, memory: &str) -> bool {
    let (Some(cpu), Some(memory)) = (size(cpu, "vcpu"), size(memory, "gb")) else {
        return false;
    };
    if cpu == 256 {
        return [512, 1024, 2048].contains(&memory);
    }
    if cpu == 32_768 {
        return [61_440, 122_880, 249_856].contains(&memory);
    }
    SIZES.iter().any(|(units, range, step)| {
        *units == cpu && range.contains(&memory) && (memory - range.start()).is_multiple_of(*step)
    })
}

fn size(text: &str, unit: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let Some(whole) = text.strip_suffix(unit) else {
        return text.parse().ok();
    };
    let size = whole.trim().parse::<f64>().ok()? * 1024.0;
    format!("{size:.0}").parse().ok()
}
