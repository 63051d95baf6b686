//! A text is a reference to a secret, or the ARN of an environment file, or neither; what is read is written the same way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use names::environment_file::EnvironmentFile;
use names::secret_reference::SecretReference;

fuzz_target!(|text: &str| {
    if let Ok(reference) = SecretReference::parse(text) {
        assert_eq!(SecretReference::parse(&reference.to_string()), Ok(reference));
    }
    let _ = EnvironmentFile::parse(text);
});
