//! A stream as it will be read: the manifest's part and the pipeline's, settled.

use std::sync::Arc;

use affluent_spec::connector::{Connector, Deletes, Expression, Next, Stream, Value};
use affluent_spec::pipeline::StreamOptions;
use affluent_spec::{ColumnType, Name, bronze};
use chrono_tz::Tz;
use indexmap::IndexMap;

use super::body::{self, Path};
use super::client::Call;
use super::cursor::CursorPlan;
use super::request::{ListPlan, Scope, Words, chunks, names_under};
use super::settings::ResolvedSettings;
use super::shape::{ExplodePlan, Marks, Tombstone};
use crate::SourceError;
use crate::decode::JsonField;
use crate::schema::{Column, StreamSchema};

/// One stream, ready to be read.
pub(crate) struct StreamPlan {
    pub(crate) name: String,
    stream: Stream,
    settings: ResolvedSettings,
    fields: IndexMap<String, ColumnType>,
    pub(crate) raw: bool,
    pub(crate) zone: Tz,
    pub(crate) list: ListPlan,
    pub(crate) cursor: Option<CursorPlan>,
    pub(crate) deletes: DeletesPlan,
    pub(crate) explode: Option<ExplodePlan>,
    pub(crate) parent: Option<ParentPlan>,
    /// The path in an answer of how many records there are.
    pub(crate) count: Option<Path>,
    /// The parts of the names to ask for, where they are too many for one request.
    pub(crate) chunks: Vec<Vec<String>>,
}

/// The stream whose records say what is asked for.
pub(crate) struct ParentPlan {
    pub(crate) plan: Arc<StreamPlan>,
    /// Names with the paths of their values in a record of it.
    pub(crate) with: Vec<(String, Path)>,
}

/// How deleted records are told.
pub(crate) enum DeletesPlan {
    /// They are not.
    Untold,
    /// By the same list with other parameters.
    Listed(Box<ListPlan>),
    /// By what stands in each record.
    Marked(Marks),
    /// By records of another kind among the others.
    Entries {
        /// How these are told from the others.
        when: Marks,
        /// What becomes of them.
        tombstone: Tombstone,
    },
    /// By a list of their own.
    Told(Box<ListPlan>, Tombstone),
}

impl StreamPlan {
    /// The stream `name` of `connector` with a pipeline's options.
    pub(crate) fn new(
        connector: &Connector,
        settings: &ResolvedSettings,
        name: &str,
        options: &StreamOptions,
    ) -> Result<Self, SourceError> {
        let stream = connector.stream(name).ok_or_else(|| {
            SourceError::no_stream(connector.connector.as_str(), name, connector.streams.keys().map(Name::as_str))
        })?;
        let mut fields = stream.fields.clone();
        fields.extend(options.columns.clone());
        let zone = match &options.timezone {
            None => Tz::UTC,
            Some(zone) => zone.parse().map_err(|_| {
                SourceError::usage(name, format!("`{zone}` is no time zone")).with_hint("write it as in Europe/Paris")
            })?,
        };
        let cursor = stream.cursor.as_ref();
        let list = ListPlan::of_stream(name, stream)?;
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        let always: Vec<&str> =
            stream.key.iter().chain(cursor.map(|cursor| &cursor.field)).map(String::as_str).collect();
        Ok(Self {
            name: name.to_owned(),
            settings: settings.clone(),
            raw: options.raw.unwrap_or(true),
            zone,
            cursor: cursor.map(|spec| CursorPlan::new(stream, spec, &fields, options, zone, settings)).transpose()?,
            deletes: deletes(stream, &list),
            explode: stream.explode.as_ref().map(ExplodePlan::new),
            parent: stream.parent.as_ref().map(|parent| parent_of(connector, settings, name, parent)).transpose()?,
            count: stream.count.as_deref().map(body::path),
            chunks: stream.chunked().map(|cut| chunks(&names, cut, &always)).unwrap_or_default(),
            list,
            stream: stream.clone(),
            fields,
        })
    }

    /// The fields to decode.
    pub(crate) fn json_fields(&self) -> Vec<JsonField> {
        self.fields.iter().map(|(path, ty)| JsonField::dotted(path, ty.clone())).collect()
    }

    /// The columns of the stream in bronze.
    pub(crate) fn schema(&self) -> StreamSchema {
        StreamSchema {
            columns: self.fields.iter().map(|(path, ty)| Column::new(bronze::of_field(path), ty.clone())).collect(),
            key: self.stream.key.iter().map(|field| bronze::of_field(field)).collect(),
            cursor: self.cursor.as_ref().map(|cursor| cursor.column().to_owned()),
            nested: self.raw,
            located: false,
        }
    }

