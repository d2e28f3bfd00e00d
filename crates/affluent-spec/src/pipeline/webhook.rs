//! How a webhook proves who sent it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Period;
use crate::setting::Secret;

/// How a request proves that the vendor sent it. Without proof anybody who knows the address can write into bronze, so that
/// `none` must be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Signature {
    /// `HubSpot`'s signature, version 3: <https://developers.hubspot.com/docs/api/webhooks/validating-requests>.
    HubspotV3(HubspotV3),
    /// Stripe's: <https://docs.stripe.com/webhooks#verify-manually>.
    Stripe(Stripe),
    /// A keyed hash (HMAC, RFC 2104) of the body in a header, as GitHub, Shopify and many others send it.
    Hmac(Hmac),
    /// None: whoever reaches the address may send.
    None,
}

/// `HubSpot`'s signature, version 3: it covers method, address, body and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HubspotV3 {
    /// The app's client secret, as `{ env: NAME }` or `{ file: PATH }`.
    pub secret: Secret,
    /// The public address that is given to `HubSpot`, `https://hooks.acme.com/hubspot`: it is part of what is signed.
    pub url: String,
    /// How old a request may be. 5m unless given.
    #[serde(default = "five_minutes")]
    pub tolerance: Period,
}

/// Stripe's signature: it covers body and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stripe {
    /// The endpoint's signing secret (`whsec_...`), as `{ env: NAME }` or `{ file: PATH }`.
    pub secret: Secret,
    /// How old a request may be. 5m unless given.
    #[serde(default = "five_minutes")]
    pub tolerance: Period,
}

/// A keyed hash of the body in a header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hmac {
    /// The header that holds it.
    pub header: String,
    /// The key, as `{ env: NAME }` or `{ file: PATH }`.
    pub secret: Secret,
    /// The hash. `sha256` unless given.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the hash is written. `hex` unless given.
    #[serde(default)]
    pub encoding: Encoding,
    /// What stands before it in the header, `sha256=` for instance.
    #[serde(default)]
    pub prefix: String,
}

/// Hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-1, for vendors that have nothing better.
    Sha1,
    /// SHA-512.
    Sha512,
}

/// How bytes are written as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal digits.
    #[default]
    Hex,
    /// Base 64.
    Base64,
}

fn five_minutes() -> Period {
    Period { seconds: 300 }
}

impl Signature {
    /// The secret, where there is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::HubspotV3(HubspotV3 { secret, .. })
            | Self::Stripe(Stripe { secret, .. })
            | Self::Hmac(Hmac { secret, .. }) => Some(secret),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Pipeline;
    use crate::read;

    fn pipeline(signature: &str) -> String {
        format!(
            "pipeline: p\nlake: ./lake\nsources:\n  hooks:\n    connector: webhooks\n    streams:\n      \
             events: {{ path: /e, id: [id], events: data, signature: {signature} }}\n"
        )
    }

    #[test]
    fn reads_every_kind_with_its_defaults() {
        for (text, tolerance) in [
            ("none", None),
            ("{ stripe: { secret: { env: S } } }", Some(300)),
            ("{ hubspot_v3: { secret: { env: S }, url: \"https://a.com/e\", tolerance: 1m } }", Some(60)),
            ("{ hmac: { header: X-Sig, secret: { file: s }, algorithm: sha1, encoding: base64, prefix: x= } }", None),
        ] {
            let read = read::<Pipeline>("p.yaml", &pipeline(text)).unwrap_or_else(|p| unreachable!("{p:#?}"));
            let signature = read.value.sources["hooks"].streams["events"].signature.clone().unwrap();
            assert_eq!(signature.secret().is_none(), text == "none");
            let found = match signature {
                Signature::HubspotV3(of) => Some(of.tolerance.seconds),
                Signature::Stripe(of) => Some(of.tolerance.seconds),
                _ => None,
            };
            assert_eq!(found, tolerance, "{text}");
        }
    }

    #[test]
    fn tells_faults_where_they_stand() {
        for (text, told) in [
            ("nobody", "`nobody` is not one of the words"),
            ("{ strip: { secret: { env: S } } }", "unknown key `strip`"),
            ("{ stripe: { secret: whsec_1 } }", "expected"),
            ("{ hmac: { secret: { env: S } } }", "`header` is missing"),
            ("{ hmac: { header: X, secret: { env: S }, algorithm: md5 } }", "`md5`"),
        ] {
            let problems = read::<Pipeline>("p.yaml", &pipeline(text)).map(|_| ()).unwrap_err();
            assert!(problems.iter().any(|problem| problem.message.contains(told)), "{text}: {problems:#?}");
            assert!(problems.iter().all(|problem| problem.span.line == 7), "{problems:#?}");
        }
    }
}
