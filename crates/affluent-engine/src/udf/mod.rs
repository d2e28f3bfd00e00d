//! The functions that plans use beside `DataFusion`'s own; one a file. To add one: a file with its `ScalarUDFImpl` and
//! documentation, and a line in [`register`].

pub mod convert;
pub(crate) mod hash;
mod local_date;
mod normalise;
mod to_instant;

use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

pub(crate) use normalise::Rule;

/// Registers all of them.
pub fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::from(local_date::LocalDate::new()));
    context.register_udf(ScalarUDF::from(to_instant::ToInstant::new()));
    for rule in Rule::all() {
        context.register_udf(ScalarUDF::from(normalise::Normaliser::new(rule)));
    }
}
