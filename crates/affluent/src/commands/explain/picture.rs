//! The waterfall as a page: one SVG, nothing to load.

use std::fmt::Write as _;

use affluent_engine::matching::Explained;

use super::{span, verdict};

const ROW: f64 = 26.0;
/// Where the bars begin, and how wide they are together.
const LEFT: f64 = 520.0;
const WIDTH: f64 = 420.0;

/// The page.
pub(super) fn page(left: &str, right: &str, found: &Explained) -> String {
    let one = &found.explanation;
    let mut rows = vec![("any two records".to_owned(), String::new(), 0.0, one.prior)];
    let mut sum = one.prior;
    for step in &one.steps {
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        let values = match (&step.left, &step.right) {
            (None, None) => step.level.to_owned(),
            _ => format!("{} · {} ({})", value(&step.left), value(&step.right), step.level),
        };
        rows.push((step.name.clone(), values, sum, sum + step.bits));
        sum += step.bits;
    }
    rows.push(("together".to_owned(), String::new(), 0.0, one.bits));
    let (low, high) = span(one.prior, &one.steps);
    let x = |bits: f64| LEFT + (bits - low) / (high - low) * WIDTH;
    let height = ROW * (rows.len() as f64 + 1.0);
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<line x1=\"{zero:.1}\" y1=\"0\" x2=\"{zero:.1}\" y2=\"{height:.0}\" stroke=\"#999\" stroke-dasharray=\"2 3\"/>",
        zero = x(0.0)
    );
    for (at, (name, values, from, to)) in rows.iter().enumerate() {
        let y = ROW * at as f64;
        let (start, end) = (x(from.min(*to)), x(from.max(*to)));
        let colour = match to - from {
            bits if name == "together" || at == 0 && bits < 0.0 => "#667",
            bits if bits >= 0.0 => "#2a7",
            _ => "#c44",
        };
        let _ = writeln!(
            svg,
            "<text x=\"0\" y=\"{text:.0}\"><tspan font-weight=\"600\">{}</tspan> <tspan fill=\"#555\">{}</tspan></text>\
             <rect x=\"{start:.1}\" y=\"{top:.0}\" width=\"{width:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{label:.1}\" y=\"{text:.0}\">{:+.2}</text>",
            escaped(name),
            escaped(&cut(values)),
            to - from,
            text = y + 17.0,
            top = y + 4.0,
            width = (end - start).max(1.0),
            label = end + 6.0,
        );
    }
    let title = format!("{} and {}", escaped(left), escaped(right));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body style=\"font:14px system-ui,sans-serif;margin:2em;color:#222\">\n<h1 style=\"font-size:1.2em\">{title}</h1>\n\
         <p>{}</p>\n<svg width=\"1020\" height=\"{height:.0}\" role=\"img\" aria-label=\"weights in bits\">\n{svg}</svg>\n\
         <p>Weights in bits: each bit doubles the odds that both are one.</p>\n</body></html>\n",
        escaped(&verdict(found))
    )
}

/// What fits before the bars.
fn cut(text: &str) -> String {
    const MOST: usize = 52;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
