//! A person without a company has that of the e-mail address, where one company of `silver.companies` alone has its domain.

use std::collections::HashMap;

use affluent_match::enrich::Employers;
use affluent_spec::TableName;
use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::{Map, Value};

use super::Work;
use crate::columns::PROVENANCE;
use crate::error::Error;

/// A company as persons bear it.
#[derive(Debug)]
pub(super) struct Employer {
    name: String,
    /// The record its name comes from, where that is known.
    record: Option<String>,
}

/// The table they are read from.
pub(super) fn table() -> TableName {
    TableName::silver("companies")
}

/// The companies of the table, which is known to queries already. One without a name has its domain all the same: the
/// domain is not somebody else's then.
pub(super) async fn read(work: &Work<'_>) -> Result<Employers<Option<Employer>>, Error> {
    let sql = format!("select domain, name, {PROVENANCE} from {} where domain is not null", table());
    let mut companies = Vec::new();
    for batch in work.context.sql(&sql).await?.collect().await? {
        let text = |at: usize| -> Result<StringArray, Error> {
            Ok(cast(batch.column(at), &DataType::Utf8)?.as_string::<i32>().clone())
        };
        let (domains, names, provenance) = (text(0)?, text(1)?, text(2)?);
        companies.extend((0..batch.num_rows()).map(|row| {
            let employer = (!names.is_null(row)).then(|| Employer {
                name: names.value(row).to_owned(),
                record: (!provenance.is_null(row)).then(|| record_of_name(provenance.value(row))).flatten(),
            });
            (domains.value(row).to_owned(), employer)
        }));
    }
    Ok(Employers::new(companies))
}

fn record_of_name(provenance: &str) -> Option<String> {
    let records: Map<String, Value> = serde_json::from_str(provenance).ok()?;
    records.get("name")?.as_str().map(str::to_owned)
}

/// Fills the company of persons that have none.
pub(super) fn fill(
    employers: &Employers<Option<Employer>>,
    columns: &mut HashMap<String, Vec<Option<String>>>,
    provenance: &mut [Map<String, Value>],
) {
    let emails = columns.get("email").cloned().unwrap_or_default();
    let Some(companies) = columns.get_mut("company_name") else { return };
    for (row, email) in emails.iter().enumerate() {
        if companies[row].is_some() {
            continue;
        }
        let Some(Some(employer)) = email.as_deref().and_then(|email| employers.of(email)) else { continue };
        companies[row] = Some(employer.name.clone());
        if let Some(record) = &employer.record {
            provenance[row].insert("company_name".to_owned(), record.clone().into());
        }
    }
}
