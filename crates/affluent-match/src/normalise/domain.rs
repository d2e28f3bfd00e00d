//! Internet domains of companies, from a site's address or an e-mail address.

use super::{Invalid, invalid, tidy};

/// Second levels under which names are registered, as in `acme.co.uk`.
const SECOND_LEVELS: &[&str] = &["ac", "asso", "co", "com", "edu", "gouv", "gov", "net", "ne", "or", "org"];

/// The registered domain: scheme, user, port, path, `www.` and further subdomains removed, lower case.
pub fn domain(raw: &str) -> Result<Option<String>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    let text = text.to_lowercase();
    let behind_scheme = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let authority = behind_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let labels: Vec<&str> = host.split('.').collect();
    if labels.len() < 2 {
        return invalid("domain without a top level");
    }
    let is_label = |label: &&str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if !labels.iter().all(is_label) {
        return invalid("malformed domain");
    }
    if labels[labels.len() - 1].chars().all(|c| c.is_ascii_digit()) {
        return invalid("an address in numbers is no domain");
    }
    let has_second_level =
        labels.len() > 2 && labels[labels.len() - 1].len() == 2 && SECOND_LEVELS.contains(&labels[labels.len() - 2]);
    let kept = if has_second_level { 3 } else { 2 };
    Ok(Some(labels[labels.len().saturating_sub(kept)..].join(".")))
}

#[cfg(test)]
mod tests {
    use super::domain;

    #[test]
    fn domains() {
        for (raw, want) in [
            ("https://www.Acme.fr/contact?x=1", Some("acme.fr")),
            ("acme.co.uk", Some("acme.co.uk")),
            ("http://shop.acme.co.uk:8080", Some("acme.co.uk")),
            ("paul@mail.acme.com", Some("acme.com")),
            ("localhost", None),
            ("192.168.1.1", None),
            ("ac me.fr", None),
        ] {
            assert_eq!(domain(raw).ok().flatten().as_deref(), want, "{raw}");
        }
    }
}
