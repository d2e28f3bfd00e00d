//! Where requests go: targets and redirects stay on their server, since the token goes with them.

use reqwest::redirect;
use url::{Host, Url};

use crate::SourceError;

/// Redirects are followed on the same origin only: the token goes nowhere else.
pub(super) fn within_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let home = attempt.previous().first().map(Url::origin);
    if attempt.previous().len() > 5 {
        attempt.error("more than five redirects")
    } else if home.is_some_and(|home| home == attempt.url().origin()) {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// The URL of a target, a path under the base or a URL; always one of the base's origin.
pub(super) fn resolve(base: &str, target: &str) -> Result<Url, SourceError> {
    let root = Url::parse(base).map_err(|_| SourceError::usage(base, "this is no URL"))?;
    // A server behind a path prefix may give its own paths with or without it.
    let prefix = root.path().trim_end_matches('/');
    let whole = !prefix.is_empty() && target.starts_with(&format!("{prefix}/"));
    let url = match Url::parse(target) {
        Err(_) if whole => root.join(target),
        Err(_) => Url::parse(&format!("{base}{target}")),
        url => url,
    };
    let place = without_query(target);
    let url = url.map_err(|_| SourceError::failed(place, "this is no URL of the server"))?;
    // Whatever the text was made of, the host that it names is the one that the token is for.
    if url.origin() != root.origin() {
        let what = format!("the next page is not on {base}, and the token goes nowhere else");
        return Err(SourceError::failed(place, what));
    }
    Ok(url)
}

/// The token's URL, which may be on a host of its own.
pub(super) fn resolve_token(base: &str, target: &str) -> Result<Url, SourceError> {
    Url::parse(target).or_else(|_| resolve(base, target))
}

/// Whether a token may be sent to that base URL: encrypted, or not off this machine.
pub(crate) fn is_safe(base: &str) -> bool {
    Url::parse(base).is_ok_and(|url| match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(ip))) => ip.is_loopback(),
        ("http", Some(Host::Ipv6(ip))) => ip.is_loopback(),
        _ => false,
    })
}

/// The part of a target that may be shown: its query may hold what nobody should see.
pub(super) fn without_query(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_stay_on_their_server() {
        for (base, target, url) in [
            ("https://a.com", "/x", "https://a.com/x"),
            ("http://a.com:8/hub", "/x", "http://a.com:8/hub/x"),
            ("http://a.com:8/hub", "/hub/x?y=1", "http://a.com:8/hub/x?y=1"),
            ("http://a.com/hub", "/hubs/x", "http://a.com/hub/hubs/x"),
            ("https://a.com", "https://a.com/x?y=1", "https://a.com/x?y=1"),
            ("https://a.com", "/x?back=https://b.com/", "https://a.com/x?back=https://b.com/"),
        ] {
            assert_eq!(resolve(base, target).unwrap().as_str(), url);
        }
        for target in [
            "https://b.com/x",
            "http://a.com/x",
            "https://a.com:444/x",
            ".b.com/x",
            "@b.com/x",
            ":444/x",
            "x",
            "mailto:x@a.com",
        ] {
            assert!(resolve("https://a.com", target).is_err(), "{target}");
        }
    }

    #[test]
    fn tokens_are_sent_encrypted_or_to_this_machine() {
        for base in ["https://a.com/x", "http://127.0.0.1:8080", "http://[::1]/", "http://localhost:1"] {
            assert!(is_safe(base), "{base}");
        }
        for base in ["http://a.com", "http://10.0.0.1", "http://localhost.a.com", "ftp://a.com", "a.com", "https:", ""]
        {
            assert!(!is_safe(base), "{base}");
        }
    }
}
