//! What a SOQL query of a manifest may get wrong although its shape is right.

use super::Stream;
use super::faults::Faults;
use crate::ColumnType;

/// Tells what is wrong with the jobs that a stream's query may become.
pub(super) fn check(faults: &mut Faults<'_>, name: &str, stream: &Stream) {
    let Some((parameter, bulk)) = stream.soql().and_then(|(name, soql)| Some((name, soql.bulk.as_ref()?))) else {
        return;
    };
    let at = ["streams", name, "query", parameter, "soql", "bulk"];
    faults.count(&[&at[..], &["above"]].concat(), &bulk.above);
    if !bulk.post.ends_with("/jobs/query") {
        let hint = Some("write it as in /services/data/v64.0/jobs/query".to_owned());
        faults.fault(&[&at[..], &["post"]].concat(), format!("`{}` is no path of query jobs", bulk.post), hint);
    }
    let asked = stream.get.as_ref().map(ToString::to_string).unwrap_or_default();
    if !["/query", "/queryAll"].iter().any(|end| asked.ends_with(end)) {
        let hint =
            Some("`get` a path that ends in /queryAll, or in /query where deleted records are left out".to_owned());
        faults.fault(&at, "a job does what `query` or `queryAll` does, and the stream asks for neither", hint);
    }
    if let Some((field, _)) = stream.fields.iter().find(|(_, ty)| **ty == ColumnType::Json) {
        let hint = Some("take the parts of a compound field one by one, or leave `bulk` out".to_owned());
        faults.fault(&at, format!("`{field}` is json, and the results of a job are CSV"), hint);
    }
}

#[cfg(test)]
mod tests {
    use crate::connector::{Connector, faults};
    use crate::read;

    const MANIFEST: &str = "
connector: small
settings:
  token: { type: string, secret: true }
  name: { type: string, default: x }
  bulk_above: { type: integer, default: 50000 }
http: { base_url: 'https://api.example.com', auth: { bearer: token }, check: { get: /me } }
streams:
  account:
    get: /services/data/v64.0/queryAll
    query:
      q:
        soql:
          from: Account
          bulk: { post: /services/data/v64.0/jobs/query, above: bulk_above }
    records: records
    key: [Id]
    cursor: { field: At }
    fields: { Id: string, At: timestamp }
";

    /// What is wrong when `to` stands for `from`, with line, column and hint.
    fn told(from: &str, to: &str) -> Vec<String> {
        let text = MANIFEST.replacen(from, to, 1);
        let problems = match read::<Connector>("m.yaml", &text) {
            Ok(manifest) => faults(&manifest),
            Err(problems) => problems,
        };
        let told = |p: crate::Problem| {
            format!("{}:{}: {} ({})", p.span.line, p.span.column, p.message, p.hint.unwrap_or_default())
        };
        problems.into_iter().map(told).collect()
    }

    #[test]
    fn faults_are_told_where_they_stand() {
        for above in ["bulk_above", "50000", "0"] {
            assert_eq!(told("above: bulk_above", &format!("above: {above}")), Vec::<String>::new());
        }
        for (from, to, expected) in [
            (
                "above: bulk_above",
                "above: bulk_abov",
                "15:65: no setting `bulk_abov` is declared (did you mean `bulk_above`? known: token, name, bulk_above)",
            ),
            (
                "above: bulk_above",
                "above: name",
                "15:65: setting `name` is used as a number (declare it `type: integer`)",
            ),
            ("above: bulk_above", "above: token", "15:65: setting `token` is a secret and may not stand here ()"),
            (
                "jobs/query, above",
                "jobs/ingest, above",
                "15:25: `/services/data/v64.0/jobs/ingest` is no path of query jobs (write it as in \
                 /services/data/v64.0/jobs/query)",
            ),
            (
                "v64.0/queryAll",
                "v64.0/search",
                "15:19: a job does what `query` or `queryAll` does, and the stream asks for neither (`get` a path that \
                 ends in /queryAll, or in /query where deleted records are left out)",
            ),
            (
                "At: timestamp }",
                "At: timestamp, Address: json }",
                "15:19: `Address` is json, and the results of a job are CSV (take the parts of a compound field one by \
                 one, or leave `bulk` out)",
            ),
        ] {
            assert_eq!(told(from, to), [expected], "{to}");
        }
        for (from, to, expected) in [
            (", above: bulk_above", "", "missing"),
            ("above: bulk_above", "abov: 5", "unknown key `abov`"),
            ("above: bulk_above", "above: -1", "15:"),
        ] {
            let found = told(from, to);
            assert!(found.iter().any(|told| told.contains(expected)), "{to}: {found:?}");
        }
    }
}
