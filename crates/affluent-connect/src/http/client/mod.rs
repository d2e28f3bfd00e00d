//! One request, until it is answered or given up: budgets, log-in, retries, and what is made of each status.

mod answer;
mod target;

use std::sync::Arc;
use std::time::{Duration, Instant};

use affluent_spec::connector::{Action, Auth, ErrorRule, Http};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use indexmap::IndexMap;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode, redirect};
use secrecy::ExposeSecret;

pub(crate) use answer::cause;
use answer::{Answer, Unfinished, advice};
pub(crate) use target::is_safe;
use target::{resolve, resolve_token, within_origin, without_query};

use super::auth::{self, Keeper, Login, SecretForm, Token};
use super::budget::Budget;
use super::retry::{self, Next, Patience, Tries, Trouble};
use super::settings::ResolvedSettings;
use crate::SourceError;
use crate::record::{Asked, Exchange, Wire};

/// What to ask for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// A path under the base URL, or a whole URL that the server gave.
    pub(crate) target: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Option<Bytes>,
    /// What is done about its answers, before the manifest's rules.
    pub(crate) rules: Vec<ErrorRule>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) value: T,
    /// The server's clock at the answer.
    pub(crate) time: Option<DateTime<Utc>>,
    /// Requests that it took.
    pub(crate) requests: u32,
    /// Its headers.
    pub(crate) headers: HeaderMap,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) enum Fetched<T> {
    /// An answer.
    Reply(Reply<T>),
    /// The server says that the stored place to go on from has run out: nothing but a read from the start will do. What it
    /// says is for the warning, and the error where there is no such place.
    Restart(SourceError),
}

impl<T> Fetched<T> {
    /// The answer, where nothing can be begun anew.
    pub(crate) fn reply(self) -> Result<Reply<T>, SourceError> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::Restart(why) => Err(why),
        }
    }
}

/// What a reader of answers may say about one.
pub(crate) enum Unread {
    /// It was cut off or garbled: it is asked for again.
    Garbled(String),
    /// It is not what the manifest says.
    Unexpected(String),
}

/// The way to one server with one credential.
pub(crate) struct Client {
    http: reqwest::Client,
    base_url: String,
    login: Login,
    budget: Budget,
    rules: Vec<ErrorRule>,
    /// Those for answers to the request for a token.
    token_rules: Vec<ErrorRule>,
    largest: usize,
    total_timeout: Duration,
    settings: ResolvedSettings,
    patience: Patience,
    wire: Option<Arc<dyn Wire>>,
}

