//! Root certificates for images that bring none, as many slim ones do: Mozilla's list, of the day of the build.
//!
//! They are trusted besides those of the image, so that an image's own (`SSL_CERT_FILE`) still count.

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// All certificates in PEM, the form that the HTTP client takes.
pub fn pem() -> String {
    let mut pem = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        BASE64_STANDARD.encode_string(certificate, &mut pem);
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_is_there() {
        let count = pem().matches("-----BEGIN CERTIFICATE-----\nMII").count();
        assert_eq!(count, webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
        assert!(count > 50);
    }
}
