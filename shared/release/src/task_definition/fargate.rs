//! The CPU and memory pairs of Fargate (ECS developer guide, "Task CPU and memory").

use std::ops::RangeInclusive;

use super::RenderError;

/// The memory that goes with so many CPU units, in MiB.
enum Memory {
    /// These sizes.
    OneOf(&'static [u32]),
    /// From one to the other in steps.
    Steps(RangeInclusive<u32>, u32),
}

const SIZES: [(u32, Memory); 8] = [
    (256, Memory::OneOf(&[512, 1024, 2048])),
    (512, Memory::Steps(1024..=4096, 1024)),
    (1024, Memory::Steps(2048..=8192, 1024)),
    (2048, Memory::Steps(4096..=16_384, 1024)),
    (4096, Memory::Steps(8192..=30_720, 1024)),
    (8192, Memory::Steps(16_384..=61_440, 4096)),
    (16_384, Memory::Steps(32_768..=122_880, 8192)),
    (32_768, Memory::OneOf(&[61_440, 122_880, 249_856])),
];

impl Memory {
    fn sizes(&self) -> Vec<u32> {
        match self {
            Self::OneOf(sizes) => sizes.to_vec(),
            Self::Steps(range, step) => range.clone().step_by(*step as usize).collect(),
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::OneOf(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(u32::to_string).collect();
                match sizes.split_last() {
                    Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
                    None => String::new(),
                }
            }
            Self::Steps(range, step) => {
                format!("{} to {} in steps of {step}", range.start(), range.end())
            }
        }
    }
}

pub(super) fn check(service: &str, cpu: u32, memory: u32) -> Result<(), RenderError> {
    let known = SIZES.iter().find(|(units, _)| *units == cpu);
    let fits = known.is_some_and(|(_, sizes)| sizes.sizes().contains(&memory));
    let next = next(cpu, memory);
    let Some((next_cpu, next_memory)) = next.filter(|_| !fits) else {
        return Ok(()); // a size, or larger than all that are known
    };
    let allowed = if let Some((_, sizes)) = known {
        format!("with cpu {cpu}, memory is {}", sizes.in_words())
    } else {
        let units: Vec<String> = SIZES.iter().map(|(units, _)| units.to_string()).collect();
        format!("cpu is one of {}", units.join(", "))
    };
    Err(RenderError::FargateSize {
        service: service.to_owned(),
        cpu,
        memory,
        allowed,
        next: format!("; the next that holds it is cpu {next_cpu} with memory {next_memory}"),
    })
}

/// Whether a size is larger than all that are known here: AWS adds larger ones, so whether it is one only ECS knows.
pub(super) fn is_beyond(cpu: u32, memory: u32) -> bool {
    next(cpu, memory).is_none()
}

/// The smallest size with at least so much of both.
fn next(cpu: u32, memory: u32) -> Option<(u32, u32)> {
    let mut sizes = SIZES.iter().filter(|(units, _)| *units >= cpu);
    sizes.find_map(|(units, sizes)| {
        let mut sizes = sizes.sizes().into_iter();
        Some((*units, sizes.find(|size| *size >= memory)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sizes_of_fargate_pass() {
        for (cpu, memory, fits) in [
            (256, 512, true),
            (256, 2048, true),
            (256, 1536, false),
            (256, 4096, false),
            (512, 1024, true),
            (512, 512, false),
            (1024, 3072, true),
            (4096, 30_720, true),
            (4096, 31_744, false),
            (8192, 20_480, true),
            (8192, 18_432, false),
            (16_384, 122_880, true),
            (32_768, 61_440, true),
            (32_768, 122_880, true),
            (32_768, 249_856, true),
            (32_768, 65_536, false),
            (32_768, 30_720, false),
            (300, 512, false),
        ] {
            assert_eq!(check("web", cpu, memory).is_ok(), fits, "{cpu}/{memory}");
        }
        for (cpu, memory, want) in [
            (64, 128, Some((256, 512))),
            (256, 1536, Some((256, 2048))),
            (256, 4096, Some((512, 4096))),
            (3072, 3072, Some((4096, 8192))),
            (8192, 18_432, Some((8192, 20_480))),
            (16_384, 122_881, Some((32_768, 249_856))),
            (20_000, 512, Some((32_768, 61_440))),
            (32_768, 249_857, None),
            (65_536, 512, None),
        ] {
            assert_eq!(next(cpu, memory), want, "{cpu}/{memory}");
            let holds = want.is_none_or(|(cpu, memory)| check("web", cpu, memory).is_ok());
            assert!(holds, "{cpu}/{memory}");
            assert_eq!(is_beyond(cpu, memory), want.is_none(), "{cpu}/{memory}");
        }
        let message = check("web", 256, 4096).unwrap_err().to_string();
        assert!(
            message.contains("`web`") && message.contains("512, 1024 or 2048"),
            "{message}"
        );
    }
    #[test]
    fn a_size_that_is_larger_than_all_known_ones_is_left_to_ecs() {
        for (cpu, memory) in [(65_536, 499_712), (32_768, 500_000), (16_384, 300_000)] {
            assert!(
                check("web", cpu, memory).is_ok() && is_beyond(cpu, memory),
                "{cpu}/{memory}"
            );
        }
        assert!(!is_beyond(32_768, 249_856) && !is_beyond(300, 512));
    }
}
