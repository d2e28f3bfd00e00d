//! CSV as in RFC 4180 (comma, double quotes where needed), but with the line feeds that shells and their tools expect.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::failure::Failure;

/// Writes a header and all rows to `out`.
pub(super) fn write(out: &mut Vec<u8>, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(out);
    let told = |error: csv::Error| Failure::failed(error.to_string());
    writer.write_record(schema.fields().iter().map(|field| field.name())).map_err(told)?;
    let options = FormatOptions::default().with_timestamp_tz_format(Some(super::INSTANT));
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            writer.write_record(columns.iter().map(|column| column.value(row).to_string())).map_err(told)?;
        }
    }
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests_data::batch;
    use super::*;

    #[test]
    fn quotes_what_needs_it_and_keeps_decimals_exact() {
        let batch = batch();
        let mut out = Vec::new();
        write(&mut out, &batch.schema(), &[batch]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "name,amount,rate,ok,at\n\"Zoé \"\"Z\"\", a\nb\",1234567890123.4500,0.1,true,2026-11-01T00:00:00Z\n,,,,\n"
        );
    }
}
