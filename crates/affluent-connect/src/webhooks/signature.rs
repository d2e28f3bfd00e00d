//! Whether a request was signed by whom it should be, compared in constant time.

use affluent_spec::pipeline::{Algorithm, Encoding, Signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderMap;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// What is known of a request when its signature is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// The query as it was sent.
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    /// Milliseconds since 1970.
    pub(super) now_ms: i64,
}

/// A signature's rule with its key.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    rule: Signature,
    key: Option<hmac::Key>,
}

impl Verifier {
    /// The rule with its secret's text.
    pub(super) fn new(rule: &Signature, secret: Option<&SecretString>) -> Self {
        let algorithm = match rule {
            Signature::Hmac(of) => match of.algorithm {
                Algorithm::Sha256 => hmac::HMAC_SHA256,
                Algorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                Algorithm::Sha512 => hmac::HMAC_SHA512,
            },
            _ => hmac::HMAC_SHA256,
        };
        let key = secret.map(|secret| hmac::Key::new(algorithm, secret.expose_secret().as_bytes()));
        Self { rule: rule.clone(), key }
    }

    /// Why a request is refused; the reason is for the log and the answer and tells nothing of the secret.
    pub(super) fn refuses(&self, request: &Signed<'_>) -> Option<&'static str> {
        let rule = match &self.rule {
            Signature::None => return None,
            rule => rule,
        };
        let Some(key) = &self.key else { return Some("there is no key") };
        match rule {
            Signature::None => None,
            Signature::Hmac(of) => {
                let Some(text) = header(request, &of.header).and_then(|text| text.strip_prefix(of.prefix.as_str()))
                else {
                    return Some("the signature's header is missing");
                };
                verdict(decoded(text, of.encoding).is_some_and(|tag| is_by(key, &[request.body], &tag)))
            }
            Signature::Stripe(of) => {
                let Some(text) = header(request, "stripe-signature") else {
                    return Some("the signature's header is missing");
                };
                let mut time = None;
                let mut tags = Vec::new();
                for part in text.split(',') {
                    match part.trim().split_once('=') {
                        Some(("t", value)) => time = Some(value),
                        Some(("v1", value)) => tags.extend(decoded(value, Encoding::Hex)),
                        _ => {}
                    }
                }
                let Some(time) = time else { return Some("the signature has no time") };
                let seconds = time.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
                if !is_recent(seconds, request.now_ms, of.tolerance.seconds) {
                    return Some("the request is too old");
                }
                let parts = [time.as_bytes(), b".", request.body];
                verdict(tags.iter().any(|tag| is_by(key, &parts, tag)))
            }
            Signature::HubspotV3(of) => {
                let (Some(text), Some(time)) =
                    (header(request, "x-hubspot-signature-v3"), header(request, "x-hubspot-request-timestamp"))
                else {
                    return Some("the signature's headers are missing");
                };
                if !is_recent(time.parse().ok(), request.now_ms, of.tolerance.seconds) {
                    return Some("the request is too old");
                }
                let Some(tag) = decoded(text, Encoding::Base64) else { return Some("the signature is wrong") };
                let uri = uri(&of.url, request.query);
                let parts = [request.method.as_bytes(), uri.as_bytes(), request.body, time.as_bytes()];
                verdict(is_by(key, &parts, &tag))
            }
        }
    }
}

fn verdict(good: bool) -> Option<&'static str> {
    if good { None } else { Some("the signature is wrong") }
}

fn header<'a>(request: &Signed<'a>, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

fn decoded(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => hex::decode(text.trim()).ok(),
        Encoding::Base64 => STANDARD.decode(text.trim()).ok(),
    }
}

/// Whether `tag` is the keyed hash of the parts together; takes as long for a wrong one as for the right one.
fn is_by(key: &hmac::Key, parts: &[&[u8]], tag: &[u8]) -> bool {
    hmac::verify(key, &parts.concat(), tag).is_ok()
}

/// Whether a time is no further from now than the tolerance; clocks may differ both ways.
fn is_recent(ms: Option<i64>, now_ms: i64, tolerance_seconds: u64) -> bool {
    ms.is_some_and(|ms| ms.abs_diff(now_ms) <= tolerance_seconds.saturating_mul(1000))
}

/// The address as `HubSpot` signs it: the public one, with the query that was sent, some characters of it decoded
/// (<https://developers.hubspot.com/docs/api/webhooks/validating-requests>).
fn uri(url: &str, query: Option<&str>) -> String {
    const DECODED: [(&str, &str); 12] = [
        ("%3A", ":"),
        ("%2F", "/"),
        ("%3F", "?"),
        ("%40", "@"),
        ("%21", "!"),
        ("%24", "$"),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%2A", "*"),
        ("%2C", ","),
        ("%3B", ";"),
    ];
    let Some(query) = query else { return url.to_owned() };
    let base = url.split('?').next().unwrap_or(url);
    let query = DECODED.iter().fold(query.to_owned(), |query, (code, sign)| {
        query.replace(code, sign).replace(&code.to_ascii_lowercase(), sign)
    });
    format!("{base}?{query}")
}

#[cfg(test)]
mod tests {
    use affluent_spec::Secret;
    use affluent_spec::pipeline::{Hmac, HubspotV3, Period, Stripe};

    use super::*;

    const BODY: &[u8] = br#"{"action":"opened"}"#;
    const NOW: i64 = 1_700_000_000_000;

