//! A connector's settings with their values: given, by default, or read from where secrets are kept.

use std::fmt;

use affluent_spec::connector::{Connector, Count, SettingSpec, SettingType};
use affluent_spec::{Name, Secret, Setting, Template, suggest};
use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use crate::SourceError;

/// The value of each declared setting. Its `Debug` shows names only.
#[derive(Clone, Default)]
pub struct ResolvedSettings {
    plain: IndexMap<String, String>,
    secret: IndexMap<String, SecretString>,
}

impl fmt::Debug for ResolvedSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.plain.keys()).entries(self.secret.keys()).finish()
    }
}

/// Reads a secret from the environment or from its file.
pub fn read_secret(secret: &Secret) -> Result<SecretString, String> {
    match secret {
        Secret::Env(name) => {
            std::env::var(name).map(SecretString::from).map_err(|_| format!("environment variable `{name}` is not set"))
        }
        Secret::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(SecretString::from(text.trim_end_matches(['\r', '\n']))),
            Err(error) => Err(format!("file `{path}` cannot be read: {error}")),
        },
    }
}

impl ResolvedSettings {
    /// The settings that `connector` declares, from what a pipeline gives under `with:` and from defaults. `read` gives
    /// the text behind `{ env: ... }` and `{ file: ... }`; [`read_secret`] is the usual one.
    pub fn resolve(
        connector: &Connector,
        with: &IndexMap<String, Setting>,
        read: &dyn Fn(&Secret) -> Result<SecretString, String>,
    ) -> Result<Self, SourceError> {
        let place = format!("connector {}", connector.connector);
        if let Some(unknown) = with.keys().find(|name| !connector.settings.contains_key(name.as_str())) {
            let known = connector.settings.keys().map(Name::as_str);
            let error = SourceError::usage(place, format!("there is no setting `{unknown}`"));
            let hint = suggest::hint(unknown, known);
            return Err(hint.map_or(error.clone(), |hint| error.with_hint(hint)));
        }
        let mut settings = Self::default();
        for (name, spec) in &connector.settings {
            settings.take(&place, name.as_str(), spec, with.get(name.as_str()), read)?;
        }
        Ok(settings)
    }

    fn take(
        &mut self,
        place: &str,
        name: &str,
        spec: &SettingSpec,
        given: Option<&Setting>,
        read: &dyn Fn(&Secret) -> Result<SecretString, String>,
    ) -> Result<(), SourceError> {
        let hint = spec.description.clone().unwrap_or_else(|| format!("give `{name}` under `with:`"));
        let value = match given {
            Some(Setting::Secret(source)) => {
                let text = read(source).map_err(|what| {
                    SourceError::credentials(place, format!("setting `{name}`: {what}")).with_hint(hint.clone())
                })?;
                if spec.secret {
                    if text.expose_secret().is_empty() {
                        return Err(
                            SourceError::credentials(place, format!("setting `{name}` is empty")).with_hint(hint)
                        );
                    }
                    self.secret.insert(name.to_owned(), text);
                    return Ok(());
                }
                Json::String(text.expose_secret().to_owned())
            }
            Some(Setting::Plain(_)) if spec.secret => {
                return Err(SourceError::usage(
                    place,
                    format!("setting `{name}` is a secret and may not be written out"),
                )
                .with_hint(format!("write `{name}: {{ env: NAME }}` or `{name}: {{ file: PATH }}`")));
            }
            Some(Setting::Plain(value)) => value.clone(),
            None => match &spec.default {
                Some(value) => value.clone(),
                None => return Err(SourceError::usage(place, format!("setting `{name}` is not given")).with_hint(hint)),
            },
        };
        let text = plain(spec.ty, &value).ok_or_else(|| {
            let expected = match spec.ty {
                SettingType::String => "a text",
                SettingType::Integer => "a whole number from 0 on",
                SettingType::Url => "an http or https URL",
            };
            SourceError::usage(place, format!("setting `{name}` is not {expected}: {value}"))
        })?;
        self.plain.insert(name.to_owned(), text);
        Ok(())
    }

