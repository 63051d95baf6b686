//! Convox's envelope around an environment: a KMS data key and a `NaCl` secretbox.
//!
//! Written here from Convox's format (`convox/rack:pkg/crypt/crypt.go`) and not shared with the product's reader, so
//! that both cannot be wrong together.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};

/// The object's bytes: `c`, `k` and `n` in base64.
pub(crate) async fn seal(kms: &Client, key_arn: &str, plain: &[u8]) -> Vec<u8> {
    let data_key = kms
        .generate_data_key()
        .key_id(key_arn)
        .number_of_bytes(32)
        .send()
        .await
        .expect("cannot generate a data key");
    let random = kms.generate_random().number_of_bytes(24).send().await;
    let nonce = random
        .expect("cannot generate a nonce")
        .plaintext
        .expect("KMS answers the random bytes")
        .into_inner();
    let secret = data_key.plaintext.expect("KMS answers the key");
    let cipher = XSalsa20Poly1305::new(Key::from_slice(secret.as_ref()));
    let sealed = cipher
        .encrypt(Nonce::from_slice(&nonce), plain)
        .expect("an environment can be sealed");
    let wrapped = data_key.ciphertext_blob.unwrap_or_else(|| Blob::new([]));
    let fields = [&sealed, wrapped.as_ref(), &nonce].map(|bytes| STANDARD.encode(bytes));
    let [c, k, n] = fields;
    format!(r#"{{"c":"{c}","k":"{k}","n":"{n}"}}"#).into_bytes()
}
