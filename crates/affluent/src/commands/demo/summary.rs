//! The demo's summary for people.

use affluent_engine::Lake;
use affluent_engine::marts::ModelStatus;
use affluent_engine::run::Status;

use super::figures::{Figures, Kpi};
use super::lake_flag;
use crate::text::{bar, columns, count, number};

/// The whole summary.
pub(super) fn text(figures: &Figures, lake: &Lake) -> String {
    let mut lines = vec![String::new(), records(figures)];
    let people = &figures.people;
    lines.push(format!(
        "\nPeople         {} records → {} people (true: {})   precision {:.3}   recall {:.3}",
        number(people.records as u64),
        number(people.found),
        number(people.truth as u64),
        people.precision,
        people.recall
    ));
    lines.push(marts(figures));
    lines.push("\nRFM segments".to_owned());
    let most = figures.segments.iter().map(|segment| segment.people).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = figures
        .segments
        .iter()
        .map(|segment| vec![format!("  {}", segment.segment), number(segment.people), bar(segment.people, most, 40)])
        .collect();
    lines.push(columns(&rows, &[1]));
    lines.push("\nKPIs".to_owned());
    let rows: Vec<Vec<String>> = figures.kpis.iter().map(kpi).collect();
    lines.push(columns(&rows, &[1]));
    let (root, flag) = (lake.root(), lake_flag(lake));
    let again = &figures.again;
    lines.push(format!(
        "\nTables: {root}/gold (Delta), done in {:.1} s. Try next:\n  \
         affluent sql \"select segment, count(*) from gold.rfm group by 1\"{flag}\n  \
         affluent demo{flag}{again}            # a month later: only what changed is loaded\n  \
         python -c \"import polars as pl; print(pl.read_delta('{root}/gold/rfm'))\"",
        figures.seconds
    ));
    lines.join("\n")
}

/// What was loaded from each source.
fn records(figures: &Figures) -> String {
    let mut rows = Vec::new();
    for stage in &figures.stages {
        if stage.status == Status::AlreadyDone {
            rows.push(vec![stage.stage.name().to_owned(), "done by an earlier try of this month".to_owned()]);
        }
        let most = stage.streams.iter().map(|stream| stream.written).max().unwrap_or(0);
        for stream in &stage.streams {
            let quarantine = match stream.quarantined {
                0 => String::new(),
                1 => "1 row to quarantine".to_owned(),
                n => format!("{} to quarantine", count(n, "row")),
            };
            rows.push(vec![
                format!("  {}", stream.stream),
                number(stream.written),
                format!("{:16}", bar(stream.written, most, 16)),
                count(stream.requests, "request"),
                quarantine,
            ]);
        }
    }
    let title = if figures.month == 0 { "Records loaded" } else { "Records new or changed this month" };
    format!("{title}\n{}", columns(&rows, &[1, 3]))
}

fn marts(figures: &Figures) -> String {
    let models: Vec<_> = figures.stages.iter().flat_map(|stage| &stage.models).collect();
    let published = models.iter().filter(|model| model.status == ModelStatus::Published).count();
    let tests: usize = models.iter().map(|model| model.tests).sum();
    format!("Marts          {published} tables published, {tests} tests passed")
}

fn kpi(kpi: &Kpi) -> Vec<String> {
    let value = match kpi.unit.as_str() {
        "percent" => format!("{:.1} %", kpi.value),
        "money" => format!("{} EUR", money(kpi.value)),
        "people" => number(kpi.value.max(0.0) as u64),
        _ => format!("{:.1}", kpi.value),
    };
    let interval = match (kpi.low, kpi.high) {
        (Some(low), Some(high)) => format!("{low:.1} to {high:.1}"),
        _ => String::new(),
    };
    let period =
        if kpi.span == "month" { kpi.period_on.get(..7).unwrap_or_default().to_owned() } else { "to date".to_owned() };
    vec![format!("  {}", kpi.metric), value, period, interval]
}

/// An amount with two decimals and thousands apart.
fn money(value: f64) -> String {
    let cents = (value.abs() * 100.0).round() as u64;
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}.{:02}", number(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::money;

    #[test]
    fn writes_amounts() {
        assert_eq!([1_234.5, -0.126, 0.0, 999_999.999].map(money), ["1,234.50", "-0.13", "0.00", "1,000,000.00"]);
    }
}
