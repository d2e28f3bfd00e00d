//! Claims signed by RS256, in exchange for which a server gives a token.
//!
//! The claims are those of RFC 7523, section 3, and `scope`, which Google asks for among them
//! (<https://developers.google.com/identity/protocols/oauth2/service-account#httprest>).

use affluent_spec::Name;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::SourceError;

/// How long a claim holds, in seconds. Salesforce takes none that holds for longer
/// (<https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm>).
const HOLDS: i64 = 180;

/// Who signs, for whom.
pub(super) struct Signer {
    key: KeyPair,
    issuer: String,
    subject: Option<String>,
    audience: String,
    scope: Option<String>,
}

impl Signer {
    /// Signs with the key in the value of that setting.
    pub(super) fn new(
        setting: &Name,
        key: &SecretString,
        issuer: String,
        subject: Option<String>,
        audience: String,
        scope: Option<String>,
    ) -> Result<Self, SourceError> {
        let key = key_pair(key).map_err(|what| {
            SourceError::credentials("", format!("setting `{setting}`: {what}"))
                .with_hint("give the whole text from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----")
        })?;
        Ok(Self { key, issuer, subject, audience, scope })
    }

    /// A claim that holds from `now` on, in seconds since 1970.
    pub(super) fn assertion(&self, now: i64) -> Result<SecretString, SourceError> {
        let mut claims = json!({ "iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + HOLDS });
        for (name, value) in [("sub", &self.subject), ("scope", &self.scope)] {
            if let Some(value) = value {
                claims[name] = value.as_str().into();
            }
        }
        let head = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| SourceError::credentials("", "the private key cannot sign"))?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

/// The key in a PEM text; where a line break had to be written as `\n`, as in many environment variables, it is one.
fn key_pair(pem: &SecretString) -> Result<KeyPair, String> {
    let text = SecretString::from(pem.expose_secret().replace("\\n", "\n"));
    let der = PrivateKeyDer::from_pem_slice(text.expose_secret().as_bytes())
        .map_err(|_| "there is no private key in PEM".to_owned())?;
    match &der {
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err("this is no RSA key".to_owned()),
    }
    .map_err(|fault| format!("this is no RSA key of 2048 to 4096 bits: {fault}"))
}

#[cfg(test)]
mod tests {
    use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    /// Made for these tests, and good for nothing else.
    const KEY: &str = include_str!("../../../tests/http/key.pem");

    fn signer(key: &str) -> Signer {
        Signer {
            key: key_pair(&key.to_owned().into()).unwrap(),
            issuer: "robot@example.com".into(),
            subject: None,
            audience: "https://a.example/token".into(),
            scope: Some("read".into()),
        }
    }

    #[test]
    fn what_is_signed_is_what_the_server_reads() {
        for key in [KEY.to_owned(), KEY.replace('\n', "\\n")] {
            let signer = signer(&key);
            let assertion = signer.assertion(1_700_000_000).unwrap();
            let parts: Vec<&str> = assertion.expose_secret().split('.').collect();
            let [head, claims, signature] = parts[..] else { unreachable!("{parts:?}") };
            let read = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.key.public_key());
            public.verify(format!("{head}.{claims}").as_bytes(), &read(signature)).unwrap();
            let json: serde_json::Value = serde_json::from_slice(&read(claims)).unwrap();
            let expected = json!({
                "iss": "robot@example.com", "aud": "https://a.example/token",
                "iat": 1_700_000_000, "exp": 1_700_000_180, "scope": "read",
            });
            assert_eq!(json, expected);
            assert_eq!(read(head), br#"{"alg":"RS256","typ":"JWT"}"#);
        }
    }

    #[test]
    fn what_is_no_key_is_told_without_showing_it() {
        for text in ["hunter2", &KEY[..200], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let told = key_pair(&text.to_owned().into()).err().unwrap();
            assert!(told.contains("key") && !told.contains("hunter2"), "{told}");
        }
    }
}
