//! `--env-file`: variables for this process, by starting it once more with them, so that every library sees them.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;

/// Set in the second start, so that there is no third.
const DONE: &str = "AFFLUENT_ENV_FILE_READ";

/// Starts this process again with the variables of `path`, or returns where that was done.
pub(crate) fn read(path: &Path) -> Result<(), Failure> {
    if std::env::var_os(DONE).is_some() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let pairs = parse(&text).map_err(|line| {
        Failure::usage(format!("{}:{line}: not a variable", path.display()))
            .hint("write NAME=value, one a line; # begins a comment")
    })?;
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env(DONE, "1");
    again.envs(pairs.into_iter().filter(|(name, _)| std::env::var_os(name).is_none()));
    Err(take_over(again))
}

#[cfg(unix)]
fn take_over(mut again: Command) -> Failure {
    use std::os::unix::process::CommandExt;
    again.exec().into()
}

#[cfg(not(unix))]
fn take_over(mut again: Command) -> Failure {
    match again.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error.into(),
    }
}

/// The variables of a file, or the number of the first line that is none.
fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut pairs = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or(index + 1)?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(index + 1);
        }
        let value = value.trim();
        let bare =
            ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
        pairs.push((name.to_owned(), bare.to_owned()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_variables_and_names_the_line_at_fault() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let text = "# keys\nexport A=1\nB = \"x y\"\n\nC='#'\nD=a=b\n";
        assert_eq!(parse(text), Ok(vec![pair("A", "1"), pair("B", "x y"), pair("C", "#"), pair("D", "a=b")]));
        assert_eq!(parse("A=1\nnonsense"), Err(2));
        assert_eq!(parse("A B=1"), Err(1));
    }
}
