//! What the part `http` of a manifest may get wrong although its shape is right.

use indexmap::IndexMap;

use super::faults::Faults;
use super::{Auth, Expression, Grant, Oauth2, Quota, SettingType, Value};
use crate::Name;
use crate::template::{Part, Template};

impl Faults<'_> {
    /// The faults of `http`.
    pub(super) fn http(&mut self) {
        let http = &self.connector.http;
        self.base_url();
        self.auth(&http.auth);
        self.header_names(&["http", "headers"], http.headers.keys());
        for (name, value) in &http.headers {
            self.template(&["http", "headers", name], value, &[]);
        }
        for (index, limit) in http.limits.iter().enumerate() {
            self.count(&["http", "limits", &index.to_string(), "requests"], &limit.requests);
        }
        for (index, quota) in http.quotas.iter().enumerate() {
            self.quota(&index.to_string(), quota);
        }
        self.path(&["http", "check", "get"], &http.check.get, &[]);
        for (name, value) in &http.check.query {
            let path = ["http", "check", "query", name];
            match value {
                Value::Text(text) => self.template(&path, text, &[]),
                Value::Expression(Expression::Setting(setting)) => self.setting(&path, setting, false),
                Value::Expression(_) => self.fault(&path, "only `setting` may stand here", None),
            }
        }
    }

    fn base_url(&mut self) {
        let http = &self.connector.http;
        if let Some(name) = http.base_url_setting() {
            return self.setting(&["http", "base_url"], name, false);
        }
        self.template(&["http", "base_url"], &http.base_url, &[]);
        self.scheme_is_said(&["http", "base_url"], &http.base_url);
    }

    /// A URL begins with its scheme, or with a setting that is a URL.
    fn scheme_is_said(&mut self, path: &[&str], url: &Template) {
        let said = match url.parts().first() {
            Some(Part::Name(name)) => {
                self.connector.settings.get(name).is_none_or(|setting| setting.ty == SettingType::Url)
            }
            Some(Part::Literal(text)) => text.starts_with("https://") || text.starts_with("http://"),
            None => false,
        };
        if !said {
            let hint = "write https:// before it, or begin with a setting of the type `url`";
            self.fault(path, format!("`{url}` is no URL"), Some(hint.into()));
        }
    }

    fn auth(&mut self, auth: &Auth) {
        match auth {
            Auth::Bearer(token) => self.setting(&["http", "auth", "bearer"], token.as_str(), true),
            Auth::Header(headers) => {
                self.header_names(&["http", "auth", "header"], headers.keys());
                self.secrets("header", headers);
            }
            Auth::Query(parameters) => self.secrets("query", parameters),
            Auth::Basic(basic) => {
                self.template(&["http", "auth", "basic", "user"], &basic.user, &[]);
                self.setting(&["http", "auth", "basic", "password"], basic.password.as_str(), true);
            }
            Auth::Oauth2(oauth) => self.oauth2(oauth),
        }
    }

    fn secrets(&mut self, kind: &str, named: &IndexMap<String, Name>) {
        if named.is_empty() {
            let hint = Some(format!("write `{kind}: {{ its name: the setting with the secret }}`"));
            self.fault(&["http", "auth", kind], "nothing is named here to log in with", hint);
        }
        for (name, setting) in named {
            self.setting(&["http", "auth", kind, name], setting.as_str(), true);
        }
    }

    fn oauth2(&mut self, oauth: &Oauth2) {
        let at = |rest: &[&'static str]| [&["http", "auth", "oauth2"], rest].concat();
        self.template(&at(&["token_url"]), &oauth.token_url, &[]);
        let is_path = matches!(oauth.token_url.parts().first(), Some(Part::Literal(text)) if text.starts_with('/'));
        if !is_path {
            self.scheme_is_said(&at(&["token_url"]), &oauth.token_url);
        }
        if !is_token(&oauth.scheme) {
            self.fault(&at(&["scheme"]), format!("`{}` is not one word", oauth.scheme), None);
        }
        if let Some(scope) = &oauth.scope {
            self.template(&at(&["scope"]), scope, &[]);
        }
        match &oauth.grant {
            Grant::ClientCredentials { client_id, client_secret } => {
                let kind = "client_credentials";
                self.setting(&at(&["grant", kind, "client_id"]), client_id.as_str(), false);
                self.setting(&at(&["grant", kind, "client_secret"]), client_secret.as_str(), true);
            }
            Grant::RefreshToken { client_id, client_secret, refresh_token } => {
                let kind = "refresh_token";
                self.setting(&at(&["grant", kind, "client_id"]), client_id.as_str(), false);
                self.setting(&at(&["grant", kind, "client_secret"]), client_secret.as_str(), true);
                self.setting(&at(&["grant", kind, "refresh_token"]), refresh_token.as_str(), true);
            }
            Grant::JwtBearer { key, issuer, subject, audience } => {
                let kind = "jwt_bearer";
                self.setting(&at(&["grant", kind, "key"]), key.as_str(), true);
                self.template(&at(&["grant", kind, "issuer"]), issuer, &[]);
                self.template(&at(&["grant", kind, "audience"]), audience, &[]);
                if let Some(subject) = subject {
                    self.template(&at(&["grant", kind, "subject"]), subject, &[]);
                }
            }
        }
    }

    fn quota(&mut self, index: &str, quota: &Quota) {
        let at = ["http", "quotas", index];
        match quota {
            Quota::Used { percent, .. } => {
                self.setting(&[&at[..], &["used", "percent"]].concat(), percent.as_str(), false);
            }
            Quota::Remaining { window_ms, reset, reset_as, .. } => {
                if window_ms.is_some() == reset.is_some() {
                    let hint =
                        "name the header with the window's length, or the one that says when the count begins anew";
                    let what = "`remaining` has either `window_ms` or `reset`";
                    self.fault(&[&at[..], &["remaining"]].concat(), what, Some(hint.into()));
                } else if reset.is_none() && reset_as.is_some() {
                    self.fault(&[&at[..], &["remaining", "reset_as"]].concat(), "`reset_as` needs `reset`", None);
                }
            }
            Quota::Bucket { .. } => {}
        }
    }

    /// Each is the name of a header.
    pub(super) fn header_names<'a>(&mut self, path: &[&str], names: impl Iterator<Item = &'a String>) {
        for name in names.filter(|name| !is_token(name)) {
            self.fault(&[path, &[name.as_str()]].concat(), format!("`{name}` is no name of a header"), None);
        }
    }
}

