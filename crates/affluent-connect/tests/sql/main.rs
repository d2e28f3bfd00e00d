//! SQL sources against real servers, PostgreSQL and MariaDB, started on loopback in a folder of their own.
//!
//! Where a server is not installed its tests are listed as ignored, and say what they need.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod broken;
mod bronze;
mod chunks;
mod random;
mod server;
mod types;

use std::future::Future;
use std::sync::Arc;

use affluent_spec::pipeline::Database;
use libtest_mimic::{Arguments, Trial};
use server::Server;
use tokio::runtime::Runtime;

/// A test of one database, with the server and the name of a database of its own.
type Test = fn(Arc<Server>, String) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! tests {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$((concat!(stringify!($module), "_", stringify!($name)), (|server, name| Box::pin($module::$name(server, name))) as Test)),*]
    };
}

fn main() {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().unwrap());
    let both = tests![
        chunks::a_table_is_read_by_chunks_and_a_kill_costs_one,
        chunks::what_changes_during_a_read_comes_with_the_next,
        chunks::late_and_equal_cursors_are_neither_lost_nor_doubled,
        chunks::numbers_and_days_are_cursors_too,
        chunks::rows_without_a_cursor_come_each_time,
        chunks::without_a_cursor_all_is_read_and_goes_on_by_key,
        chunks::without_a_key_all_is_read_and_copies_are_kept,
        chunks::a_query_is_read_as_a_table,
        chunks::deleted_rows_are_tombstones,
        broken::a_lost_connection_is_taken_up_behind_the_last_row,
        broken::what_is_wrong_is_told,
        broken::names_and_values_are_never_part_of_a_query,
        random::any_sequence_of_changes_and_kills_ends_with_the_truth,
    ];
    let mut trials = Vec::new();
    for database in [Database::Postgres, Database::Mysql] {
        let own = match database {
            Database::Postgres => tests![types::postgres_keeps_every_type, types::postgres_refuses_what_no_type_holds],
            Database::Mysql => tests![types::mysql_keeps_every_type, types::mysql_refuses_what_no_type_holds],
        };
        let needs = match database {
            Database::Postgres => "postgresql",
            Database::Mysql => "mariadb-server",
        };
        let installed = server::installed(database);
        // Started by the first test that needs it.
        let shared: Arc<tokio::sync::OnceCell<Arc<Server>>> = Arc::default();
        for (name, test) in both.iter().chain(&own) {
            let title = format!("{}::{name}", database.connector());
            if !installed {
                trials.push(Trial::test(format!("{title} (needs {needs})"), || Ok(())).with_ignored_flag(true));
                continue;
            }
            let (runtime, shared, test) = (Arc::clone(&runtime), Arc::clone(&shared), *test);
            let schema = format!("t{}", trials.len());
            trials.push(Trial::test(title, move || {
                runtime.block_on(async {
                    let server = shared.get_or_init(|| async { Arc::new(Server::start(database).await) }).await;
                    server.create(&schema).await;
                    // A panic in a task ends the test and not the server.
                    tokio::spawn(test(Arc::clone(server), schema)).await.map_err(|error| error.to_string().into())
                })
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
