//! A run killed again and again, each kill known by the stage that it fell into: the run log has a commit for every stage done.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use affluent_connect::store::StoreOptions;
use libtest_mimic::Failed;

use crate::lakes;
use crate::support;

/// The schemas that extract, transform and marts write to.
const SCHEMAS: [&str; 3] = ["bronze", "silver", "gold"];

/// The part of a stage's time, as an undisturbed run takes it, in which random moments lie: later ones would find it at its end.
const EARLY: f64 = 0.3;

/// A lake under attack.
pub(super) enum Lake {
    Disk(PathBuf),
    Bucket(String, StoreOptions),
}

impl Lake {
    /// `schema/table` → commits.
    fn versions(&self) -> Result<BTreeMap<String, usize>, Failed> {
        match self {
            Self::Disk(folder) => lakes::versions(folder),
            Self::Bucket(url, options) => lakes::versions_at(url, options),
        }
    }

    /// The time between two looks, which the store has to answer beside the run.
    fn pause(&self) -> Duration {
        Duration::from_millis(if matches!(self, Self::Disk(_)) { 2 } else { 100 })
    }

    fn seen(&self) -> Result<Seen, Failed> {
        let versions = self.versions()?;
        let of = |schema: &str| {
            versions
                .iter()
                .filter(|(table, _)| table.starts_with(&format!("{schema}/")))
                .map(|(_, commits)| commits)
                .sum()
        };
        Ok(Seen { commits: SCHEMAS.map(of), done: versions.get(lakes::RUN_LOG).copied().unwrap_or(0) })
    }

    /// Commits in the tables of a stage.
    pub(super) fn commits(&self, stage: usize) -> Result<usize, Failed> {
        Ok(self.seen()?.commits[stage])
    }
}

/// What stands in a lake: commits by stage, and stages done by all runs.
struct Seen {
    commits: [usize; 3],
    done: usize,
}

/// When a process is killed; stages by their number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// At a random time after a stage has begun.
    Within(usize),
    /// As soon as so many more commits stand in a stage's tables, or the stage is over.
    Commits(usize, usize),
}

/// Kills by the stage they fell into.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kills {
    pub(super) all: [usize; 3],
    /// Those at a random time of the stage they were meant for.
    pub(super) random: [usize; 3],
}

impl Kills {
    pub(super) fn total(&self) -> usize {
        self.all.iter().sum()
    }

    /// Every stage was killed, at random times too, and all of them so often.
    pub(super) fn suffice(&self, total: usize) -> Result<(), Failed> {
        if self.total() < total || self.all.contains(&0) || self.random.contains(&0) {
            return Err(Failed::from(format!("{total} kills in extract, transform and marts were wanted: {self:?}")));
        }
        Ok(())
    }
}

impl std::ops::AddAssign for Kills {
    fn add_assign(&mut self, other: Self) {
        for stage in 0..3 {
            self.all[stage] += other.all[stage];
            self.random[stage] += other.random[stage];
        }
    }
}

/// Numbers that look random and are the same each time (Steele, Lea and Flood, splitmix64).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Waits for `due` or the child's end, looking every `pause`; killed, or ended by itself with success.
pub(super) fn killed_when(
    child: &mut Child,
    pause: Duration,
    mut due: impl FnMut() -> Result<bool, Failed>,
) -> Result<bool, Failed> {
    let patience = Instant::now() + Duration::from_mins(2);
    let mut late = false;
    loop {
        if late || due()? {
            child.kill()?;
        }
        let ended = child.try_wait()?;
        match ended {
            // A kill that came too late finds a process which has ended by itself.
            Some(status) if status.success() => return Ok(false),
            Some(status) if status.signal() == Some(9) && !late => return Ok(true),
            Some(status) if status.signal() == Some(9) => return Err(Failed::from("a run does not end")),
            Some(status) => return Err(Failed::from(format!("a run ended with {status}"))),
            None => late = Instant::now() > patience,
        }
        std::thread::sleep(pause);
    }
}

pub(super) fn quiet(mut command: Command) -> Result<Child, Failed> {
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// A run that is to be killed.
pub(super) struct Siege<'a> {
    /// Starts it.
    pub(super) run: &'a dyn Fn() -> Command,
    pub(super) lake: &'a Lake,
    /// What its sources have been asked so far: more tells that extraction has begun.
    pub(super) asked: &'a dyn Fn() -> Result<u64, Failed>,
    /// The seconds that its stages take undisturbed.
    pub(super) seconds: [f64; 3],
}

impl Siege<'_> {
    /// Kills it at one moment after the other, each time going on where it was, until it comes through.
    pub(super) fn batter(&self, moments: &[Moment], draw: &mut Draw) -> Result<Kills, Failed> {
        let mut kills = Kills::default();
        let before = self.lake.seen()?.done;
        for moment in moments {
            let done = self.lake.seen()?.done - before;
            let (Moment::Within(stage) | Moment::Commits(stage, _)) = *moment;
            if done > stage {
                continue;
            }
            if !self.killed(*moment, before, draw)? {
                break;
            }
            let stage_hit = self.lake.seen()?.done - before;
            if stage_hit >= SCHEMAS.len() {
                // All was done and written down.
                break;
            }
            kills.all[stage_hit] += 1;
            kills.random[stage_hit] += usize::from(matches!(moment, Moment::Within(meant) if *meant == stage_hit));
        }
        support::success(&mut (self.run)())?;
        Ok(kills)
    }

    fn killed(&self, moment: Moment, before: usize, draw: &mut Draw) -> Result<bool, Failed> {
        let (at_first, asked) = (self.lake.seen()?, (self.asked)()?);
        let mut child = quiet((self.run)())?;
        let mut began: Option<Instant> = None;
        let share = draw.share();
        killed_when(&mut child, self.lake.pause(), || {
            let seen = self.lake.seen()?;
            let done = seen.done - before;
            Ok(match moment {
                Moment::Commits(stage, more) => done > stage || seen.commits[stage] >= at_first.commits[stage] + more,
                Moment::Within(stage) => {
                    let begun = done >= stage && (stage > 0 || (self.asked)()? > asked);
                    let delay = Duration::from_secs_f64(self.seconds[stage] * EARLY * share);
                    done > stage || (begun && began.get_or_insert_with(Instant::now).elapsed() >= delay)
                }
            })
        })
    }
}
