//! Which streams, entities and models a run is about: `hubspot.contacts`, `hubspot.*`, `silver.orders`, `gold.rfm`.

use affluent_spec::suggest;
use globset::{Glob, GlobMatcher};

use crate::error::Error;
use crate::plan::Plan;

/// What `--select` picks; nothing said picks everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    words: Vec<String>,
    globs: Vec<GlobMatcher>,
}

impl Selection {
    /// Reads the words of `--select`, each of which must pick something of `plan`.
    pub fn parse(words: &[String], plan: &Plan) -> Result<Self, Error> {
        let known: Vec<String> = names(plan);
        let mut globs = Vec::new();
        for word in words {
            let fault = |message: String| Error::Problems(vec![affluent_spec::Problem::of_file("--select", message)]);
            let glob = Glob::new(word).map_err(|error| fault(error.to_string()))?.compile_matcher();
            if !known.iter().any(|name| glob.is_match(name)) {
                let hint = suggest::hint(word, known.iter().map(String::as_str));
                let problem =
                    affluent_spec::Problem::of_file("--select", format!("`{word}` picks nothing of this pipeline"));
                return Err(Error::Problems(vec![problem.with_hint_if(hint)]));
            }
            globs.push(glob);
        }
        let mut words = words.to_vec();
        words.sort();
        Ok(Self { words, globs })
    }

    /// Whether `name` is picked.
    pub fn picks(&self, name: &str) -> bool {
        self.globs.is_empty() || self.globs.iter().any(|glob| glob.is_match(name))
    }

    /// The words, sorted, as the run log keeps them.
    pub fn text(&self) -> String {
        self.words.join(",")
    }
}

fn names(plan: &Plan) -> Vec<String> {
    let streams = plan.sources.iter().flat_map(|source| source.streams.iter().map(crate::plan::StreamPlan::id));
    let entities = plan.entities.iter().map(|entity| format!("silver.{}", entity.name()));
    let models = plan.models.iter().map(|model| model.table.to_string());
    streams.chain(entities).chain(models).collect()
}
