//! "Did you mean": the known word nearest to a misspelt one.

/// The hint for an unknown `word`: the nearest of `known`, and the list of them when it is short.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let listed = match known.len() {
        0 => return None,
        1..=12 => known.join(", "),
        _ => format!("{}, ...", known[..12].join(", ")),
    };
    Some(match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? known: {listed}"),
        None => format!("known: {listed}"),
    })
}

/// The word of `known` that `word` is most probably a misspelling of.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_misspelt_word_and_no_stranger() {
        assert_eq!(nearest("oportunity", ["account", "opportunity"]), Some("opportunity"));
        assert_eq!(nearest("zebra", ["account", "opportunity"]), None);
    }
}
