//! What the rooms share: the program under test, and programs of others where they are there.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use libtest_mimic::{Failed, Trial};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The program under test, in the repository's root, without anything from outside that could sway it.
pub(crate) fn affluent(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affluent"));
    command.args(arguments).current_dir(root()).env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    command
}

/// Runs a command; its output, whatever its exit code.
pub(crate) fn output(command: &mut Command) -> Result<Output, Failed> {
    command.output().map_err(|error| Failed::from(format!("{command:?}: {error}")))
}

/// Runs a command that must succeed; its stdout.
pub(crate) fn success(command: &mut Command) -> Result<String, Failed> {
    let output = output(command)?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(stdout.into_owned())
    } else {
        Err(Failed::from(format!("{command:?} ended with {}\n{stdout}\n{stderr}", output.status)))
    }
}

/// Runs a command that must end with that exit code.
pub(crate) fn ends(command: &mut Command, code: i32) -> Result<Output, Failed> {
    let ended = output(command)?;
    if ended.status.code() == Some(code) {
        return Ok(ended);
    }
    let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    Err(Failed::from(format!("{command:?} ended with {}, not {code}\n{stdout}\n{stderr}", ended.status)))
}

/// Runs a command that must fail so; its stderr.
pub(crate) fn fails(command: &mut Command, code: i32) -> Result<String, Failed> {
    Ok(String::from_utf8_lossy(&ends(command, code)?.stderr).into_owned())
}

/// All of `parts` must be in `text`.
pub(crate) fn has(text: &str, parts: &[&str]) -> Result<(), Failed> {
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(missing) => Err(format!("`{missing}` is not in\n{text}").into()),
        None => Ok(()),
    }
}

/// `found` must be `expected`.
pub(crate) fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}").into()) }
}

/// A Python that has all of `packages`: `$AFFLUENT_TEST_PYTHON`, else python3.
pub(crate) fn python(packages: &[&str]) -> Option<PathBuf> {
    static PYTHON: LazyLock<PathBuf> =
        LazyLock::new(|| std::env::var_os("AFFLUENT_TEST_PYTHON").map_or_else(|| "python3".into(), PathBuf::from));
    let imports = format!("import {}", packages.join(", "));
    let found = Command::new(&*PYTHON).args(["-c", &imports]).output().is_ok_and(|output| output.status.success());
    found.then(|| PYTHON.clone())
}

/// The start script of azurite's blob service: `$AFFLUENT_TEST_AZURITE`, else `azurite-blob` on the path.
pub(crate) fn azurite() -> Option<PathBuf> {
    let given = std::env::var_os("AFFLUENT_TEST_AZURITE").map(PathBuf::from);
    let program = given.unwrap_or_else(|| "azurite-blob".into());
    Command::new(&program).arg("--version").output().is_ok_and(|output| output.status.success()).then_some(program)
}

/// Node where it finds all of `packages`: in the folder `$AFFLUENT_TEST_NODE_MODULES`, else where it looks by itself.
pub(crate) fn node(packages: &[&str]) -> Option<Command> {
    let node = || {
        let mut node = Command::new("node");
        if let Some(modules) = std::env::var_os("AFFLUENT_TEST_NODE_MODULES") {
            node.env("NODE_PATH", modules);
        }
        node
    };
    let resolve = format!("{packages:?}.forEach((name) => require.resolve(name))");
    node().args(["-e", &resolve]).output().is_ok_and(|output| output.status.success()).then(node)
}

/// A test that runs where `needed` is there, and is listed as ignored with the reason where it is not.
pub(crate) fn where_there<T: Send + 'static>(
    name: &str,
    needed: Option<T>,
    what: &str,
    test: impl FnOnce(T) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    match needed {
        Some(needed) => Trial::test(name, move || test(needed)),
        None => Trial::test(format!("{name} (needs {what})"), || Ok(())).with_ignored_flag(true),
    }
}
