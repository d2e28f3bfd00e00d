//! How a database is reached: address, user, password, encryption.

use std::fmt;
use std::path::PathBuf;

use affluent_spec::pipeline::Database;
use affluent_spec::{Secret, Setting, suggest};
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::error::SourceError;

/// Whether the connection is encrypted, in the words of libpq's `sslmode`
/// (<https://www.postgresql.org/docs/current/libpq-ssl.html>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    Disable,
    /// Where the server can; its certificate is not looked at.
    #[default]
    Prefer,
    /// Always; the certificate is not looked at.
    Require,
    /// Always, and the certificate must be good and be the host's.
    VerifyFull,
}

const WORDS: [&str; 4] = ["disable", "prefer", "require", "verify-full"];

impl Tls {
    fn of(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Self::Disable,
            "prefer" | "preferred" => Self::Prefer,
            "require" | "required" => Self::Require,
            "verify-full" | "verify-identity" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// Where a database is and who asks. Its `Debug` holds no password.
#[derive(Clone)]
pub struct Access {
    /// Which protocol is spoken.
    pub database: Database,
    /// Host name or address; a folder (`/run/...`) for a local socket of PostgreSQL.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database's name.
    pub name: String,
    /// The schema of tables that name none; PostgreSQL only, `public` unless given.
    pub schema: String,
    /// The user.
    pub user: String,
    /// The password, where there is one.
    pub password: Option<SecretString>,
    /// Encryption.
    pub tls: Tls,
    /// A PEM file of certificates to trust beside the system's.
    pub ca: Option<PathBuf>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place())
    }
}

impl Access {
    /// The settings of a pipeline's `with:`; `read` gives the text behind `{ env: ... }` and `{ file: ... }`.
    pub fn resolve(
        source: &str,
        database: Database,
        with: &IndexMap<String, Setting>,
        read: &dyn Fn(&Secret) -> Result<SecretString, String>,
    ) -> Result<Self, SourceError> {
        let mut text: IndexMap<&str, SecretString> = IndexMap::new();
        for (name, value) in with {
            let value = match value {
                Setting::Secret(secret) => read(secret).map_err(|what| {
                    SourceError::credentials(source, format!("setting `{name}`: {what}"))
                        .with_hint(format!("`{name}` is read from where `with:` says"))
                })?,
                Setting::Plain(Value::String(text)) => text.clone().into(),
                Setting::Plain(Value::Number(number)) => number.to_string().into(),
                Setting::Plain(other) => {
                    return Err(SourceError::usage(source, format!("setting `{name}` is not a text: {other}")));
                }
            };
            text.insert(name.as_str(), value);
        }
        let mut access = match text.get("url") {
            Some(url) => Self::of_url(source, database, url.expose_secret())?,
            None => Self::at(database, String::new()),
        };
        for (name, value) in &text {
            let value = value.expose_secret();
            match *name {
                "url" => {}
                "host" => value.clone_into(&mut access.host),
                "port" => {
                    access.port = value
                        .parse()
                        .map_err(|_| SourceError::usage(source, format!("setting `port` is not a port: `{value}`")))?;
                }
                "database" => value.clone_into(&mut access.name),
                "schema" => value.clone_into(&mut access.schema),
                "user" => value.clone_into(&mut access.user),
                "password" => access.password = Some(value.to_owned().into()),
                "tls" => access.tls = tls(source, value)?,
                "ca" => access.ca = Some(value.into()),
                unknown => {
                    let error = SourceError::usage(source, format!("there is no setting `{unknown}`"));
                    let hint = suggest::hint(unknown, Database::SETTINGS).unwrap_or_default();
                    return Err(error.with_hint(hint));
                }
            }
        }
        for (name, value) in [("host", &access.host), ("database", &access.name), ("user", &access.user)] {
            if value.is_empty() {
                return Err(SourceError::usage(source, format!("setting `{name}` is not given"))
                    .with_hint("give host, database, user and password under `with:`, or all of them as `url`"));
            }
        }
        Ok(access)
    }

