//! A convox.yml of any bytes, with a value that it can interpolate, is read or refused in words.

#![no_main]

use libfuzzer_sys::fuzz_target;
use environment::EnvKey;

fuzz_target!(|input: (&str, &[u8])| {
    let (value, text) = input;
    let key = EnvKey::new("V").into_iter();
    let environment = key.map(|key| (key, value.to_owned().into())).collect();
    match manifest::load("convox.yml", text, &environment) {
        Ok(manifest) => manifest.timers.iter().for_each(|timer| drop(timer.cron())),
        Err(error) => drop(error.to_string()),
    }
});
