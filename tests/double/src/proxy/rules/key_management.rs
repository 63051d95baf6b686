//! KMS decrypts only what it encrypted, and only with the key that did.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::incoming::Incoming;
use super::super::{Refusal, Shared};
use super::text;

/// Notes which key made which ciphertext; `ReEncrypt` answers the new ciphertext's key.
pub(super) async fn answer(shared: &Shared, incoming: &Incoming) -> Result<Answer, Refusal> {
    if incoming.is("kms", "Decrypt") {
        check_decryption(shared, incoming).await?;
    }
    let answer = shared.upstream.forward(incoming).await;
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if let Some(ciphertext) = body["CiphertextBlob"].as_str() {
        let mut ciphertexts = shared.ciphertexts.lock().unwrap();
        ciphertexts.insert(ciphertext.to_owned(), text(&body, "KeyId").to_owned());
    }
    Ok(answer)
}

/// Source: facts/aws.md 8 (`InvalidCiphertextException`, `IncorrectKeyException`, `NotFoundException`; `KeyId` is
/// optional), facts/toolchain.md 1.2. `KeyId` may be an id, an ARN or an alias (KMS API reference, `Decrypt`).
async fn check_decryption(shared: &Shared, incoming: &Incoming) -> Result<(), Refusal> {
    let ciphertext = text(&incoming.body, "CiphertextBlob");
    let made_with = shared.ciphertexts.lock().unwrap().get(ciphertext).cloned();
    let Some(made_with) = made_with else {
        return Err(Refusal::new("InvalidCiphertextException", ""));
    };
    let Some(named) = incoming.body["KeyId"].as_str() else {
        return Ok(());
    };
    let question = json!({"KeyId": named});
    let key = shared
        .upstream
        .ask(incoming, "DescribeKey", &question)
        .await;
    match key["KeyMetadata"]["Arn"].as_str() {
        Some(arn) if arn == made_with => Ok(()),
        Some(_) => Err(Refusal::new(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )),
        None => Err(Refusal::new(
            "NotFoundException",
            format!("Key '{named}' does not exist"),
        )),
    }
}
