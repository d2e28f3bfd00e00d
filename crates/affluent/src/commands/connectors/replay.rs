//! A recording played to a manifest: the rows that it makes of the recorded replies.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use affluent_connect::http::{HttpSource, Patience, ResolvedSettings};
use affluent_connect::record::{Player, Recording, RecordingError, lines};
use affluent_connect::{Source, Window};
use affluent_spec::connector::{Auth, Connector, SettingSpec, SettingType};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{Name, Secret, Setting};
use futures::StreamExt;
use indexmap::IndexMap;

use super::target::told;
use crate::failure::Failure;

/// What stands in a recording in the place of a secret.
const CONCEALED: &str = "***";

/// What a recording makes.
pub(super) struct Replayed {
    /// Rows and refused records, a line of JSON each.
    pub(super) rows: Vec<String>,
    /// Recorded replies that nobody asked for.
    pub(super) left: usize,
}

/// Reads the recorded stream again, from a server on loopback. Log-in is not part of a recording, nor are budgets.
pub(super) async fn replay(manifest: &Connector, recording: &Recording, folder: &Path) -> Result<Replayed, Failure> {
    let stream: Name = recording.stream.parse().map_err(|error| Failure::usage(format!("{error}")))?;
    let mut manifest = manifest.clone();
    if matches!(manifest.http.auth, Auth::Oauth2(_)) {
        let secret: Name = "replayed_token".parse().map_err(|error| Failure::failed(format!("{error}")))?;
        let spec = SettingSpec { ty: SettingType::String, secret: true, default: None, description: None };
        manifest.settings.insert(secret.clone(), spec);
        manifest.http.auth = Auth::Bearer(secret);
    }
    manifest.http.limits.clear();
    manifest.http.quotas.clear();
    let mut with = IndexMap::new();
    for (name, spec) in &manifest.settings {
        match recording.with.get(name.as_str()) {
            _ if spec.secret => with.insert(name.to_string(), Setting::Secret(Secret::Env(String::new()))),
            Some(value) => with.insert(name.to_string(), Setting::Plain(value.as_str().into())),
            None => None,
        };
    }
    let settings = ResolvedSettings::resolve(&manifest, &with, &|_| Ok(CONCEALED.to_owned().into()))
        .map_err(|error| told(&manifest, error))?;
    let player = Arc::new(Player::start(folder, &recording.stream).await.map_err(unreadable)?);
    let streams = IndexMap::from([(stream.clone(), StreamOptions::default())]);
    let patience = Patience {
        tries: 2,
        first: Duration::from_millis(1),
        longest: Duration::from_millis(1),
        ..Patience::default()
    };
    let source = HttpSource::with_patience(&manifest, &settings, &streams, patience)
        .map_err(|error| told(&manifest, error))?
        .watched(player.clone());
    let mut pages = source.read(stream.as_str(), Window::default());
    let mut rows = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => rows.extend(lines(&page).map_err(|error| told(&manifest, error))?),
            Err(error) => {
                let unknown = player.unknown();
                if unknown.is_empty() {
                    return Err(told(&manifest, error));
                }
                // Behind the end of a recording that was cut at a number of rows there is nothing to compare.
                if recording.complete || player.left() > 0 {
                    let what = format!("asked for what was not recorded: {}", unknown.join(", "));
                    return Err(Failure::tests(what).hint("if the manifest is meant to ask so, record the stream anew"));
                }
                break;
            }
        }
    }
    Ok(Replayed { rows, left: player.left() })
}

/// A recording that cannot be read.
pub(super) fn unreadable(error: RecordingError) -> Failure {
    Failure::usage(error.to_string()).hint("`affluent connectors read NAME STREAM --record DIR` writes one")
}
