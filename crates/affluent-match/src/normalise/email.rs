//! E-mail addresses: checked, lower case, with a key under which aliases of one box are equal.

use email_address::{EmailAddress, Options};

use super::{Invalid, invalid, tidy};

/// A valid address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The address, lower case.
    pub address: String,
    /// The same without what the provider ignores: `+tag`, and dots at Gmail. For comparison only.
    pub key: String,
    /// What stands behind the `@`.
    pub domain: String,
}

/// Reads an address, also as `mailto:a@b.c` or `Name <a@b.c>`. Syntax as in RFC 5322 without comments, with a top-level
/// domain; quoted local parts and address literals are refused.
pub fn email(raw: &str) -> Result<Option<Email>, Invalid> {
    let Some(text) = tidy(raw) else { return Ok(None) };
    let text = text.to_lowercase();
    let inner = match (text.rfind('<'), text.rfind('>')) {
        (Some(from), Some(to)) if from < to => &text[from + 1..to],
        _ => text.as_str(),
    };
    let address = inner.trim().trim_start_matches("mailto:").trim_end_matches(['.', ',', ';']);
    let Some((local, domain)) = address.rsplit_once('@') else { return invalid("e-mail address without @") };
    if local.is_empty() {
        return invalid("e-mail address without a name before the @");
    }
    if !domain.contains('.') {
        return invalid("e-mail address without a top-level domain");
    }
    if local.contains('@') {
        return invalid("e-mail address with more than one @");
    }
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    if address.contains(' ') || address.contains('"') || EmailAddress::parse_with_options(address, options).is_err() {
        return invalid("malformed e-mail address");
    }
    let bare = local.split_once('+').map_or(local, |(name, _)| if name.is_empty() { local } else { name });
    let key = if matches!(domain, "gmail.com" | "googlemail.com") {
        format!("{}@gmail.com", bare.replace('.', ""))
    } else {
        format!("{bare}@{domain}")
    };
    Ok(Some(Email { address: address.to_owned(), key, domain: domain.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::email;

    #[test]
    fn reads_addresses() {
        for (raw, address, key) in [
            (" Anna.Muller@GMail.com ", "anna.muller@gmail.com", "annamuller@gmail.com"),
            ("mailto:paul+news@acme.fr", "paul+news@acme.fr", "paul@acme.fr"),
            ("Paul Roux <paul@acme.fr>", "paul@acme.fr", "paul@acme.fr"),
            ("o'neil@acme.co.uk;", "o'neil@acme.co.uk", "o'neil@acme.co.uk"),
        ] {
            let found = email(raw).ok().flatten().map(|found| (found.address, found.key));
            assert_eq!(found, Some((address.to_owned(), key.to_owned())), "{raw}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (raw, reason) in [
            ("paul.acme.fr", "e-mail address without @"),
            ("@acme.fr", "e-mail address without a name before the @"),
            ("paul@acme", "e-mail address without a top-level domain"),
            ("paul@@acme.fr", "e-mail address with more than one @"),
            ("pa ul@acme.fr", "malformed e-mail address"),
            ("paul..x@acme.fr", "malformed e-mail address"),
        ] {
            assert_eq!(email(raw).map_err(|e| e.reason), Err(reason), "{raw}");
        }
        assert_eq!(email("n/a"), Ok(None));
    }
}