/// A token of RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::connector::{Connector, faults};
    use crate::read;

    const MANIFEST: &str = "
connector: small
settings:
  token: { type: string, secret: true }
  shop: { type: string }
  org: { type: url }
  id: { type: string }
http:
  base_url: 'https://{shop}.example.com/api'
  auth: { bearer: token }
  headers: { X-Org: '{id}' }
  quotas: []
  check: { get: '/{id}/me' }
streams:
  things: { get: /things, key: [id], fields: { id: string } }
";

    /// What is wrong with the manifest when `to` stands for `from`, with line and column.
    fn told(from: &str, to: &str) -> Vec<String> {
        let text = MANIFEST.replacen(from, to, 1);
        let problems = match read::<Connector>("m.yaml", &text) {
            Ok(manifest) => faults(&manifest),
            Err(problems) => problems,
        };
        problems.into_iter().map(|p| format!("{}:{}: {}", p.span.line, p.span.column, p.message)).collect()
    }

    #[test]
    fn every_way_to_log_in_is_taken() {
        let oauth = |grant: &str| {
            format!(
                "oauth2: {{ token_url: /token, scheme: Zoho-oauthtoken, scope: '{{org}}/.default', grant: {grant} }}"
            )
        };
        for auth in [
            "header: { X-Token: token, X-Other: token }".to_owned(),
            "query: { api_token: token }".to_owned(),
            "basic: { user: '{id}/token', password: token }".to_owned(),
            oauth("{ client_credentials: { client_id: id, client_secret: token } }"),
            oauth("{ refresh_token: { client_id: id, client_secret: token, refresh_token: token } }"),
            oauth("{ jwt_bearer: { key: token, issuer: '{id}', audience: 'https://a.example/token' } }"),
        ] {
            assert_eq!(told("bearer: token", &auth), Vec::<String>::new(), "{auth}");
        }
        for base in ["org", "'{org}/api'", "'https://api.example.com'"] {
            assert_eq!(told("'https://{shop}.example.com/api'", base), Vec::<String>::new(), "{base}");
        }
    }

    #[test]
    fn faults_are_told_where_they_stand() {
        let template = "text with `{name}` where a value goes in, and `{{` for a brace";
        for (from, to, expected) in [
            ("'https://{shop}.example.com/api'", "'{shop}.x.com'", "9:13: `{shop}.x.com` is no URL".to_owned()),
            ("https://{shop}", "https://{shp}", "9:13: `{shp}` is no setting".into()),
            ("https://{shop}", "https://{token}", "9:13: setting `token` is a secret and may not stand here".into()),
            ("https://{shop}.example.com/api", "https://{shop", format!("9:13: `https://{{shop` is not {template}")),
            ("bearer: token", "header: {}", "10:19: nothing is named here to log in with".into()),
            ("bearer: token", "header: { 'X Y': token }", "10:28: `X Y` is no name of a header".into()),
            ("bearer: token", "query: { t: id }", "10:23: setting `id` is used as a secret".into()),
            ("bearer: token", "basic: { user: '{idd}', password: token }", "10:26: `{idd}` is no setting".into()),
            (
                "bearer: token",
                "oauth2: { token_url: token, grant: { client_credentials: { client_id: id, client_secret: token } } }",
                "10:32: `token` is no URL".into(),
            ),
            (
                "bearer: token",
                "oauth2: { token_url: /t, grant: { refresh_token: { client_id: id, client_secret: token, refresh_token: id } } }",
                "10:114: setting `id` is used as a secret".into(),
            ),
            (
                "bearer: token",
                "oauth2: { token_url: /t, scheme: a b, grant: { jwt_bearer: { key: token, issuer: x, audience: y } } }",
                "10:44: `a b` is not one word".into(),
            ),
            ("X-Org: '{id}'", "X-Org: '{idd}'", "11:21: `{idd}` is no setting".into()),
            ("'/{id}/me'", "'/{idd}/me'", "13:17: `{idd}` is no setting".into()),
            ("'/{id}/me'", "me", "13:17: `me` is no path".into()),
            ("'/{id}/me'", "'{id}/me'", "13:17: `{id}/me` is no path".into()),
            ("'/{id}/me'", "'https://a.example/me'", "13:17: `https://a.example/me` is no path".into()),
            (
                "quotas: []",
                "quotas: [{ remaining: { header: A } }]",
                "12:27: `remaining` has either `window_ms` or `reset`".into(),
            ),
            (
                "quotas: []",
                "quotas: [{ remaining: { header: A, window_ms: B, reset_as: seconds } }]",
                "12:62: `reset_as` needs `reset`".into(),
            ),
            (
                "quotas: []",
                "quotas: [{ bucket: { header: A, leak_per_second: 0 } }]",
                "12:52: 0 is too little, 0.001 is the least".into(),
            ),
            ("quotas: []", "concurrency: 0", "12:16: 0 is too little, 1 is the least".into()),
        ] {
            assert_eq!(told(from, to), [expected]);
        }
        let hint = |from: &str, to: &str| {
            let manifest = read::<Connector>("m.yaml", &MANIFEST.replacen(from, to, 1)).unwrap();
            faults(&manifest).pop().unwrap().hint.unwrap()
        };
        assert_eq!(hint("{shop}", "{shp}"), "did you mean `shop`? known: shop, org, id");
        assert!(hint("'https://{shop}.example.com/api'", "'{shop}.x.com'").contains("https://"));
    }
}
