//! Records that were refused, read again from the places where they stand.

use std::collections::{BTreeMap, HashSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use tokio::sync::mpsc;

use super::cursor::{Due, Loaded, changed};
use super::listing::Found;
use super::output::{Halt, Output};
use super::plan::Plan;
use super::portion::Portion;
use super::{AHEAD, blocking, input, read_file};
use crate::error::SourceError;
use crate::page::{Page, Rejected};

/// Reads the records at the positions of `refused` again. Those whose file is gone or changed since `loaded` are refused
/// once more.
pub(super) async fn replay(
    plan: Plan,
    files: Vec<Found>,
    loaded: Loaded,
    refused: Vec<Rejected>,
) -> Result<Page, SourceError> {
    let schema = plan.schema().arrow();
    let empty = schema.clone();
    let mut again = Vec::new();
    let mut places: BTreeMap<String, Vec<(u64, Rejected)>> = BTreeMap::new();
    for record in refused {
        match place(&record.position) {
            Some((file, line)) => places.entry(file.to_owned()).or_default().push((line, record)),
            None => again.push(Rejected { reason: "its position names no line of a file".to_owned(), ..record }),
        }
    }
    let (sender, mut pages) = mpsc::channel(AHEAD);
    let work = tokio::spawn(blocking(move || {
        Ok(read(&plan, &files, &loaded, places, Output::new(sender, loaded.clone(), empty)))
    }));
    let mut batches: Vec<RecordBatch> = Vec::new();
    while let Some(page) = pages.recv().await {
        let page = page?;
        batches.push(page.rows);
        again.extend(page.rejected);
    }
    let lost = work.await.map_err(|error| SourceError::failed("", format!("reading was broken off: {error}")))??;
    let requests = lost.files;
    again.extend(lost.records);
    let rows = concat_batches(&schema, &batches)
        .map_err(|error| SourceError::failed("", format!("pages do not fit together: {error}")))?;
    Ok(Page { rows, rejected: again, cursor: None, requests })
}

/// The file and the line of a position; `Sheet1!B7` is in row 7 of a workbook.
fn place(position: &str) -> Option<(&str, u64)> {
    let (file, line) = position.rsplit_once(':')?;
    let line = line
        .rsplit_once('!')
        .map_or(line, |(_, cell)| cell.trim_start_matches(|letter: char| letter.is_ascii_uppercase()));
    Some((file, line.parse().ok()?))
}

/// What was not found where it stood, and how many files were read.
struct Lost {
    records: Vec<Rejected>,
    files: u32,
}

fn read(
    plan: &Plan,
    files: &[Found],
    loaded: &Loaded,
    places: BTreeMap<String, Vec<(u64, Rejected)>>,
    mut output: Output,
) -> Lost {
    let mut lost = Lost { records: Vec::new(), files: 0 };
    for (name, records) in places {
        let found = files.iter().find(|file| file.name == name);
        let mut portion = Portion::Lines(records.iter().map(|(line, _)| *line).collect());
        let reason = match found.map(|file| same(file, loaded).map(|()| file)) {
            None => "its file is not there any more".to_owned(),
            Some(Err(error)) => error.to_string(),
            Some(Ok(file)) => {
                lost.files += 1;
                output.begin(0);
                match read_file(plan, file, &mut portion, &mut output) {
                    Ok(()) => "it is not at its place in the file any more".to_owned(),
                    Err(Halt::Gone) => return lost,
                    Err(Halt::Failed(error)) => {
                        // Where nobody takes pages any more there is nobody to tell.
                        let _: Result<(), Halt> = output.fail(error);
                        return lost;
                    }
                }
            }
        };
        let missed = match portion {
            Portion::Lines(lines) => lines,
            Portion::From(_) => HashSet::new(),
        };
        let missed = records.into_iter().filter(|(line, _)| missed.contains(line));
        lost.records.extend(missed.map(|(_, record)| Rejected { reason: reason.clone(), ..record }));
    }
    let _: Result<(), Halt> = output.flush();
    lost
}

/// Whether a file is the one that was loaded.
fn same(file: &Found, loaded: &Loaded) -> Result<(), SourceError> {
    match loaded.due(file)? {
        Due::Compare(hash) if input::hash(file)? != hash => {
            Err(changed(&file.name, "its size is the same, its content is not"))
        }
        _ => Ok(()),
    }
}