impl Client {
    /// As the manifest says, with the settings' values.
    pub(crate) fn new(http: &Http, settings: &ResolvedSettings, patience: Patience) -> Result<Self, SourceError> {
        let base_url = match http.base_url_setting() {
            Some(setting) => settings.text(setting).to_owned(),
            None => settings.fill(&http.base_url)?,
        };
        let filled = http.headers.iter().map(|(name, text)| Ok((name.clone(), settings.fill(text)?)));
        let filled: IndexMap<String, String> = filled.collect::<Result<_, SourceError>>()?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("affluent/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(&filled)?)
            .redirect(redirect::Policy::custom(within_origin))
            .referer(false)
            .connect_timeout(Duration::from_secs(20).min(Duration::from_secs(http.timeout.seconds)))
            .read_timeout(Duration::from_secs(http.timeout.seconds))
            .build()
            .map_err(|error| SourceError::failed("", format!("no HTTP client can be made: {}", cause(&error))))?;
        let base_url = base_url.trim_end_matches('/');
        Ok(Self {
            http: client,
            base_url: base_url.to_owned(),
            login: Login::new(&http.auth, settings)?,
            budget: Budget::new(http, settings, auth::identity(base_url, &http.auth, settings), patience.obeyed),
            rules: http.errors.clone(),
            token_rules: match &http.auth {
                Auth::Oauth2(oauth) => oauth.errors.iter().chain(&http.errors).cloned().collect(),
                _ => Vec::new(),
            },
            largest: http.largest_answer as usize * 1024 * 1024,
            total_timeout: Duration::from_secs(http.total_timeout.seconds.max(1)),
            settings: settings.clone(),
            patience,
            wire: None,
        })
    }

    /// How long one waits and tries.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// Shows `wire` each request and each answer from now on.
    pub(crate) fn watch(&mut self, wire: Arc<dyn Wire>) {
        self.wire = Some(wire);
    }

    /// Has refresh tokens kept that come in place of the one configured.
    pub(crate) fn keep_in(&self, keeper: Keeper) {
        self.login.keep_in(keeper);
    }

    /// Asks, and reads the answer by `read`, until that goes well or is given up. There is nothing to read where the server
    /// says so: by its status, or by an answer that a rule takes for one without records. A body that is merely empty is
    /// read as any other, for it may have been lost on the way.
    pub(crate) async fn fetch<T>(
        &self,
        call: &Call,
        read: impl Fn(Option<&Bytes>) -> Result<T, Unread>,
    ) -> Result<Fetched<T>, SourceError> {
        let mut tries = Tries::new(self.patience);
        let mut requests = 0;
        loop {
            let token = self.login.token(|form| self.ask_for_token(form)).await?;
            requests += 1;
            let request = self.request(call, &token)?;
            let trouble = match self.attempt(&call.method, &call.target, request).await {
                Ok(answer) => {
                    let body = match self.judge(call, &answer, &token) {
                        Ok(Verdict::Good) if !answer.has_nothing() => Ok(Some(&answer.body)),
                        Ok(Verdict::Good | Verdict::Empty) => Ok(None),
                        Ok(Verdict::Restart(why)) => return Ok(Fetched::Restart(why)),
                        Err(trouble) => Err(trouble),
                    };
                    match body.map(&read) {
                        Ok(Ok(value)) => {
                            let time = retry::server_time(&answer.headers);
                            return Ok(Fetched::Reply(Reply { value, time, requests, headers: answer.headers }));
                        }
                        Ok(Err(Unread::Garbled(what))) => {
                            Trouble::Passing { error: SourceError::temporary(place(call), what), after: None }
                        }
                        Ok(Err(Unread::Unexpected(what))) => Trouble::Final(SourceError::failed(place(call), what)),
                        Err(trouble) => trouble,
                    }
                }
                Err(trouble) => trouble,
            };
            if tries.bear(trouble, &self.budget).await? == Next::Refresh {
                self.login.forget(&token).await;
            }
        }
    }

    fn request(&self, call: &Call, token: &Token) -> Result<RequestBuilder, SourceError> {
        let base = token.base_url.as_deref().unwrap_or(&self.base_url);
        let mut url = resolve(base, &call.target)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut headers = call.headers.clone();
        token.sign(&mut url, &mut headers);
        let request = self.http.request(call.method.clone(), url).headers(headers);
        Ok(match &call.json {
            Some(json) => request.header("content-type", "application/json").body(json.clone()),
            None => request,
        })
    }

    /// The answer to a token request; every refusal is one of the credentials.
    async fn ask_for_token(&self, form: SecretForm) -> Result<Vec<u8>, SourceError> {
        let url = resolve_token(&self.base_url, &form.url)?;
        let place = without_query(&form.url);
        let fields: Vec<(&str, &str)> =
            form.fields.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
        let conceal = |text: &str| {
            // The other secrets among the fields are settings.
            let secrets = form.fields.iter().filter(|(name, _)| ["refresh_token", "assertion"].contains(name));
            secrets.fold(self.settings.conceal(text), |text, (_, secret)| text.replace(secret.expose_secret(), "***"))
        };
        let mut tries = Tries::new(self.patience);
        loop {
            let request = self.http.post(url.clone()).form(&fields);
            let trouble = match self.attempt(&Method::POST, &form.url, request).await {
                Ok(answer) => {
                    let decided = retry::decide(&self.token_rules, answer.status, &answer.body);
                    // Some servers refuse by an answer that is a success but for its body.
                    if decided.is_none() && auth::is_token(&answer.body) {
                        return Ok(answer.body.to_vec());
                    }
                    let what = format!("logging in failed: {}", answer.told(conceal));
                    let hint = decided.and_then(|(_, hint)| hint);
                    match decided {
                        Some((Action::Retry, _)) => {
                            self.passing(hinted(SourceError::temporary(place, what), hint), &answer)
                        }
                        Some((Action::Later, _)) => Trouble::Final(hinted(SourceError::temporary(place, what), hint)),
                        _ => Trouble::Final(hinted(SourceError::credentials(place, what), hint)),
                    }
                }
                Err(trouble) => trouble,
            };
            tries.bear(trouble, &self.budget).await?;
        }
    }

    /// Sends one request, once its budgets allow it, and reads the whole answer.
    async fn attempt(&self, method: &Method, target: &str, request: RequestBuilder) -> Result<Answer, Trouble> {
        let path = without_query(target);
        let place = || format!("{method} {path}");
        let (client, request) = request.build_split();
        let mut request = request.map_err(|error| Trouble::Final(SourceError::failed(place(), cause(&error))))?;
        let mut watched = None;
        if let Some(wire) = &self.wire {
            watched = Some((wire, Asked::of(&request)));
            wire.before(&mut request).await;
        }
        let permit = self.budget.admit(path).await.map_err(|error| Trouble::Final(error.at(place())))?;
        let started = Instant::now();
        let passing = |what: String| Trouble::Passing {
            error: SourceError::temporary(place(), what).with_hint(
                "the server could not be reached or broke off: check the address and the network, or run again later",
            ),
            after: None,
        };
        let asked = async {
            let response = client.execute(request).await.map_err(|error| {
                if error.is_builder() || error.is_redirect() {
                    return Trouble::Final(SourceError::failed(place(), cause(&error)));
                }
                passing(format!("no answer: {}", cause(&error)))
            })?;
            answer::read(response, started, permit, self.largest).await.map_err(|unfinished| match unfinished {
                Unfinished::Broken(error) => passing(format!("the answer broke off: {}", cause(&error))),
                Unfinished::TooLarge => {
                    let what = format!("the answer is larger than {} MiB", self.largest / (1024 * 1024));
                    Trouble::Final(
                        SourceError::failed(place(), what)
                            .with_hint("ask for fewer records a page, or raise `largest_answer` in the manifest"),
                    )
                }
            })
        };
        let answer = tokio::time::timeout(self.total_timeout, asked).await.map_err(|_| {
            let what = format!("there is no whole answer after {} s", self.total_timeout.as_secs());
            Trouble::Final(SourceError::temporary(place(), what).with_hint(
                "the server is too slow: ask for fewer records a page, or raise `total_timeout` in the manifest",
            ))
        })??;
        if let Some((wire, asked)) = watched {
            let (headers, body) = (answer.headers.clone(), answer.body.clone());
            wire.after(&Exchange { asked, status: answer.status, headers, body });
        }
        let ms = started.elapsed().as_millis() as u64;
        tracing::debug!(%method, path, status = answer.status.as_u16(), bytes = answer.body.len(), ms, "request");
        Ok(answer)
    }

    /// A refusal that may pass. One for the sake of a limit holds all requests back, and so does one that names a time.
    fn passing(&self, error: SourceError, answer: &Answer) -> Trouble {
        let after = retry::retry_after(&answer.headers);
        if after.is_some() || answer.status.is_client_error() || answer.status == StatusCode::SERVICE_UNAVAILABLE {
            self.budget.strained(answer.began, after);
        }
        Trouble::Passing { error, after }
    }

    fn judge(&self, call: &Call, answer: &Answer, token: &Token) -> Result<Verdict, Trouble> {
        let rules = call.rules.iter().chain(&self.rules);
        let Some((action, hint)) = retry::decide(rules, answer.status, &answer.body) else {
            return self.budget.observe(&answer.headers).map(|()| Verdict::Good).map_err(Trouble::Final);
        };
        let what = answer.told(|text| token.conceal(&self.settings.conceal(text)));
        let place = place(call);
        let hint = hint.or_else(|| advice(answer.status));
        let refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Err(match action {
            Action::Empty => return Ok(Verdict::Empty),
            Action::Restart => return Ok(Verdict::Restart(hinted(SourceError::failed(place, what), hint))),
            Action::Retry => self.passing(hinted(SourceError::temporary(place, what), hint), answer),
            Action::Later => Trouble::Final(hinted(SourceError::temporary(place, what), hint)),
            Action::Refresh if self.login.can_refresh() => {
                Trouble::Stale(hinted(SourceError::credentials(place, what), hint))
            }
            Action::Refresh => Trouble::Final(hinted(SourceError::credentials(place, what), hint)),
            Action::Fail if refused => Trouble::Final(hinted(SourceError::credentials(place, what), hint)),
            Action::Fail => Trouble::Final(hinted(SourceError::failed(place, what), hint)),
        })
    }
}

/// What an answer is taken for.
enum Verdict {
    Good,
    Empty,
    Restart(SourceError),
}

/// Headers by name, checked.
pub(crate) fn headers(given: &IndexMap<String, String>) -> Result<HeaderMap, SourceError> {
    given
        .iter()
        .map(|(name, value)| match (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            (Ok(name), Ok(value)) => Ok((name, value)),
            _ => Err(SourceError::usage("headers", format!("`{name}: {value}` is no HTTP header"))),
        })
        .collect()
}

fn hinted(error: SourceError, hint: Option<&str>) -> SourceError {
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn place(call: &Call) -> String {
    format!("{} {}", call.method, without_query(&call.target))
}
