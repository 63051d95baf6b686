//! Convox's envelope around an environment: a KMS data key and a `NaCl` secretbox.
//!
//! Written here from Convox's format (`convox/rack:pkg/crypt/crypt.go`) and not shared with the product's reader, so
//! that both cannot be wrong together.

use std::process::Stdio;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::tools;

/// What libsodium makes of a key, a nonce and a text, each in base64 on a line of standard input.
const LIBSODIUM: &str = "
import base64, sys
from nacl.secret import SecretBox
key, nonce, plain = (base64.b64decode(line) for line in sys.stdin.read().split('\\n'))
print(base64.b64encode(SecretBox(key).encrypt(plain, nonce).ciphertext).decode(), end='')
";

/// The same envelope by an implementation that is nobody's here: libsodium's.
pub(crate) async fn seal_with_libsodium(kms: &Client, key_arn: &str, plain: &[u8]) -> Vec<u8> {
    let generated = kms.generate_data_key().key_id(key_arn).number_of_bytes(32);
    let data_key = generated.send().await.expect("cannot generate a data key");
    let nonce = [7; 24]; // a key of its own for each envelope, so one nonce is as good as another
    let secret = data_key.plaintext.expect("KMS answers the key");
    let lines = [secret.as_ref(), &nonce, plain].map(|bytes| STANDARD.encode(bytes));
    let mut python = Command::new(tools::python());
    let mut sealing = python
        .args(["-c", LIBSODIUM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cannot start Python");
    let mut input = sealing.stdin.take().expect("it is piped");
    let written = input.write_all(lines.join("\n").as_bytes()).await;
    written.expect("Python reads its input");
    drop(input);
    let sealed = sealing.wait_with_output().await.expect("Python ends");
    assert!(sealed.status.success(), "PyNaCl is missing: `make tools`");
    let sealed = String::from_utf8(sealed.stdout).expect("base64 is text");
    let wrapped = data_key.ciphertext_blob.unwrap_or_else(|| Blob::new([]));
    let (k, n) = (STANDARD.encode(wrapped), STANDARD.encode(nonce));
    format!(r#"{{"c":"{sealed}","k":"{k}","n":"{n}"}}"#).into_bytes()
}

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
