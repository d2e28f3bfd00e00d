//! Logging in: credentials that are given, or a token that is asked for, and asked for again when it has run out.

mod jwt;
mod keeper;
mod oauth;

use std::sync::Arc;
use std::time::Instant;

use affluent_spec::connector::{Auth, Grant};
use affluent_spec::{Name, Template};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use ring::digest;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

pub use keeper::Keeper;
pub(crate) use oauth::{SecretForm, is_token};

use super::settings::ResolvedSettings;
use crate::SourceError;
use oauth::TokenRequest;

/// A way to log in, with the token in use. One per source, so that all its streams share a token.
pub(crate) struct Login {
    kind: Kind,
    current: Mutex<Option<Arc<Token>>>,
}

enum Kind {
    Given(Arc<Token>),
    Asked(Box<TokenRequest>),
}

/// What a request carries to be let in.
pub(crate) struct Token {
    headers: HeaderMap,
    query: Vec<(String, SecretString)>,
    /// What must not be seen of it, besides the settings.
    secret: SecretString,
    /// Where requests go with it, when its answer says so.
    pub(crate) base_url: Option<String>,
    /// When another one is asked for.
    until: Option<Instant>,
}

impl Login {
    /// As the manifest says, with the settings' values.
    pub(crate) fn new(auth: &Auth, settings: &ResolvedSettings) -> Result<Self, SourceError> {
        let kind = match auth {
            Auth::Oauth2(oauth) => Kind::Asked(Box::new(TokenRequest::new(oauth, settings)?)),
            given => Kind::Given(Arc::new(Token::given(given, settings)?)),
        };
        Ok(Self { kind, current: Mutex::new(None) })
    }

    /// Has refresh tokens kept that come in place of the one configured.
    pub(crate) fn keep_in(&self, keeper: Keeper) {
        if let Kind::Asked(request) = &self.kind {
            request.keep_in(keeper);
        }
    }

    /// Whether another token can be had when one is refused.
    pub(crate) fn can_refresh(&self) -> bool {
        matches!(self.kind, Kind::Asked(_))
    }

    /// The token in use; `ask` gets the first one, and another when it is about to run out. Streams that need one at the
    /// same time wait for the same answer.
    pub(crate) async fn token<F>(&self, ask: impl FnOnce(SecretForm) -> F) -> Result<Arc<Token>, SourceError>
    where
        F: Future<Output = Result<Vec<u8>, SourceError>>,
    {
        let request = match &self.kind {
            Kind::Given(token) => return Ok(Arc::clone(token)),
            Kind::Asked(request) => request,
        };
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| token.until.is_none_or(|until| Instant::now() < until)) {
            return Ok(Arc::clone(token));
        }
        let token = Arc::new(request.token(ask).await?);
        *current = Some(Arc::clone(&token));
        Ok(token)
    }

    /// Forgets a token that was refused, unless another stream has replaced it already.
    pub(crate) async fn forget(&self, stale: &Arc<Token>) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| Arc::ptr_eq(token, stale)) {
            *current = None;
        }
    }
}

impl Token {
    fn given(auth: &Auth, settings: &ResolvedSettings) -> Result<Self, SourceError> {
        let mut token = Self {
            headers: HeaderMap::new(),
            query: Vec::new(),
            secret: SecretString::default(),
            base_url: None,
            until: None,
        };
        match auth {
            Auth::Bearer(setting) => {
                let value = settings.secret(setting.as_str());
                token.headers.insert(AUTHORIZATION, authorization("Bearer", &value)?);
            }
            Auth::Header(headers) => {
                for (name, setting) in headers {
                    let name = name
                        .parse::<HeaderName>()
                        .map_err(|_| SourceError::usage("headers", format!("`{name}` is no name of a header")))?;
                    let value = settings.secret(setting.as_str());
                    token.headers.insert(name, hidden(value.expose_secret().trim())?);
                }
            }
            Auth::Query(parameters) => {
                let secrets =
                    parameters.iter().map(|(name, setting)| (name.clone(), settings.secret(setting.as_str())));
                token.query = secrets.collect();
            }
            Auth::Basic(basic) => {
                let user = settings.fill(&basic.user)?;
                if user.contains(':') {
                    return Err(SourceError::usage("auth.basic.user", "a user's name holds no colon"));
                }
                let password = settings.secret(basic.password.as_str());
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret().trim()));
                token.secret = pair.into();
                token.headers.insert(AUTHORIZATION, authorization("Basic", &token.secret)?);
            }
            Auth::Oauth2(_) => {}
        }
        Ok(token)
    }

    /// Puts it on a request, in place of what may be there already: the URL of a next page may have the parameter.
    pub(crate) fn sign(&self, url: &mut Url, headers: &mut HeaderMap) {
        headers.extend(self.headers.clone());
        if self.query.is_empty() {
            return;
        }
        let others: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !self.query.iter().any(|(ours, _)| ours == name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let ours = self.query.iter().map(|(name, secret)| (name.as_str(), secret.expose_secret().trim()));
        url.query_pairs_mut().clear().extend_pairs(others).extend_pairs(ours);
    }

    /// The text without it.
    pub(crate) fn conceal(&self, text: &str) -> String {
        match self.secret.expose_secret() {
            "" => text.to_owned(),
            secret => text.replace(secret, "***"),
        }
    }
}

/// Stands for a server and the credentials that are used with it, and tells neither.
pub(crate) fn identity(base_url: &str, auth: &Auth, settings: &ResolvedSettings) -> String {
    let named: Vec<&Name> = match auth {
        Auth::Bearer(setting) => vec![setting],
        Auth::Header(settings) | Auth::Query(settings) => settings.values().collect(),
        Auth::Basic(basic) => basic.user.names().chain([&basic.password]).collect(),
        Auth::Oauth2(oauth) => match &oauth.grant {
            Grant::ClientCredentials { client_id, client_secret } => vec![client_id, client_secret],
            Grant::RefreshToken { client_id, refresh_token, .. } => vec![client_id, refresh_token],
            Grant::JwtBearer { key, issuer, subject, .. } => {
                [key].into_iter().chain(issuer.names()).chain(subject.iter().flat_map(Template::names)).collect()
            }
        },
    };
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(base_url.as_bytes());
    for name in named {
        context.update(&[0]);
        context.update(settings.text(name.as_str()).as_bytes());
        context.update(settings.secret(name.as_str()).expose_secret().trim().as_bytes());
    }
    BASE64_STANDARD.encode(context.finish())
}

fn authorization(scheme: &str, token: &SecretString) -> Result<HeaderValue, SourceError> {
    hidden(&format!("{scheme} {}", token.expose_secret().trim()))
}

/// The value of a header that is not shown in logs.
fn hidden(value: &str) -> Result<HeaderValue, SourceError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| {
        SourceError::credentials("", "the token holds characters that no header may hold")
            .with_hint("check that the variable or file holds the token and nothing else")
    })?;
    header.set_sensitive(true);
    Ok(header)
}
