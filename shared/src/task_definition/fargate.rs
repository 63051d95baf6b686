//! The CPU and memory pairs of Fargate (ECS developer guide, "Task CPU and memory").

use std::ops::RangeInclusive;

use super::RenderError;

/// CPU units, the memory range in MiB, and its step.
const SIZES: [(u32, RangeInclusive<u32>, u32); 7] = [
    (256, 512..=2048, 0),
    (512, 1024..=4096, 1024),
    (1024, 2048..=8192, 1024),
    (2048, 4096..=16_384, 1024),
    (4096, 8192..=30_720, 1024),
    (8192, 16_384..=61_440, 4096),
    (16_384, 32_768..=122_880, 8192),
];

pub(super) fn check(service: &str, cpu: u32, memory: u32) -> Result<(), RenderError> {
    let refuse = |allowed| RenderError::FargateSize {
        service: service.to_owned(),
        cpu,
        memory,
        allowed,
        next: next(cpu, memory).map_or_else(String::new, |(cpu, memory)| {
            format!("; the next that holds it is cpu {cpu} with memory {memory}")
        }),
    };
    let Some((_, range, step)) = SIZES.iter().find(|(units, ..)| *units == cpu) else {
        let units: Vec<String> = SIZES.iter().map(|(units, ..)| units.to_string()).collect();
        return Err(refuse(format!("cpu is one of {}", units.join(", "))));
    };
    // The smallest size doubles: 512, 1024, 2048.
    let (fits, allowed) = if *step == 0 {
        (
            [512, 1024, 2048].contains(&memory),
            "512, 1024 or 2048".to_owned(),
        )
    } else {
        let fits = range.contains(&memory) && (memory - range.start()).is_multiple_of(*step);
        (
            fits,
            format!("{} to {} in steps of {step}", range.start(), range.end()),
        )
    };
    if fits {
        Ok(())
    } else {
        Err(refuse(format!("with cpu {cpu}, memory is {allowed}")))
    }
}

/// The smallest size with at least so much of both.
fn next(cpu: u32, memory: u32) -> Option<(u32, u32)> {
    let mut sizes = SIZES.iter().filter(|(units, ..)| *units >= cpu);
    sizes.find_map(|(units, range, step)| {
        let mut memories: Box<dyn Iterator<Item = u32>> = match step {
            0 => Box::new([512, 1024, 2048].into_iter()),
            step => Box::new(range.clone().step_by(*step as usize)),
        };
        Some((*units, memories.find(|size| *size >= memory)?))
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
            (16_384, 122_881, None),
            (20_000, 512, None),
        ] {
            assert_eq!(next(cpu, memory), want, "{cpu}/{memory}");
            let holds = want.is_none_or(|(cpu, memory)| check("web", cpu, memory).is_ok());
            assert!(holds, "{cpu}/{memory}");
        }
        let message = check("web", 256, 4096).unwrap_err().to_string();
        assert!(
            message.contains("`web`") && message.contains("512, 1024 or 2048"),
            "{message}"
        );
    }
}
