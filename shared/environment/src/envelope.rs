//! Form 3: Convox's envelope, an object of `c`, `k` and `n` around one of the other forms.
//!
//! Source: `convox/rack:pkg/crypt/crypt.go`. A KMS data key and `secretbox` (XSalsa20-Poly1305, tag first).

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crypto_secretbox::aead::{AeadInPlace as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use zeroize::Zeroizing;

use super::json::Members;
use super::{EnvironmentError, ReadEnvironment, read::read_opened};

const DATA_KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// An encrypted environment object.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    ciphertext: Vec<u8>,
    encrypted_data_key: Vec<u8>,
    nonce: [u8; NONCE_BYTES],
}

impl Envelope {
    /// What KMS decrypts to the data key that [`Envelope::open`] takes.
    #[must_use]
    pub fn encrypted_data_key(&self) -> &[u8] {
        &self.encrypted_data_key
    }

    /// Decrypts the envelope and reads what is in it: lines or a JSON object.
    ///
    /// # Errors
    ///
    /// [`EnvironmentError`] when the data key is not the envelope's, or for what it holds.
    pub fn open(&self, data_key: &[u8]) -> Result<ReadEnvironment, EnvironmentError> {
        if data_key.len() != DATA_KEY_BYTES {
            let length = data_key.len();
            return Err(EnvironmentError::DataKeyLength { length });
        }
        let mut content = Zeroizing::new(self.ciphertext.clone());
        XSalsa20Poly1305::new(Key::from_slice(data_key))
            .decrypt_in_place(Nonce::from_slice(&self.nonce), b"", &mut *content)
            .map_err(|_| EnvironmentError::Unopenable)?;
        read_opened(&content)
    }

    /// Encrypts `content` with `data_key`, which KMS has encrypted to `encrypted_data_key`; no nonce may come twice with one key.
    ///
    /// # Errors
    ///
    /// [`EnvironmentError::DataKeyLength`] when the data key has another length than these have.
    pub fn seal(
        content: &[u8],
        (data_key, encrypted_data_key): (&[u8], &[u8]),
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Self, EnvironmentError> {
        if data_key.len() != DATA_KEY_BYTES {
            let length = data_key.len();
            return Err(EnvironmentError::DataKeyLength { length });
        }
        let mut ciphertext = content.to_vec();
        XSalsa20Poly1305::new(Key::from_slice(data_key))
            .encrypt_in_place(Nonce::from_slice(&nonce), b"", &mut ciphertext)
            .map_err(|_| EnvironmentError::Unopenable)?;
        Ok(Self {
            ciphertext,
            encrypted_data_key: encrypted_data_key.to_vec(),
            nonce,
        })
    }

    /// The object that [`crate::read`] takes for this envelope.
    #[must_use]
    pub fn to_object(&self) -> Vec<u8> {
        let [c, k, n] = [&self.ciphertext[..], &self.encrypted_data_key, &self.nonce]
            .map(|bytes| BASE64_STANDARD.encode(bytes));
        format!(r#"{{"c":"{c}","k":"{k}","n":"{n}"}}"#).into_bytes()
    }

    pub(super) fn is_envelope(members: &Members) -> bool {
        members.keys().eq(["c", "k", "n"])
    }

    pub(super) fn parse(members: &Members) -> Result<Self, EnvironmentError> {
        let ciphertext = decode(members, "c")?;
        if ciphertext.len() < TAG_BYTES {
            return Err(field("c", "is shorter than its 16-byte tag"));
        }
        let encrypted_data_key = decode(members, "k")?;
        if encrypted_data_key.is_empty() {
            return Err(field("k", "is empty"));
        }
        let nonce = decode(members, "n")?;
        Ok(Self {
            ciphertext,
            encrypted_data_key,
            nonce: nonce
                .try_into()
                .map_err(|_| field("n", "does not have 24 bytes"))?,
        })
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope").finish_non_exhaustive()
    }
}

fn decode(members: &Members, name: &'static str) -> Result<Vec<u8>, EnvironmentError> {
    let text = members.get(name).map_or("", |member| member.value.expose());
    BASE64_STANDARD
        .decode(text)
        .map_err(|_| field(name, "is not standard base64"))
}

fn field(field: &'static str, problem: &'static str) -> EnvironmentError {
    EnvironmentError::EnvelopeField { field, problem }
}

#[cfg(test)]
mod tests {
    use super::super::{EnvironmentObject, read};
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_with_its_key_alone() {
        let (key, nonce) = ([7; DATA_KEY_BYTES], [1; NONCE_BYTES]);
        let sealed = Envelope::seal(b"A=canary\n", (&key, b"encrypted"), nonce).unwrap();
        let object = sealed.to_object();
        assert!(!String::from_utf8_lossy(&object).contains("canary"));
        let EnvironmentObject::Sealed(envelope) = read(&object).unwrap() else {
            panic!("no envelope");
        };
        assert_eq!(envelope.encrypted_data_key(), b"encrypted");
        let opened = envelope.open(&key).unwrap().environment;
        assert_eq!(opened.get("A").unwrap().expose(), "canary");
        let other = envelope.open(&[8; DATA_KEY_BYTES]);
        assert_eq!(other, Err(EnvironmentError::Unopenable));
        let short = Envelope::seal(b"", (&key[1..], b"k"), nonce);
        assert_eq!(short, Err(EnvironmentError::DataKeyLength { length: 31 }));
    }
}
