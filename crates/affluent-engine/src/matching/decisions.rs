//! Pairs that people decided on, from a CSV file: columns `left_record`, `right_record` and `decision`.

use std::path::Path;

use affluent_match::Decision;

use super::usage;
use crate::error::Error;

/// The decisions of a file; rows without a decision are not decided yet.
pub fn read(path: &Path) -> Result<Vec<Decision>, Error> {
    let place = path.display().to_string();
    let text =
        std::fs::read(path).map_err(|error| usage(&place, error.to_string(), "name a CSV file of decided pairs"))?;
    parse(&place, &text)
}

fn parse(place: &str, text: &[u8]) -> Result<Vec<Decision>, Error> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers().map_err(|error| malformed(place, &error))?.clone();
    let column = |name: &str| {
        headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name).ok_or_else(|| {
            usage(
                place,
                format!("there is no column `{name}`"),
                "the columns are left_record, right_record and decision (same or different)",
            )
        })
    };
    let (left, right, decision) = (column("left_record")?, column("right_record")?, column("decision")?);
    let mut decisions = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| malformed(place, &error))?;
        let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
        let same = match cell(decision).to_lowercase().as_str() {
            "" => continue,
            "same" => true,
            "different" => false,
            other => {
                let line = row.position().map_or(0, csv::Position::line);
                let place = format!("{place}:{line}");
                return Err(usage(
                    &place,
                    format!("`{other}` is no decision"),
                    "write same or different, or leave it blank",
                ));
            }
        };
        decisions.push(Decision { left: cell(left), right: cell(right), same });
    }
    Ok(decisions)
}

fn malformed(place: &str, error: &csv::Error) -> Error {
    usage(place, error.to_string(), "a CSV file with the columns left_record, right_record and decision is needed")
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn decided_rows_are_read_and_undecided_ones_left() {
        let found = parse(
            "d.csv",
            b"left_record,probability,right_record,decision\na,0.5,b,same\na,0.4,c,\nb,0.3,d,Different\n",
        )
        .unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.left.as_str(), one.right.as_str(), one.same)).collect();
        assert_eq!(told, [("a", "b", true), ("b", "d", false)]);
    }

    #[test]
    fn faults_name_the_line() {
        for (text, part) in [
            (&b"left_record,right_record,decision\na,b,same\na,c,perhaps\n"[..], "d.csv:3: `perhaps`"),
            (b"a,b\n", "`left_record`"),
            (b"left_record,right_record,decision\na\n", "d.csv"),
        ] {
            let error = parse("d.csv", text).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.hint().is_some() && error.exit_code() == 2);
        }
    }
}
