//! KMS refuses what it did not encrypt; the emulator decrypts a corrupted ciphertext.

use serde_json::Value;

use super::super::answer::{self, Answer};
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};

/// Source: facts/aws.md 8 (`InvalidCiphertextException`), facts/toolchain.md 1.2.
pub(super) async fn answer(shared: &Shared, incoming: &Incoming) -> Answer {
    if incoming.is("kms", "Decrypt") {
        let ciphertext = incoming.body["CiphertextBlob"].as_str().unwrap_or_default();
        if !shared.ciphertexts.lock().unwrap().contains(ciphertext) {
            return answer::json(Err(Refusal::new("InvalidCiphertextException", "")));
        }
    }
    let answer = shared.upstream.forward(incoming).await;
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if let Some(ciphertext) = body["CiphertextBlob"].as_str() {
        let mut ciphertexts = shared.ciphertexts.lock().unwrap();
        ciphertexts.insert(ciphertext.to_owned());
    }
    answer
}
