//! URLs that answers name: in `Link` headers, and relative to what was asked for.

use url::Url;

/// The target of the link with that relation in a `Link` header: <https://www.rfc-editor.org/rfc/rfc8288#section-3>.
pub(crate) fn link<'a>(header: &'a str, relation: &str) -> Option<&'a str> {
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let (target, after) = rest[open + 1..].split_once('>')?;
        let end = unquoted_comma(after);
        let relations = after[..end].split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("rel").then(|| value.trim().trim_matches('"'))
        });
        if relations.is_some_and(|all| all.split_whitespace().any(|one| one.eq_ignore_ascii_case(relation))) {
            return Some(target);
        }
        rest = &after[end..];
    }
    None
}

/// Where the parameters of a link end.
fn unquoted_comma(text: &str) -> usize {
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    end.unwrap_or(text.len())
}

/// What a URL that an answer gave refers to from what was asked for (RFC 3986, section 5): a URL, or a path under the base URL.
pub(crate) fn absolute(asked: &str, target: &str) -> Result<String, String> {
    let from = Url::parse(asked).or_else(|_| Url::parse(NOWHERE)?.join(asked));
    let url = from.and_then(|from| from.join(target)).map_err(|_| format!("the next page, `{target}`, is no URL"))?;
    let path = url.as_str().strip_prefix(NOWHERE).filter(|path| path.starts_with('/'));
    Ok(path.unwrap_or(url.as_str()).to_owned())
}

/// A base for paths, which stands in no URL of a server.
const NOWHERE: &str = "https://server.invalid";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_by_relation() {
        let header = r#"<https://a.com/1>; rel="previous first", </v1/list?p=3,4>; title="a, b; c"; rel=next"#;
        assert_eq!(link(header, "next"), Some("/v1/list?p=3,4"));
        assert_eq!(link(header, "first"), Some("https://a.com/1"));
        assert_eq!(link(header, "last"), None);
    }

    #[test]
    fn urls_are_taken_from_where_they_were_given() {
        for (asked, target, expected) in [
            ("/v1/list?x=1", "?p=2", "/v1/list?p=2"),
            ("/v1/list?x=1", "list?p=2", "/v1/list?p=2"),
            ("/v1/list?from=https://a.com/", "?p=2", "/v1/list?p=2"),
            ("/v1/list", "/x?from=https://a.com/", "/x?from=https://a.com/"),
            ("/v1/list", "@b.com/x", "/v1/@b.com/x"),
            ("/v1/list", "//b.com/x", "https://b.com/x"),
            ("/v1/list", "//server.invalid.b.com/x", "https://server.invalid.b.com/x"),
            ("/v1/list", "https://b.com/x", "https://b.com/x"),
            ("https://a.com/v1/list", "/x", "https://a.com/x"),
            ("https://a.com/v1/list", "//b.com/x", "https://b.com/x"),
        ] {
            assert_eq!(absolute(asked, target).as_deref(), Ok(expected), "{asked} {target}");
        }
    }
}