    /// The columns that no record may lack.
    pub(crate) fn required(&self) -> Vec<String> {
        let key = self.stream.key.iter().filter(|field| self.stream.may_lack.as_ref() != Some(*field));
        key.map(|field| bronze::of_field(field)).collect()
    }

    /// The path of the field that identifies a record at the server.
    pub(crate) fn id_path(&self) -> Path {
        self.stream.key.first().map(|field| body::path(field)).unwrap_or_default()
    }

    /// The paths of the key's fields.
    pub(crate) fn key_paths(&self) -> Vec<Path> {
        self.stream.key.iter().map(|field| body::path(field)).collect()
    }

    /// Whether the stream is asked for by a SOQL query.
    pub(crate) fn is_soql(&self) -> bool {
        self.stream.soql().is_some()
    }

    /// Whether a field is kept as JSON.
    pub(crate) fn has_json(&self) -> bool {
        self.fields.values().any(|ty| *ty == ColumnType::Json)
    }

    /// How an answer names the next page.
    pub(crate) fn next(&self) -> Option<&Next> {
        self.list.next.as_ref()
    }

    /// The names of the declared fields.
    pub(crate) fn field_names(&self) -> Vec<&str> {
        self.fields.keys().map(String::as_str).collect()
    }

    /// The names that the query asks for by `{ fields: ... }`.
    pub(crate) fn properties(&self) -> Vec<&str> {
        let prefix = self.stream.query.values().find_map(|value| match value {
            Value::Expression(Expression::Fields(names)) => Some(names.path.as_str()),
            _ => None,
        });
        prefix.map(|prefix| names_under(&self.field_names(), prefix)).unwrap_or_default()
    }

    /// What the stream's requests can take.
    pub(crate) fn words(&self) -> Words<'_> {
        Words { settings: &self.settings, fields: self.field_names(), chunks: &self.chunks }
    }

    /// The stream's request with `soql` for its query, and its other parameters as they are.
    pub(crate) fn soql_call(&self, parameter: &str, soql: String) -> Result<Call, SourceError> {
        self.list.with_text(parameter, soql).call(&self.words(), &Scope::default())
    }

    /// A request for `path`.
    pub(crate) fn get_call(&self, path: &str) -> Result<Call, SourceError> {
        self.list.other(&self.words(), path, None)
    }

    /// A request to `path` with a JSON body.
    pub(crate) fn post_call(&self, path: &str, body: &serde_json::Value) -> Result<Call, SourceError> {
        self.list.other(&self.words(), path, Some(body))
    }
}

fn deletes(stream: &Stream, list: &ListPlan) -> DeletesPlan {
    fn pairs(map: &IndexMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
        map.iter().map(|(one, other)| (one.as_str(), other.as_str()))
    }
    match &stream.deletes {
        None => DeletesPlan::Untold,
        Some(Deletes::Query(query)) => DeletesPlan::Listed(Box::new(list.with(query))),
        Some(Deletes::Flag(field)) => DeletesPlan::Marked(Marks::set(field)),
        Some(Deletes::Value(values)) => DeletesPlan::Marked(Marks::new(pairs(values))),
        Some(Deletes::Entry(entry)) => {
            DeletesPlan::Entries { when: Marks::new(pairs(&entry.when)), tombstone: Tombstone::new(pairs(&entry.key)) }
        }
        Some(Deletes::List(told)) => {
            let cursor = stream.cursor.as_ref().map(|cursor| cursor.field.as_str()).zip(told.at.as_deref());
            DeletesPlan::Told(Box::new(ListPlan::of_tombstones(told)), Tombstone::new(pairs(&told.key).chain(cursor)))
        }
    }
}

fn parent_of(
    connector: &Connector,
    settings: &ResolvedSettings,
    name: &str,
    parent: &affluent_spec::connector::Parent,
) -> Result<ParentPlan, SourceError> {
    if connector.stream(parent.stream.as_str()).is_some_and(|stream| stream.parent.is_some()) {
        return Err(SourceError::usage(name, format!("the parent `{}` has a parent itself", parent.stream)));
    }
    let plan = StreamPlan::new(connector, settings, parent.stream.as_str(), &StreamOptions::default())?;
    let with = parent.with.iter().map(|(name, field)| (name.to_string(), body::path(field)));
    Ok(ParentPlan { plan: Arc::new(plan), with: with.collect() })
}