    fn secret() -> Secret {
        Secret::Env("S".to_owned())
    }

    fn refusal(rule: Signature, headers: &[(&'static str, String)], query: Option<&str>) -> Option<&'static str> {
        let verifier = Verifier::new(&rule, Some(&SecretString::from("It's a Secret to Everybody")));
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        verifier.refuses(&Signed { method: "POST", query, headers: &headers, body: BODY, now_ms: NOW })
    }

    fn tag(algorithm: hmac::Algorithm, parts: &[&[u8]]) -> Vec<u8> {
        hmac::sign(&hmac::Key::new(algorithm, b"It's a Secret to Everybody"), &parts.concat()).as_ref().to_vec()
    }

    #[test]
    fn githubs_published_example_is_right() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
        let rule = Signature::Hmac(Hmac {
            header: "X-Hub-Signature-256".to_owned(),
            secret: secret(),
            algorithm: Algorithm::Sha256,
            encoding: Encoding::Hex,
            prefix: "sha256=".to_owned(),
        });
        let headers = HeaderMap::from_iter([(
            "x-hub-signature-256".parse().unwrap(),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17".parse().unwrap(),
        )]);
        let verifier = Verifier::new(&rule, Some(&SecretString::from("It's a Secret to Everybody")));
        let signed = |body| Signed { method: "POST", query: None, headers: &headers, body, now_ms: NOW };
        assert_eq!(verifier.refuses(&signed(b"Hello, World!")), None);
        assert_eq!(verifier.refuses(&signed(b"Hello, World?")), Some("the signature is wrong"));
    }

    #[test]
    fn other_hashes_and_encodings() {
        for (algorithm, of) in [
            (Algorithm::Sha1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            (Algorithm::Sha512, hmac::HMAC_SHA512),
            (Algorithm::Sha256, hmac::HMAC_SHA256),
        ] {
            let rule = |prefix: &str| {
                Signature::Hmac(Hmac {
                    header: "X-Shopify-Hmac-Sha256".to_owned(),
                    secret: secret(),
                    algorithm,
                    encoding: Encoding::Base64,
                    prefix: prefix.to_owned(),
                })
            };
            let sent = [("x-shopify-hmac-sha256", STANDARD.encode(tag(of, &[BODY])))];
            assert_eq!(refusal(rule(""), &sent, None), None);
            assert_eq!(refusal(rule("x="), &sent, None), Some("the signature's header is missing"));
            assert_eq!(refusal(rule(""), &[], None), Some("the signature's header is missing"));
            let wrong = [("x-shopify-hmac-sha256", "not base 64 !".to_owned())];
            assert_eq!(refusal(rule(""), &wrong, None), Some("the signature is wrong"));
        }
    }

    #[test]
    fn stripes_signature_holds_for_its_time() {
        let rule = || Signature::Stripe(Stripe { secret: secret(), tolerance: Period { seconds: 300 } });
        let sent = |time: i64, signed: i64| {
            let tag = hex::encode(tag(hmac::HMAC_SHA256, &[signed.to_string().as_bytes(), b".", BODY]));
            // While a secret is rolled there are two; v0 is for tests.
            [("stripe-signature", format!("t={time},v1={},v1={tag},v0=ab", "0".repeat(64)))]
        };
        let now = NOW / 1000;
        assert_eq!(refusal(rule(), &sent(now, now), None), None);
        assert_eq!(refusal(rule(), &sent(now - 300, now - 300), None), None);
        assert_eq!(refusal(rule(), &sent(now - 301, now - 301), None), Some("the request is too old"));
        assert_eq!(refusal(rule(), &sent(now, now - 301), None), Some("the signature is wrong"));
        let none = [("stripe-signature", format!("v1={}", "0".repeat(64)))];
        assert_eq!(refusal(rule(), &none, None), Some("the signature has no time"));
        let absurd = [("stripe-signature", format!("t={},v1=00", i64::MAX))];
        assert_eq!(refusal(rule(), &absurd, None), Some("the request is too old"));
    }

    #[test]
    fn hubspots_signature_covers_the_address() {
        let rule = || {
            Signature::HubspotV3(HubspotV3 {
                secret: secret(),
                url: "https://hooks.acme.com/hubspot?a=b".to_owned(),
                tolerance: Period { seconds: 300 },
            })
        };
        let sent = |uri: &str, time: i64| {
            let time = time.to_string();
            let tag = tag(hmac::HMAC_SHA256, &[b"POST", uri.as_bytes(), BODY, time.as_bytes()]);
            [("x-hubspot-signature-v3", STANDARD.encode(tag)), ("x-hubspot-request-timestamp", time)]
        };
        assert_eq!(refusal(rule(), &sent("https://hooks.acme.com/hubspot?a=b", NOW), None), None);
        let decoded = sent("https://hooks.acme.com/hubspot?m=a@b.c%20d", NOW);
        assert_eq!(refusal(rule(), &decoded, Some("m=a%40b.c%20d")), None);
        let other = sent("https://hooks.acme.com/other", NOW);
        assert_eq!(refusal(rule(), &other, None), Some("the signature is wrong"));
        let old = sent("https://hooks.acme.com/hubspot?a=b", NOW - 300_001);
        assert_eq!(refusal(rule(), &old, None), Some("the request is too old"));
        assert_eq!(refusal(rule(), &[], None), Some("the signature's headers are missing"));
    }
}
