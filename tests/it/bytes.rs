//! Everything that reads what users write is given any bytes, changed samples, and files that are made to take long: it reads or
//! refuses them, and twice the size takes about twice the effort. `tests/fuzz` has the same targets for cargo-fuzz.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{RngSeed, TestRunner};
use rig::{READERS, Reader, SHAPES, proof};

/// One change of a sample.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let odd = select(&b"\0\n\r\t :#\"'{}[],&*!|>%@`-?=$\\\x7f\xff\xc3"[..]);
    prop_oneof![
        3 => (any::<Index>(), prop_oneof![odd, any::<u8>()]).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (any::<Index>(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, size)| Edit::Remove(at, size)),
        1 => (any::<Index>(), 1..40_usize).prop_map(|(at, size)| Edit::Repeat(at, size)),
    ]
}

fn edited(sample: &str, edits: &[Edit]) -> Vec<u8> {
    let mut bytes = sample.as_bytes().to_vec();
    for edit in edits {
        let at = |index: &Index| index.index(bytes.len() + 1);
        match edit {
            Edit::Set(index, byte) => {
                let at = at(index);
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            Edit::Insert(index, added) => {
                let at = at(index);
                bytes.splice(at..at, added.iter().copied());
            }
            Edit::Remove(index, size) => {
                let at = at(index);
                let end = (at + size).min(bytes.len());
                bytes.drain(at..end);
            }
            Edit::Repeat(index, size) => {
                let at = at(index);
                let end = (at + size).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let mut told = Vec::new();
    for (name, read, cases, samples) in READERS {
        let changed = (select(samples), vec(edit(), 0..6));
        let changed = changed.prop_map(|(sample, edits)| edited(sample, &edits));
        let input = prop_oneof![4 => changed, 1 => vec(any::<u8>(), 0..200)];
        let mut runner = TestRunner::new(ProptestConfig {
            cases,
            rng_seed: match ProptestConfig::default().rng_seed {
                RngSeed::Random => RngSeed::Fixed(7), // PROPTEST_RNG_SEED tries others
                fixed @ RngSeed::Fixed(_) => fixed,
            },
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let outcome = runner.run(&input, |bytes| {
            read(&bytes);
            Ok(())
        });
        if let Err(err) = outcome {
            panic!("{name}: {err}");
        }
        told.push(format!("{cases} {name}"));
    }
    proof::covered(&format!("bytes: {} read or refused", told.join(", ")));
}

/// What one reading asks of the allocator: calls and bytes, the same on every machine however busy it is.
///
/// A buffer that grows is counted at each size, and whatever is copied for each repetition is counted each time, so effort
/// that grows with the square of the size shows here. `make bench` measures the time (`readers`).
fn effort(read: Reader, bytes: &[u8]) -> [u64; 2] {
    let counted = allocation_counter::measure(|| read(bytes));
    [counted.count_total, counted.bytes_total]
}

#[test]
fn twice_the_size_takes_about_twice_the_effort() {
    const LARGE: usize = 1 << 20;
    /// Four times the size takes sixteen times the effort where that is quadratic.
    const FACTOR: u64 = 6;
    /// What is allocated once, whatever the size.
    const NOTHING: [u64; 2] = [1_000, 1 << 18];
    let mut count = 0;
    for (name, read, _, samples) in READERS {
        for shape in SHAPES.iter().chain(samples) {
            let file = |size: usize| shape.repeat(size / shape.len());
            let small = effort(read, file(LARGE / 4).as_bytes());
            let large = effort(read, file(LARGE).as_bytes());
            count += 1;
            for of in 0..2 {
                assert!(
                    large[of] <= small[of] * FACTOR + NOTHING[of],
                    "{name}, `{shape}`: allocations and bytes {small:?} became {large:?}"
                );
            }
        }
    }
    proof::covered(&format!(
        "files of 1 MiB: {count} made of one shape each, no effort grows with the square of the size"
    ));
}
