//! An environment object of any bytes, lines, JSON or envelope, is read or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use environment::{EnvironmentObject, read};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(EnvironmentObject::Sealed(envelope)) = read(bytes) {
        let _ = envelope.open(&[0; 32]);
    }
});
