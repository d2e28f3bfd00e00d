//! The query session: memory bound, spilling, UTC, our functions, and the lake's tables by name.

use std::sync::Arc;

use affluent_spec::TableName;
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::error::Error;
use crate::lake::{Lake, SCHEMAS};
use crate::udf;

/// How much memory queries may take, and what they run on.
#[derive(Debug, Clone)]
pub struct Session {
    runtime: Arc<RuntimeEnv>,
    limit: Option<usize>,
}

/// Part of the limit that goes to query operators; the rest is for reading, writing and the program itself.
const QUERY_SHARE: f64 = 0.75;
/// Bytes of the limit for each row of a batch: 4,096 rows at 512 MiB.
const BATCH_SHARE: usize = 128 * 1024;

impl Session {
    /// A session whose process stays near `memory_limit` bytes; `None` bounds nothing.
    pub fn new(memory_limit: Option<usize>) -> Result<Self, Error> {
        let mut builder = RuntimeEnvBuilder::new().with_disk_manager_builder(DiskManagerBuilder::default());
        if let Some(limit) = memory_limit {
            let pool = FairSpillPool::new((limit as f64 * QUERY_SHARE) as usize);
            let named =
                TrackConsumersPool::new(pool, std::num::NonZeroUsize::new(3).unwrap_or(std::num::NonZeroUsize::MIN));
            builder = builder.with_memory_pool(Arc::new(named));
        }
        Ok(Self { runtime: builder.build_arc()?, limit: memory_limit })
    }

    /// Whether memory is bounded.
    pub fn bounded(&self) -> bool {
        self.limit.is_some()
    }

    /// A context with our functions and empty schemas for the lake's tables.
    pub fn context(&self) -> Result<SessionContext, Error> {
        let mut config = SessionConfig::new()
            .with_information_schema(true)
            .with_default_catalog_and_schema("lake", "gold")
            // Delta reads may give dictionary arrays, on which the pushed-down IN list is not safe.
            .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_size", 0)
            .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", 0);
        if let Some(limit) = self.limit {
            // Hash joins cannot spill; sort-merge joins can. What operators keep besides must shrink with the limit too.
            config = config
                // Side by side, operators starve each other of what is there; one after the other they spill.
                .with_target_partitions(1)
                .set_bool("datafusion.optimizer.prefer_hash_join", false)
                .with_batch_size((limit / BATCH_SHARE).clamp(256, 8192))
                .set_usize("datafusion.execution.sort_spill_reservation_bytes", limit / 128);
        }
        let context = SessionContext::new_with_config_rt(config, self.runtime.clone());
        if let Some(catalog) = context.catalog("lake") {
            for schema in SCHEMAS {
                if catalog.schema(schema).is_none() {
                    catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
                }
            }
        }
        udf::register(&context);
        Ok(context)
    }

    /// A context in which all tables of `lake` can be queried. One that cannot be read is told and left out: the others are none
    /// the worse for it.
    pub async fn over(&self, lake: &Lake) -> Result<SessionContext, Error> {
        let context = self.context()?;
        for name in lake.tables().await? {
            match lake.table(&name).await {
                Ok(Some(table)) => register(&context, &name, table.provider().await?)?,
                Ok(None) => {}
                Err(error @ Error::Lake { .. }) => {
                    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                    tracing::error!("a table is left out: {error}{hint}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(context)
    }
}

/// Makes `provider` known as `name`, in the place of what was known by it.
pub fn register(context: &SessionContext, name: &TableName, provider: Arc<dyn TableProvider>) -> Result<(), Error> {
    let reference = datafusion::common::TableReference::full("lake", name.schema.clone(), name.table.clone());
    context.deregister_table(reference.clone())?;
    context.register_table(reference, provider)?;
    Ok(())
}