    fn at(database: Database, host: String) -> Self {
        let (port, schema) = match database {
            Database::Postgres => (5432, "public"),
            Database::Mysql => (3306, ""),
        };
        Self {
            database,
            host,
            port,
            name: String::new(),
            schema: schema.to_owned(),
            user: String::new(),
            password: None,
            tls: Tls::default(),
            ca: None,
        }
    }

    fn of_url(source: &str, database: Database, text: &str) -> Result<Self, SourceError> {
        // The URL holds the password: no message may quote it.
        let wrong = |what: &str| {
            SourceError::usage(source, format!("setting `url` {what}"))
                .with_hint(format!("write {}://user:password@host:port/database", database.connector()))
        };
        let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
        let fits = match database {
            Database::Postgres => matches!(url.scheme(), "postgres" | "postgresql"),
            Database::Mysql => matches!(url.scheme(), "mysql" | "mariadb"),
        };
        if !fits {
            return Err(wrong(&format!("begins with `{}:`", url.scheme())));
        }
        let decoded = |part: &str| {
            percent_decode_str(part).decode_utf8().map(String::from).map_err(|_| wrong("holds what is not UTF-8"))
        };
        let host = decoded(url.host_str().unwrap_or_default())?;
        let mut access = Self::at(database, host.trim_matches(['[', ']']).to_owned());
        access.port = url.port().unwrap_or(access.port);
        access.user = decoded(url.username())?;
        access.password = url.password().map(decoded).transpose()?.map(SecretString::from);
        access.name = decoded(url.path().trim_start_matches('/'))?;
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" | "ssl-mode" | "ssl_mode" | "tls" => access.tls = tls(source, &value)?,
                "host" if access.host.is_empty() => access.host = value.into_owned(),
                other => return Err(wrong(&format!("has a parameter `{other}` that is not known here"))),
            }
        }
        Ok(access)
    }

    /// Where this is, for messages.
    pub fn place(&self) -> String {
        format!("{}://{}:{}/{}", self.database.connector(), self.host, self.port, self.name)
    }
}

fn tls(source: &str, word: &str) -> Result<Tls, SourceError> {
    Tls::of(word).ok_or_else(|| {
        SourceError::usage(source, format!("setting `tls` is not one of {}: `{word}`", WORDS.join(", ")))
            .with_hint(suggest::hint(word, WORDS).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(database: Database, with: &[(&str, &str)]) -> Result<Access, SourceError> {
        let plain = |text: &str| Setting::Plain(text.into());
        let with = with.iter().map(|(name, value)| ((*name).to_owned(), plain(value))).collect();
        Access::resolve("erp", database, &with, &|_| Err("none".to_owned()))
    }

    #[test]
    fn a_url_says_it_all_and_settings_come_before_it() {
        let access = resolve(
            Database::Postgres,
            &[("url", "postgres://a%40b:p%2Fw@db.example:5433/erp?sslmode=require"), ("user", "reader")],
        )
        .unwrap();
        assert_eq!(access.place(), "postgres://db.example:5433/erp");
        assert_eq!((access.user.as_str(), access.tls), ("reader", Tls::Require));
        assert_eq!(access.password.as_ref().map(ExposeSecret::expose_secret), Some("p/w"));
        assert!(!format!("{access:?}").contains("p/w"));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for (database, with, part) in [
            (Database::Postgres, &[("url", "mysql://u:geheim@h/d")][..], "begins with `mysql:`"),
            (Database::Mysql, &[("url", "mysql://u:geheim@h/d?x=1")], "parameter `x`"),
            (Database::Mysql, &[("host", "h"), ("user", "u")], "`database` is not given"),
            (Database::Mysql, &[("host", "h"), ("port", "x")], "is not a port"),
            (Database::Postgres, &[("tls", "full")], "verify-full"),
            (Database::Postgres, &[("hots", "h")], "no setting `hots`"),
        ] {
            let error = resolve(database, with).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
        }
    }
}
