//! A database server of a test's own: started in a temporary folder by a user without rights, ended with its handle.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use affluent_connect::sql::{Access, SqlSource, SqlStream};
use affluent_spec::Setting;
use affluent_spec::pipeline::Database;
use mysql_async::prelude::Queryable;
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "s3cret/W@rd";

pub(crate) struct Server {
    pub(crate) database: Database,
    pub(crate) port: u16,
    child: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A child that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the programs that a server takes are there.
pub(crate) fn installed(database: Database) -> bool {
    match database {
        Database::Postgres => program("initdb").is_some() && program("postgres").is_some(),
        Database::Mysql => program("mariadbd").is_some() && program("mariadb-install-db").is_some(),
    }
}

/// A program on the path, or where Debian keeps servers.
fn program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    folders.push("/usr/sbin".into());
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The user and group under which a server runs: this one, unless that is root, which servers refuse.
fn user(name: &str) -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map(|meta| meta.uid()).ok()? != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find_map(|line| line.strip_prefix(&format!("{name}:")))?;
    let mut fields = line.split(':').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn command(name: &str, folder: &Path, who: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program(name).unwrap());
    command.current_dir(folder).stdin(Stdio::null());
    let log = |name: &str| fs::File::options().create(true).append(true).open(folder.join(name)).unwrap();
    command.stdout(log("out.log")).stderr(log("err.log"));
    if let Some((user, group)) = who {
        command.uid(user).gid(group);
    }
    command
}

impl Server {
    pub(crate) async fn start(database: Database) -> Self {
        let folder = tempfile::Builder::new().prefix("sql-").tempdir().unwrap();
        let path = folder.path().to_owned();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let who = user(match database {
            Database::Postgres => "postgres",
            Database::Mysql => "mysql",
        });
        fs::write(path.join("password"), PASSWORD).unwrap();
        for name in ["out.log", "err.log", "password", "."] {
            let file = path.join(name);
            if name.ends_with("log") {
                fs::write(&file, "").unwrap();
            }
            if let Some((user, group)) = who {
                chown(&file, Some(user), Some(group)).unwrap();
            }
        }
        let data = path.join("data").display().to_string();
        let done = |command: &mut Command| {
            let status = command.status().unwrap();
            assert!(status.success(), "{}", fs::read_to_string(path.join("err.log")).unwrap_or_default());
        };
        let child = match database {
            Database::Postgres => {
                done(
                    command("initdb", &path, who)
                        .args(["-D", &data, "-U", "tester", "-A", "scram-sha-256", "-E", "UTF8"])
                        .args(["--pwfile=password", "--no-sync", "--locale=C.UTF-8"]),
                );
                // The handshake of SCRAM takes its time by design; it is gone through by one user, and not at each connection.
                fs::write(
                    path.join("data/pg_hba.conf"),
                    "host all scram 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 password\n",
                )
                .unwrap();
                command("postgres", &path, who)
                    .args(["-D", &data, "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
                    .args(["-c", &format!("unix_socket_directories={}", path.display()), "-c", "timezone=Europe/Paris"])
                    .spawn()
                    .unwrap()
            }
            Database::Mysql => {
                done(command("mariadb-install-db", &path, who).args([
                    "--no-defaults",
                    &format!("--datadir={data}"),
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ]));
                let init = path.join("init.sql");
                fs::write(
                    &init,
                    format!(
                        "CREATE USER 'tester'@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO 'tester'@'%';\n"
                    ),
                )
                .unwrap();
                fs::set_permissions(&init, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
                command("mariadbd", &path, who)
                    .args(["--no-defaults", &format!("--datadir={data}"), &format!("--port={port}")])
                    .args(["--bind-address=127.0.0.1", &format!("--socket={}", path.join("s").display())])
                    .args(["--innodb-flush-log-at-trx-commit=0", "--default-time-zone=+02:00"])
                    .args([&format!("--init-file={}", init.display()), "--character-set-server=utf8mb4"])
                    .spawn()
                    .unwrap()
            }
        };
        let server = Self { database, port, child, _folder: folder };
        for _ in 0..300 {
            if server.try_run(server.first(), "SELECT 1").await.is_ok() {
                if database == Database::Postgres {
                    let scram = format!("CREATE ROLE scram LOGIN SUPERUSER PASSWORD '{PASSWORD}'");
                    server.run(server.first(), &scram).await;
                }
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server does not answer: {}", fs::read_to_string(path.join("err.log")).unwrap_or_default());
    }

    /// A database that is there from the start.
    pub(crate) fn first(&self) -> &'static str {
        match self.database {
            Database::Postgres => "postgres",
            Database::Mysql => "mysql",
        }
    }

    /// Makes a database.
    pub(crate) async fn create(&self, name: &str) {
        self.run(self.first(), &format!("CREATE DATABASE {name}")).await;
    }

    /// Runs statements, parted by `;` at the end of a line.
    pub(crate) async fn run(&self, name: &str, sql: &str) {
        self.try_run(name, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn try_run(&self, name: &str, sql: &str) -> Result<(), String> {
        match self.database {
            Database::Postgres => {
                let client = self.postgres(name).await?;
                client.batch_execute(sql).await.map_err(|error| format!("{error:?}"))
            }
            Database::Mysql => {
                let mut conn = self.mysql(name).await?;
                for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
                    conn.query_drop(statement).await.map_err(|error| error.to_string())?;
                }
                conn.disconnect().await.map_err(|error| error.to_string())
            }
        }
    }

    pub(crate) async fn postgres(&self, name: &str) -> Result<tokio_postgres::Client, String> {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("tester").password(PASSWORD).dbname(name);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.map_err(|error| format!("{error:?}"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(crate) async fn mysql(&self, name: &str) -> Result<mysql_async::Conn, String> {
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .user(Some("tester"))
            .pass(Some(PASSWORD))
            .db_name(Some(name))
            .prefer_socket(false);
        mysql_async::Conn::new(options).await.map_err(|error| error.to_string())
    }

    /// How the product reaches a database, with settings in place of the usual ones.
    pub(crate) fn access(&self, name: &str, with: &[(&str, &str)]) -> Access {
        let port = self.port.to_string();
        let mut settings = vec![
            ("host", "127.0.0.1"),
            ("port", &port),
            ("database", name),
            ("user", "tester"),
            ("password", PASSWORD),
        ];
        settings.extend(with);
        let settings =
            settings.iter().map(|(key, value)| ((*key).to_owned(), Setting::Plain((*value).into()))).collect();
        Access::resolve("test", self.database, &settings, &|_| Err("no secret".to_owned())).unwrap()
    }

    /// A source of one stream.
    pub(crate) fn source(&self, name: &str, stream: SqlStream) -> SqlSource {
        SqlSource::new(self.access(name, &[]), vec![stream])
    }

    /// Ends the connections of the product.
    pub(crate) async fn cut(&self, name: &str) {
        match self.database {
            Database::Postgres => {
                let sql = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'affluent' AND datname = '{name}'"
                );
                self.run(self.first(), &sql).await;
            }
            Database::Mysql => {
                let mut conn = self.mysql(self.first()).await.unwrap();
                let sql = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{name}'");
                let ids: Vec<u64> = conn.query(sql).await.unwrap();
                for id in ids {
                    conn.query_drop(format!("KILL {id}")).await.unwrap();
                }
            }
        }
    }
}
