//! KMS's rules.

use aws_sdk_kms::error::SdkError;
use aws_sdk_kms::operation::decrypt::{DecryptError, DecryptOutput};
use aws_sdk_kms::primitives::Blob;
use rig::World;

use super::code;

async fn decrypt(
    world: &World,
    ciphertext: &Blob,
    key: Option<&str>,
) -> Result<DecryptOutput, SdkError<DecryptError>> {
    let decrypt = world.kms.decrypt().ciphertext_blob(ciphertext.clone());
    decrypt.set_key_id(key.map(str::to_owned)).send().await
}

async fn another_key(world: &World) -> String {
    let created = world.kms.create_key().send().await.unwrap();
    created.key_metadata.unwrap().arn.unwrap()
}

#[tokio::test]
async fn kms_decrypts_only_what_it_encrypted() {
    let world = World::new().await;
    let generate = world.kms.generate_data_key().key_id(&world.key_arn);
    let generated = generate.number_of_bytes(32).send().await.unwrap();
    let ciphertext = generated.ciphertext_blob.unwrap();
    let opened = decrypt(&world, &ciphertext, None).await.unwrap();
    assert_eq!(opened.plaintext, generated.plaintext);
    let mut corrupted = ciphertext.into_inner();
    *corrupted.last_mut().unwrap() ^= 1;
    let refused = decrypt(&world, &Blob::new(corrupted), None).await;
    assert_eq!(code(refused), "InvalidCiphertextException");
}

#[tokio::test]
async fn kms_decrypts_only_with_the_key_that_encrypted_under_any_of_its_names() {
    let world = World::new().await;
    let other = another_key(&world).await;
    let alias = world.kms.create_alias().alias_name("alias/environment");
    alias.target_key_id(&world.key_arn).send().await.unwrap();
    let encrypt = world.kms.encrypt().key_id(&world.key_arn);
    let encrypted = encrypt.plaintext(Blob::new("plain")).send().await.unwrap();
    let ciphertext = encrypted.ciphertext_blob.unwrap();
    let (_, id) = world.key_arn.rsplit_once('/').unwrap();
    for key in [&world.key_arn, id, "alias/environment"] {
        let opened = decrypt(&world, &ciphertext, Some(key)).await;
        assert_eq!(opened.unwrap().plaintext, Some(Blob::new("plain")), "{key}");
    }
    let missing = id.replace(|digit: char| digit.is_ascii_digit(), "0");
    for (key, want) in [
        (other.as_str(), "IncorrectKeyException"),
        (&missing, "NotFoundException"),
        ("alias/none", "NotFoundException"),
    ] {
        let refused = decrypt(&world, &ciphertext, Some(key)).await;
        assert_eq!(code(refused), want, "{key}");
    }
}
