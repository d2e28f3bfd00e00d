//! What comes with the product: the canonical entities, the models and the connectors, each a file built into the binary.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use affluent_spec::connector::{self, Connector};
use affluent_spec::model::ModelFile;
use affluent_spec::{Entity, Problem, names, read};
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;

static SQL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sql");

/// Entities, models and connectors by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// Silver entities.
    pub entities: IndexMap<String, Entity>,
    /// Models by their name without the schema.
    pub models: IndexMap<String, Arc<ModelFile>>,
    /// Manifests.
    pub connectors: IndexMap<String, Arc<Connector>>,
    /// Files that were to be added and are at fault, by name without extension: whoever names one is not to blame.
    faulty: BTreeSet<String>,
}

impl Catalog {
    /// What is built in.
    pub fn builtin() -> Result<Self, Vec<Problem>> {
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        for (file, text) in files_of("silver", "yaml") {
            match read::<Entity>(&file, text) {
                Ok(entity) => {
                    catalog.entities.insert(entity.value.entity.to_string(), entity.value);
                }
                Err(faults) => problems.extend(faults),
            }
        }
        for (file, text) in files_of("gold", "sql") {
            problems.extend(catalog.add_model(&file, text).err().unwrap_or_default());
        }
        for (file, text) in connector::builtin() {
            problems.extend(catalog.add_connector(&format!("connectors/{file}"), text).err().unwrap_or_default());
        }
        catalog.entities.sort_keys();
        catalog.models.sort_keys();
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }

    /// Adds the models of a folder; one of the same name takes the place of the catalogue's.
    pub fn add_models(&mut self, folder: &Path) -> Result<(), Vec<Problem>> {
        self.add_folder(folder, "sql", Self::add_model)
    }

    /// Adds the manifests of a folder; one of the same name takes the place of the catalogue's.
    pub fn add_connectors(&mut self, folder: &Path) -> Result<(), Vec<Problem>> {
        self.add_folder(folder, "yaml", Self::add_connector)
    }

    /// Whether a file of this name is there, but at fault.
    pub fn is_faulty(&self, name: &str) -> bool {
        self.faulty.contains(name)
    }

    fn add_folder(
        &mut self,
        folder: &Path,
        extension: &str,
        add: fn(&mut Self, &str, &str) -> Result<(), Vec<Problem>>,
    ) -> Result<(), Vec<Problem>> {
        let unreadable =
            |path: &Path, error: std::io::Error| vec![Problem::of_file(path.display().to_string(), error.to_string())];
        let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
        let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort();
        let mut problems = Vec::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|found| found == extension)) {
            let file = path.display().to_string();
            let added = std::fs::read_to_string(path)
                .map_err(|error| unreadable(path, error))
                .and_then(|text| add(self, &file, &text));
            if let Err(faults) = added {
                problems.extend(faults);
                self.faulty.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn add_model(&mut self, file: &str, text: &str) -> Result<(), Vec<Problem>> {
        let model = ModelFile::read(file, text)?;
        let stem = Path::new(file).file_stem().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        let fault =
            |message: String, hint: String| Err(vec![model.document.problem(&["model"], message).with_hint(hint)]);
        match model.header.model.strip_prefix("gold.") {
            Some(name) if names::is_reserved(name) => fault(
                format!("`{name}` is a word that SQL engines reserve"),
                "call it something that needs no quotes in a query".to_owned(),
            ),
            Some(name) if name.parse::<names::Name>().is_ok() && name == stem => {
                self.models.insert(name.to_owned(), Arc::new(model));
                Ok(())
            }
            Some(name) if name.parse::<names::Name>().is_ok() => {
                fault(format!("the file of `gold.{name}` is called `{stem}.sql`"), format!("call it `{name}.sql`"))
            }
            _ => fault(
                format!("`{}` is not a model's name", model.header.model),
                "write `gold.` and a lower-case name".to_owned(),
            ),
        }
    }

    fn add_connector(&mut self, file: &str, text: &str) -> Result<(), Vec<Problem>> {
        let manifest = read::<Connector>(file, text)?;
        let faults = connector::faults(&manifest);
        if !faults.is_empty() {
            return Err(faults);
        }
        self.connectors.insert(manifest.value.connector.to_string(), Arc::new(manifest.value));
        Ok(())
    }
}

fn files_of(folder: &str, extension: &str) -> Vec<(String, &'static str)> {
    let Some(dir) = SQL.get_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = dir
        .files()
        .filter(|file| file.path().extension().is_some_and(|found| found == extension))
        .filter_map(|file| Some((format!("sql/{}", file.path().display()), file.contents_utf8()?)))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_has_no_fault() {
        let catalog = Catalog::builtin().unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert!(catalog.entities.contains_key("orders") && catalog.models.contains_key("rfm"));
        assert!(catalog.connectors.contains_key("hubspot"));
    }

    #[test]
    fn no_column_needs_quotes_in_a_query() {
        let catalog = Catalog::builtin().unwrap();
        let system = [crate::quarantine::schema(), crate::run::log_schema()];
        let schemas = catalog.entities.values().map(|entity| crate::plan::schema::table(entity, None));
        let schemas = schemas.chain(system).chain(crate::transform::own_schemas());
        let names: Vec<String> = schemas
            .flat_map(|schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>())
            .chain(catalog.models.values().flat_map(|model| model.header.columns.keys().cloned()))
            .collect();
        let reserved: BTreeSet<&String> = names.iter().filter(|name| names::is_reserved(name)).collect();
        assert!(names.len() > 500 && reserved.is_empty(), "{} columns, reserved: {reserved:?}", names.len());
    }
}
