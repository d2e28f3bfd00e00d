//! What differs between the rows a table holds and the rows it should hold.

use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::prelude::{DataFrame, SessionContext, col};

use super::{Table, conform};
use crate::error::Error;

/// The difference, as plans that have not run yet.
pub(super) struct Changes {
    /// Rows to add or to put in the place of those with their key.
    pub(super) changed: DataFrame,
    /// Keys of rows that are no more.
    pub(super) gone: DataFrame,
}

impl Changes {
    /// From the rows of `table` to `fresh`, which has at most one row for each `key`.
    pub(super) async fn between(
        context: &SessionContext,
        table: &Table,
        fresh: DataFrame,
        key: &str,
    ) -> Result<Self, Error> {
        let schema = std::sync::Arc::new(fresh.schema().as_arrow().clone());
        let current = conform::frame(context.read_table(table.provider().await?)?, &schema)?;
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self {
            changed: anti(context, fresh.clone(), current.clone(), &names)?,
            gone: anti(context, current.select(vec![col(key)])?, fresh.select(vec![col(key)])?, &[key.to_owned()])?,
        })
    }
}

/// The rows of `left` without an equal in `right` by `columns`, null equal to null.
pub(crate) fn anti(
    context: &SessionContext,
    left: DataFrame,
    right: DataFrame,
    columns: &[String],
) -> Result<DataFrame, Error> {
    let left = left.into_unoptimized_plan();
    let right = LogicalPlanBuilder::from(right.into_unoptimized_plan()).alias("held")?.build()?;
    let on: Vec<datafusion::common::Column> = columns.iter().map(datafusion::common::Column::from_name).collect();
    let held: Vec<datafusion::common::Column> =
        columns.iter().map(|name| datafusion::common::Column::new(Some("held"), name)).collect();
    let plan = LogicalPlanBuilder::from(left)
        .join_detailed(right, JoinType::LeftAnti, (on, held), None, NullEquality::NullEqualsNull)?
        .build()?;
    Ok(DataFrame::new(context.state(), plan))
}
