//! Company names and free text, by their words: a rare word in common says more than a frequent one.

use rustc_hash::FxHashMap;

use super::similarity::{common_words, jaro_winkler};

/// How much each word of a column tells: the logarithm of how rare it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    weight: FxHashMap<String, f64>,
    unseen: f64,
}

impl Words {
    /// Weights from all values of a column.
    pub(crate) fn new<'a>(values: impl Iterator<Item = &'a str>) -> Self {
        let mut count: FxHashMap<String, f64> = FxHashMap::default();
        let mut total = 0.0;
        for value in values {
            total += 1.0;
            for word in value.split(' ') {
                *count.entry(word.to_owned()).or_default() += 1.0;
            }
        }
        let weight = count.into_iter().map(|(word, n)| (word, f64::ln(1.0 + total / n))).collect();
        Self { weight, unseen: f64::ln(1.0 + total) }
    }

    fn of(&self, word: &str) -> f64 {
        self.weight.get(word).copied().unwrap_or(self.unseen)
    }
}

/// Level of two unequal names: 2 close, 3 similar, 4 different.
pub(crate) fn name(a: &str, b: &str, words: &Words) -> u8 {
    let common = common_words(a, b, |word| words.of(word));
    let similarity = jaro_winkler(a, b);
    if common >= 0.8 || similarity >= 0.96 || a.replace(' ', "") == b.replace(' ', "") {
        return 2;
    }
    if common >= 0.5 || similarity >= 0.9 { 3 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::{Words, name};

    #[test]
    fn rare_words_decide() {
        let all = ["transports durand", "transports petit", "transports morel", "zephyr transports", "durand et fils"];
        let words = Words::new(all.into_iter());
        assert_eq!(name("durand transports", "transports durand", &words), 2);
        assert_eq!(name("transports petit", "transports morel", &words), 3);
        assert_eq!(name("zephyr transports", "durand transports", &words), 4);
        assert_eq!(name("le petit", "lepetit", &words), 2);
    }
}
