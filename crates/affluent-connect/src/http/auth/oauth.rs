//! A token by OAuth 2.0: what it is asked for with, and what its answer holds.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use affluent_spec::connector::{Grant, Oauth2};
use chrono::Utc;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::jwt::Signer;
use super::keeper::Keeper;
use super::{Token, authorization};
use crate::SourceError;
use crate::http::body::{self, Path};
use crate::http::client::is_safe;
use crate::http::settings::ResolvedSettings;

/// A token that runs out is replaced that much earlier, or a tenth of its life where that is less.
const EARLY: Duration = Duration::from_mins(1);

/// What a token is asked for with.
pub(super) struct TokenRequest {
    url: String,
    scheme: String,
    scope: Option<String>,
    base_url_from: Option<Path>,
    grant: Ready,
}

/// A grant with the settings' values.
enum Ready {
    Client(Client),
    Refresh(Client, Refreshing),
    Signed(Signer),
}

/// A refresh token, and the one that has come in its place.
struct Refreshing {
    configured: SecretString,
    /// The newest one, where there is no keeper.
    newest: Mutex<Option<SecretString>>,
    keeper: OnceLock<Keeper>,
}

struct Client {
    id: String,
    secret: SecretString,
}

/// The request for a token: where to, and its form.
pub(crate) struct SecretForm {
    /// A path under the base URL, or a URL.
    pub(crate) url: String,
    pub(crate) fields: Vec<(&'static str, SecretString)>,
}

impl TokenRequest {
    pub(super) fn new(oauth: &Oauth2, settings: &ResolvedSettings) -> Result<Self, SourceError> {
        let client = |id: &affluent_spec::Name, secret: &affluent_spec::Name| Client {
            id: settings.text(id.as_str()).to_owned(),
            secret: settings.secret(secret.as_str()),
        };
        let scope = oauth.scope.as_ref().map(|scope| settings.fill(scope)).transpose()?;
        let grant = match &oauth.grant {
            Grant::ClientCredentials { client_id, client_secret } => Ready::Client(client(client_id, client_secret)),
            Grant::RefreshToken { client_id, client_secret, refresh_token } => {
                let refreshing = Refreshing {
                    configured: settings.secret(refresh_token.as_str()),
                    newest: Mutex::new(None),
                    keeper: OnceLock::new(),
                };
                Ready::Refresh(client(client_id, client_secret), refreshing)
            }
            Grant::JwtBearer { key, issuer, subject, audience } => {
                let subject = subject.as_ref().map(|subject| settings.fill(subject)).transpose()?;
                let (issuer, audience) = (settings.fill(issuer)?, settings.fill(audience)?);
                Ready::Signed(Signer::new(
                    key,
                    &settings.secret(key.as_str()),
                    issuer,
                    subject,
                    audience,
                    scope.clone(),
                )?)
            }
        };
        Ok(Self {
            url: settings.fill(&oauth.token_url)?,
            scheme: oauth.scheme.clone(),
            scope,
            base_url_from: oauth.base_url_from.as_deref().map(body::path),
            grant,
        })
    }

    /// Has refresh tokens kept that come in place of the one configured.
    pub(super) fn keep_in(&self, keeper: Keeper) {
        if let Ready::Refresh(_, refreshing) = &self.grant {
            let _ = refreshing.keeper.set(keeper);
        }
    }

    /// A token, by `ask`.
    pub(super) async fn token<F>(&self, ask: impl FnOnce(SecretForm) -> F) -> Result<Token, SourceError>
    where
        F: Future<Output = Result<Vec<u8>, SourceError>>,
    {
        let fields = match &self.grant {
            Ready::Client(client) => client.fields("client_credentials"),
            Ready::Refresh(client, refreshing) => return self.refreshed(client, refreshing, ask).await,
            Ready::Signed(signer) => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned().into()),
                ("assertion", signer.assertion(Utc::now().timestamp())?),
            ],
        };
        self.read(&ask(self.form(fields)).await?)
    }

    /// A token by the newest refresh token. One that comes in its place is kept before the token may be used.
    async fn refreshed<F>(
        &self,
        client: &Client,
        refreshing: &Refreshing,
        ask: impl FnOnce(SecretForm) -> F,
    ) -> Result<Token, SourceError>
    where
        F: Future<Output = Result<Vec<u8>, SourceError>>,
    {
        let held = match refreshing.keeper.get() {
            Some(keeper) => Some(keeper.hold().await?),
            None => None,
        };
        let kept = match &held {
            Some(held) => held.kept(&refreshing.configured)?,
            None => refreshing.newest.lock().await.clone(),
        };
        let current = kept.unwrap_or_else(|| refreshing.configured.clone());
        let mut fields = client.fields("refresh_token");
        fields.push(("refresh_token", current.expose_secret().trim().to_owned().into()));
        let answer = ask(self.form(fields)).await?;
        let new = body::scalars(&answer, &[body::path("refresh_token")]).pop().flatten();
        if let Some(new) = new.filter(|new| !new.is_empty() && new != current.expose_secret().trim()) {
            let new = SecretString::from(new);
            match held {
                Some(held) => held.keep(&new, &refreshing.configured)?,
                None => {
                    tracing::warn!("{}: a new refresh token came, and there is no folder to keep it in", self.url);
                    *refreshing.newest.lock().await = Some(new);
                }
            }
        }
        self.read(&answer)
    }

    fn form(&self, mut fields: Vec<(&'static str, SecretString)>) -> SecretForm {
        fields.extend(self.scope.clone().map(|scope| ("scope", scope.into())));
        SecretForm { url: self.url.clone(), fields }
    }

    fn read(&self, answer: &[u8]) -> Result<Token, SourceError> {
        let mut paths = vec![body::path("access_token"), body::path("expires_in")];
        paths.extend(self.base_url_from.clone());
        let mut found = body::scalars(answer, &paths).into_iter();
        let mut next = || found.next().flatten().filter(|text| !text.is_empty());
        let Some(token) = next() else {
            return Err(SourceError::credentials(&self.url, "the answer holds no `access_token`"));
        };
        let token = SecretString::from(token);
        let life = next().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let base_url = next().map(|url| url.trim_end_matches('/').to_owned());
        if let Some(path) = &self.base_url_from
            && !base_url.as_deref().is_some_and(is_safe)
        {
            let path = path.join(".");
            let what = match base_url {
                None => format!("the answer holds no `{path}`"),
                Some(_) => format!("`{path}` of the answer is no https URL"),
            };
            return Err(SourceError::credentials(&self.url, what));
        }
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization(&self.scheme, &token)?);
        let until = life.and_then(|life| Instant::now().checked_add(life.saturating_sub(EARLY.min(life / 10))));
        Ok(Token { headers, query: Vec::new(), secret: token, base_url, until })
    }
}

/// Whether an answer holds a token.
pub(crate) fn is_token(answer: &[u8]) -> bool {
    body::scalars(answer, &[body::path("access_token")]).pop().flatten().is_some_and(|token| !token.is_empty())
}

impl Client {
    fn fields(&self, grant: &str) -> Vec<(&'static str, SecretString)> {
        vec![
            ("grant_type", grant.to_owned().into()),
            ("client_id", self.id.clone().into()),
            ("client_secret", self.secret.clone()),
        ]
    }
}
