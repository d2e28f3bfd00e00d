//! The same run again writes nothing; two runs at once lose nothing and double nothing.

use std::path::Path;
use std::process::{Output, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::lakes;
use crate::support;
use crate::world::{AS_OF, World};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("idempotence::the_same_run_twice_writes_nothing", the_same_run_twice),
        Trial::test("idempotence::two_runs_at_once", two_at_once),
    ]
}

fn the_same_run_twice() -> Result<(), Failed> {
    let world = World::new(150)?;
    let lake = world.path("lake");
    world.load(&lake, 0)?;
    let (versions, rows) = (lakes::versions(&lake)?, lakes::read(&lake)?);
    let again = world.load(&lake, 0)?;
    let stages = again["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if stages.len() != 3 || stages.iter().any(|stage| stage["status"] != "already_done") {
        return Err(Failed::from(format!("the run does not say that it was done before: {again}")));
    }
    let unchanged = |what: &str| {
        let now = lakes::versions(&lake)?;
        let grown: Vec<_> = now.iter().filter(|(table, commits)| versions.get(*table) != Some(commits)).collect();
        let grown: Vec<_> =
            grown.into_iter().filter(|(table, _)| what == "twice" || table.as_str() != "_affluent/runs").collect();
        if grown.is_empty() { Ok(()) } else { Err(Failed::from(format!("{what}: tables were written: {grown:?}"))) }
    };
    unchanged("twice")?;
    // Under another name the sources are asked again; they have nothing new, so no table changes.
    let other = world.run(&lake.display().to_string(), &["--run-id", "other", "--as-of", AS_OF[0]]);
    support::success(&mut { other })?;
    unchanged("another run")?;
    lakes::same(&rows, &lakes::read(&lake)?)
}

fn two_at_once() -> Result<(), Failed> {
    let world = World::new(150)?;
    let calm = world.path("calm");
    world.load(&calm, 0)?;
    let expected = lakes::read(&calm)?;
    for (at, ids) in [["left", "right"], ["same", "same"]].into_iter().enumerate() {
        let lake = world.path(&format!("lake-{at}"));
        let both = at_once(&world, &lake, ids)?;
        for output in &both {
            let stderr = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {}
                Some(75) if stderr.contains("another run is writing") => {}
                code => {
                    return Err(Failed::from(format!(
                        "of two runs at once ({ids:?}) one ended with {code:?}: {stderr}"
                    )));
                }
            }
        }
        // Whatever each of them did, running again brings the lake to where one run alone brings it.
        for id in ids {
            support::success(&mut world.run(&lake.display().to_string(), &["--run-id", id, "--as-of", AS_OF[0]]))?;
        }
        lakes::same(&expected, &lakes::read(&lake)?)?;
    }
    Ok(())
}

fn at_once(world: &World, lake: &Path, ids: [&str; 2]) -> Result<Vec<Output>, Failed> {
    let lake = lake.display().to_string();
    let mut children = Vec::new();
    for id in ids {
        let mut run = world.run(&lake, &["--run-id", id, "--as-of", AS_OF[0]]);
        children.push(run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?);
    }
    Ok(children.into_iter().map(std::process::Child::wait_with_output).collect::<Result<_, _>>()?)
}