    /// The text of a setting that is no secret; empty where the manifest names none that exists.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.plain.get(name).map_or("", String::as_str)
    }

    /// The text with the values of the settings that it names.
    pub(crate) fn fill(&self, text: &Template) -> Result<String, SourceError> {
        self.fill_with(text, |_| None)
    }

    /// The same with values of `bound` before those of settings; what is bound is taken as it is given.
    pub(crate) fn fill_with(
        &self,
        text: &Template,
        bound: impl Fn(&str) -> Option<String>,
    ) -> Result<String, SourceError> {
        let value = |name: &str| bound(name).or_else(|| self.plain.get(name).cloned());
        text.fill(value).map_err(|name| SourceError::usage(text.to_string(), format!("`{{{name}}}` has no value")))
    }

    /// A secret.
    pub(crate) fn secret(&self, name: &str) -> SecretString {
        self.secret.get(name).cloned().unwrap_or_default()
    }

    /// A number, written out or set.
    pub(crate) fn count(&self, count: &Count) -> u32 {
        match count {
            Count::Fixed(number) => *number,
            Count::Setting(name) => self.text(name).parse().unwrap_or(u32::MAX),
        }
    }

    /// The values that are no secrets, by name.
    pub fn plain(&self) -> &IndexMap<String, String> {
        &self.plain
    }

    /// A hash of all secrets, to key other hashes with.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        for (name, secret) in &self.secret {
            context.update(name.as_bytes());
            context.update(secret.expose_secret().as_bytes());
        }
        context.finish().as_ref().to_vec()
    }

    /// The text with every secret in it blotted out, as it is and as URLs have it.
    pub(crate) fn conceal(&self, text: &str) -> String {
        let secrets = self.secret.values().map(|secret| secret.expose_secret().trim()).filter(|text| !text.is_empty());
        secrets.fold(text.to_owned(), |text, secret| {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            text.replace(secret, "***").replace(&encoded, "***")
        })
    }
}

fn plain(ty: SettingType, value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    match ty {
        SettingType::String => Some(text),
        SettingType::Integer => text.parse::<u64>().ok().map(|number| number.to_string()),
        SettingType::Url => {
            let full = if text.contains("://") { text } else { format!("https://{text}") };
            let url = url::Url::parse(&full).ok()?;
            let known = matches!(url.scheme(), "http" | "https") && url.has_host();
            known.then(|| full.trim_end_matches('/').to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector() -> Connector {
        let (file, text) = affluent_spec::connector::builtin_of("salesforce").unwrap();
        affluent_spec::read::<Connector>(file, text).unwrap().value
    }

    fn with(yaml: &[(&str, Json)]) -> IndexMap<String, Setting> {
        yaml.iter().map(|(name, value)| ((*name).to_owned(), serde_json::from_value(value.clone()).unwrap())).collect()
    }

    fn vault(secret: &Secret) -> Result<SecretString, String> {
        match secret {
            Secret::Env(name) if name == "SF" => Ok("hunter2".to_owned().into()),
            other => Err(format!("{other:?} is not there")),
        }
    }

    #[test]
    fn fills_in_defaults_and_secrets_and_shows_none() {
        let given = with(&[
            ("domain", "acme.my.salesforce.com".into()),
            ("client_id", "id".into()),
            ("client_secret", serde_json::json!({ "env": "SF" })),
        ]);
        let settings = ResolvedSettings::resolve(&connector(), &given, &vault).unwrap();
        assert_eq!(settings.text("domain"), "https://acme.my.salesforce.com");
        assert_eq!(settings.text("share_of_day"), "80");
        assert_eq!(settings.secret("client_secret").expose_secret(), "hunter2");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.conceal("bad token hunter2"), "bad token ***");
    }

    #[test]
    fn says_what_is_wrong_with_a_setting() {
        let domain = ("domain", Json::from("acme"));
        let id = ("client_id", Json::from("id"));
        let secret = ("client_secret", serde_json::json!({ "env": "SF" }));
        for (given, told) in [
            (vec![domain.clone(), id.clone()], "setting `client_secret` is not given"),
            (vec![domain.clone(), id.clone(), ("client_secret", "x".into())], "setting `client_secret` is a secret"),
            (vec![domain.clone(), id.clone(), secret.clone(), ("domian", "x".into())], "there is no setting `domian`"),
            (
                vec![("domain", "ftp://x".into()), id.clone(), secret.clone()],
                "setting `domain` is not an http or https URL",
            ),
            (vec![domain, id, ("client_secret", serde_json::json!({ "env": "NO" }))], "setting `client_secret`: "),
        ] {
            let error = ResolvedSettings::resolve(&connector(), &with(&given), &vault).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
