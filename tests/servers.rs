//! Object stores on loopback: moto as S3, azurite as Azure Blob Storage, each a child that ends with its handle.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use affluent_connect::store::StoreOptions;
use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::world::request;

/// The account and key that azurite publishes for everybody
/// (<https://learn.microsoft.com/azure/storage/common/storage-connect-azurite>).
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// An account signature made with that key, for making a container.
const SIGNATURE: &str = "sv=2020-12-06&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00%3A00%3A00Z&spr=https%2Chttp&sig=wuAW2s2z8U7NhHG8Efazfqb52Qnj74OIPXvd3nVp8a4%3D";

/// A store that serves until this is dropped.
pub(crate) struct Store {
    child: Child,
    addr: SocketAddr,
    /// The URL of a bucket or container that exists.
    pub(crate) root: &'static str,
    /// What the program under test has in its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// The same for the tests' own reading.
    pub(crate) options: StoreOptions,
    _folder: TempDir,
}

impl Drop for Store {
    fn drop(&mut self) {
        // A child that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Store {
    /// Puts the credentials into a command's environment and takes others out.
    pub(crate) fn enter<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// S3 by moto, with a bucket.
pub(crate) fn s3(python: &Path) -> Result<Store, Failed> {
    let (folder, addr) = (tempfile::tempdir()?, free()?);
    let mut command = Command::new(python);
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &addr.port().to_string()]);
    let child = started(&mut command, folder.path(), addr)?;
    let environment = vec![
        ("AWS_ENDPOINT", format!("http://{addr}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    let options = environment.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    let store = Store { child, addr, root: "s3://acme-lake", environment, options, _folder: folder };
    request(addr, "PUT", "/acme-lake", "")?;
    Ok(store)
}

/// Azure by azurite, with a container.
pub(crate) fn azure(azurite: &PathBuf) -> Result<Store, Failed> {
    let (folder, addr) = (tempfile::tempdir()?, free()?);
    let mut command = Command::new(azurite);
    command.args([
        "--blobPort",
        &addr.port().to_string(),
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--location",
    ]);
    command.arg(folder.path());
    let child = started(&mut command, folder.path(), addr)?;
    let environment = vec![
        ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
        ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
        ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL", format!("http://{addr}")),
    ];
    // Without the process's environment an emulator is a store at an address of its own.
    let options = StoreOptions::from([
        ("azure_storage_account_name".to_owned(), ACCOUNT.to_owned()),
        ("azure_storage_account_key".to_owned(), KEY.to_owned()),
        ("azure_storage_endpoint".to_owned(), format!("http://{addr}/{ACCOUNT}")),
        ("azure_allow_http".to_owned(), "true".to_owned()),
    ]);
    let store = Store { child, addr, root: "az://acme-lake", environment, options, _folder: folder };
    request(addr, "PUT", &format!("/{ACCOUNT}/acme-lake?restype=container&{SIGNATURE}"), "")?;
    Ok(store)
}

/// A port nobody listens on, as far as can be told beforehand.
fn free() -> Result<SocketAddr, Failed> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn started(command: &mut Command, folder: &Path, addr: SocketAddr) -> Result<Child, Failed> {
    let mut child = command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let patience = Instant::now() + Duration::from_secs(30);
    while Instant::now() < patience {
        if TcpStream::connect(addr).is_ok() {
            return Ok(child);
        }
        if let Some(status) = child.try_wait()? {
            return Err(Failed::from(format!("{command:?} ended with {status} before it served")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    Err(Failed::from(format!("{command:?} does not listen on {addr}")))
}
