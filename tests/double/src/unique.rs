//! Names and numbers that no other test has.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random number; the standard library seeds every `RandomState` anew.
#[must_use]
pub fn number() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Twelve decimal digits, never with a leading zero: the form of an AWS account id.
#[must_use]
pub fn account() -> String {
    (100_000_000_000 + number() % 900_000_000_000).to_string()
}

/// `length` characters of a-z and 0-9.
#[must_use]
pub fn word(length: usize) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..length)
        .map(|_| char::from(DIGITS[(number() % 36) as usize]))
        .collect()
}

/// 32 hexadecimal digits in the groups of a UUID.
#[must_use]
pub fn uuid() -> String {
    let (high, low) = (number(), number());
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
