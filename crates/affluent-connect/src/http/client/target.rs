//! Where requests go: targets and redirects stay on their server, since the token goes with them.

use reqwest::redirect;
use url::Url;

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

/// The URL of a target: a path under the base, or a URL that must be on the base's origin.
pub(super) fn resolve(base: &str, target: &str) -> Result<Url, SourceError> {
    let root = Url::parse(base).map_err(|_| SourceError::usage(base, "this is no URL"))?;
    let place = without_query(target);
    let invalid = || SourceError::failed(place, "this is no URL of the server");
    if target.contains("://") {
        let url = Url::parse(target).map_err(|_| invalid())?;
        if url.origin() != root.origin() {
            return Err(SourceError::failed(
                place,
                format!("the next page is not on {base}, and the token goes nowhere else"),
            ));
        }
        return Ok(url);
    }
    // A server behind a path prefix may give its own paths with or without it.
    let prefix = root.path().trim_end_matches('/');
    let whole = !prefix.is_empty() && target.starts_with(&format!("{prefix}/"));
    if whole {
        root.join(target).map_err(|_| invalid())
    } else {
        Url::parse(&format!("{base}{target}")).map_err(|_| invalid())
    }
}

/// The token's URL, which may be on a host of its own.
pub(super) fn resolve_token(base: &str, target: &str) -> Result<Url, SourceError> {
    if target.contains("://") {
        return Url::parse(target).map_err(|_| SourceError::usage(target, "this is no URL"));
    }
    resolve(base, target)
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
        ] {
            assert_eq!(resolve(base, target).unwrap().as_str(), url);
        }
        for target in ["https://b.com/x", "http://a.com/x", "https://a.com:444/x"] {
            assert!(resolve("https://a.com", target).is_err(), "{target}");
        }
    }
}
