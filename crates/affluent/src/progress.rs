//! Progress on stderr: moving bars on a terminal, else one plain line for each step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use affluent_engine::extract::StreamReport;
use affluent_engine::marts::{ModelReport, ModelStatus};
use affluent_engine::run::{Event, Stage};
use affluent_engine::transform::EntityReport;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::stderr;
use crate::text::{count, number};

/// Hears the events of a run and shows them.
pub(crate) struct Progress {
    bars: MultiProgress,
    moving: Mutex<HashMap<String, ProgressBar>>,
    terminal: bool,
}

/// What a run tells its events to; nothing is shown where `quiet`.
pub(crate) fn listener(quiet: bool) -> Arc<dyn Fn(&Event) + Send + Sync> {
    if quiet {
        return Arc::new(|_| {});
    }
    let progress =
        Progress { bars: MultiProgress::new(), moving: Mutex::new(HashMap::new()), terminal: stderr::is_moving() };
    Arc::new(move |event| progress.show(event))
}

impl Progress {
    fn show(&self, event: &Event) {
        match event {
            Event::Began { stage, steps } => self.began(*stage, *steps),
            Event::Read { stream, rows, requests } => {
                if self.terminal {
                    self.bar(stream).set_message(format!("{:>12}  {}", number(*rows), count(*requests, "request")));
                }
            }
            Event::Extracted(report) => self.step(&report.stream, "extract", &extracted(report)),
            Event::Failed { stream, message } => self.step(stream, "extract", &format!("failed: {message}")),
            Event::Transformed(report) => {
                self.step(&format!("silver.{}", report.entity), "transform", &transformed(report));
            }
            Event::Built(report) => self.step(&report.model, "marts", &built(report)),
        }
    }

    fn began(&self, stage: Stage, steps: usize) {
        if self.terminal && stage != Stage::Extract && steps > 0 {
            self.bar(stage.name()).set_message(format!("{steps} steps"));
        }
    }

    fn bar(&self, name: &str) -> ProgressBar {
        let mut moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        moving
            .entry(name.to_owned())
            .or_insert_with(|| {
                let bar = self.bars.add(ProgressBar::new_spinner());
                if let Ok(style) = ProgressStyle::with_template("  {spinner} {prefix:30} {msg}  {elapsed}") {
                    bar.set_style(style);
                }
                bar.set_prefix(name.to_owned());
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            })
            .clone()
    }

    fn step(&self, name: &str, stage: &str, what: &str) {
        if !self.terminal {
            stderr::step(stage, name, what);
            return;
        }
        let done = self.moving.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        if let Some(bar) = done {
            bar.finish_and_clear();
        }
        // A terminal that went away has nothing to be told.
        let _ = self.bars.println(stderr::step_line(stage, name, what));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let _ = self.bars.clear();
    }
}

fn quarantine(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!("  {} to quarantine", number(rows)) }
}

fn extracted(report: &StreamReport) -> String {
    format!(
        "{:>10} read {:>10} new  {}  {:.1} s{}",
        number(report.read),
        number(report.written),
        count(report.requests, "request"),
        report.seconds,
        quarantine(report.quarantined)
    )
}

fn transformed(report: &EntityReport) -> String {
    if report.unchanged {
        return format!("{:>10} rows, nothing to do", number(report.rows));
    }
    format!(
        "{:>10} rows {:>10} changed  {} gone  {:.1} s{}",
        number(report.rows),
        number(report.changed),
        number(report.gone),
        report.seconds,
        quarantine(report.quarantined)
    )
}

fn built(report: &ModelReport) -> String {
    match report.status {
        ModelStatus::Published => {
            format!("{:>10} rows  {} tests  {:.1} s", number(report.rows), report.tests, report.seconds)
        }
        ModelStatus::Unchanged => format!("{:>10} rows, nothing to do", number(report.rows)),
        ModelStatus::TestFailed => "a test failed: the version before stays".to_owned(),
        ModelStatus::Failed => "its query failed: the version before stays".to_owned(),
        ModelStatus::Skipped => format!("not built: {}", report.because.as_deref().unwrap_or_default()),
    }
}
