//! `hash_of(text, ...)`: 128 bits over texts, as 32 hexadecimal digits; null counts as empty.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use xxhash_rust::xxh3::xxh3_128;

/// The hash of texts.
pub(crate) fn of(texts: &[&str]) -> String {
    format!("{:032x}", xxh3_128(texts.join("\u{1f}").as_bytes()))
}

/// The function for plans.
pub(crate) fn udf() -> ScalarUDF {
    ScalarUDF::from(HashOf { signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct HashOf {
    signature: Signature,
}

impl ScalarUDFImpl for HashOf {
    fn name(&self) -> &'static str {
        "hash_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns: Vec<ArrayRef> = args
            .args
            .iter()
            .map(|value| Ok(cast(&value.to_array(args.number_rows)?, &DataType::Utf8)?))
            .collect::<Result<_>>()?;
        let texts: Vec<&StringArray> = columns.iter().map(AsArray::as_string::<i32>).collect();
        let hashes = (0..args.number_rows).map(|row| {
            let texts: Vec<&str> =
                texts.iter().map(|column| if column.is_null(row) { "" } else { column.value(row) }).collect();
            Some(of(&texts))
        });
        Ok(ColumnarValue::Array(Arc::new(hashes.collect::<StringArray>())))
    }
}
