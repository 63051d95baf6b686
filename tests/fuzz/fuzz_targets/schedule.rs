//! A schedule of any text is accepted or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use manifest::schedule::aws_cron;

fuzz_target!(|schedule: &str| {
    let _ = aws_cron(schedule);
});
