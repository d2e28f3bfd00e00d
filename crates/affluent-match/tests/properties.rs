//! What holds for any records: probabilities are probabilities, strangers' long or odd values do no harm, and copies never
//! part people who were together.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::time::{Duration, Instant};

use affluent_match::{Field, Kind, Matched, Records, Settings, Threshold, candidates, link};
use proptest::prelude::*;

const FIELDS: [(&str, Kind); 5] = [
    ("first_name", Kind::GivenName),
    ("last_name", Kind::FamilyName),
    ("birth_on", Kind::Date),
    ("email", Kind::Email),
    ("street", Kind::Street),
];

fn records(rows: &[[String; 5]]) -> Records {
    let mut records = Records::new(FIELDS.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
    for (number, row) in rows.iter().enumerate() {
        records.push(&format!("{number:04}"), "crm", &row.each_ref().map(|value| Some(value.as_str()))).unwrap();
    }
    records
}

fn settings(records: &Records, threshold: Threshold) -> Settings {
    let mut settings = Settings::auto_persons(&FIELDS.map(|(name, _)| name), &records.coverage());
    settings.threshold = threshold;
    settings
}

fn matched(rows: &[[String; 5]], threshold: Threshold) -> Matched {
    let records = records(rows);
    link(&records, &settings(&records, threshold)).unwrap()
}

/// Values as people type them, and as nobody does.
fn row() -> impl Strategy<Value = [String; 5]> {
    let name = prop_oneof![
        4 => prop::sample::select(vec!["anne", "paul", "zoé", "jean-pierre", "bob", "robert", "مريم", "😀", "李"]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ];
    let date = prop_oneof![3 => "19[4-9][0-9]-0[1-9]-1[0-9]", 1 => "\\PC{0,6}", 1 => Just(String::new())];
    let email = prop_oneof![3 => "[a-c]{1,3}@[x-z]\\.fr", 1 => "\\PC{0,9}", 1 => Just(String::new())];
    (name.clone(), name, date, email, "[1-3] rue [a-c]")
        .prop_map(|(given, family, birth, email, street)| [given, family, birth, email, street])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_clusters_and_probabilities(rows in prop::collection::vec(row(), 0..50)) {
        let found = matched(&rows, Threshold::Auto);
        prop_assert_eq!(found.cluster_of.len(), rows.len());
        prop_assert!(found.probability.iter().all(|chance| (0.0..=1.0).contains(chance)), "{:?}", found.probability);
        for comparison in &found.report.comparisons {
            for level in &comparison.levels {
                prop_assert!((0.0..=1.0).contains(&level.m) && (0.0..=1.0).contains(&level.u) && level.weight.is_finite());
            }
        }
        let sizes: usize = found.report.cluster_sizes.iter().map(|(size, clusters)| size * clusters).sum();
        prop_assert_eq!(sizes, rows.len());
    }

    #[test]
    fn asking_for_more_certainty_never_finds_more_matches(rows in prop::collection::vec(row(), 2..40)) {
        let pairs = |chance: f64| matched(&rows, Threshold::Probability(chance)).report.matching_pairs;
        let found = [0.1, 0.5, 0.9, 0.999].map(pairs);
        prop_assert!(found.is_sorted_by(|a, b| a >= b), "{:?}", found);
    }

    #[test]
    fn candidates_are_pairs_of_records_each_once(rows in prop::collection::vec(row(), 0..40)) {
        let records = records(&rows);
        let found = candidates(&records, &settings(&records, Threshold::Auto)).unwrap();
        prop_assert!(found.iter().all(|&(a, b)| a < b && (b as usize) < rows.len()));
        prop_assert!(found.is_sorted_by(|a, b| a < b));
    }
}

#[test]
fn two_megabytes_in_a_field_neither_hang_nor_join() {
    let long = |seed: usize| -> String {
        let mut state = seed as u64 + 1;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + (state >> 33) as u8 % 26)
        };
        (0..2_000_000).map(|at| if at % 9 == 8 { ' ' } else { letter() }).collect()
    };
    let names = ["anne", "paul", "lucie", "marc", "ines", "hugo", "zoe", "karim", "elsa", "victor", "nadia", "oscar"];
    let heads = ["dur", "pet", "mor", "gar", "fau", "rous", "blan", "chev", "kess", "ngu", "zim"];
    let tails = ["and", "itjean", "eaux", "nier", "vel", "chard", "alier", "ler", "yen", "merle", "ois"];
    let mut rows: Vec<[String; 5]> = (0..120)
        .map(|n| {
            let birth = format!("{}-{:02}-{:02}", 1940 + n * 37 % 60, 1 + n * 5 % 12, 1 + n * 11 % 28);
            let family = format!("{}{}", heads[n % 11], tails[n / 11]);
            let (email, street) = (format!("{family}.{n}@mail.fr"), format!("{n} rue {}", heads[n * 3 % 11]));
            [names[n * 7 % 12].to_owned(), family, birth, email, street]
        })
        .collect();
    for (n, row) in rows.iter_mut().enumerate().take(10) {
        row[n % 5] = long(n);
    }
    let began = Instant::now();
    let found = matched(&rows, Threshold::Auto);
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    assert_eq!(found.report.largest_cluster, 1);
}

#[test]
fn nothing_but_one_name_for_all_is_not_one_person() {
    let rows: Vec<[String; 5]> = (0..1_500)
        .map(|_| ["marie".to_owned(), "martin".to_owned(), String::new(), String::new(), String::new()])
        .collect();
    assert!(matched(&rows, Threshold::Auto).report.largest_cluster < rows.len() / 2);
}
