//! Inputs no one plans for: nothing hangs, nothing melts into one cluster, nothing depends on the order of records.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::collections::HashMap;

use affluent_match::{Block, Field, Kind, MatchError, Matched, Part, Records, Rule, Settings, Threshold, link};
use proptest::prelude::*;

const FIELDS: &[&str] = &["first_name", "last_name", "birth_on", "email", "phone", "street", "postcode", "city"];
type Person<'a> = [&'a str; 8];

fn records(people: &[(String, Vec<String>)]) -> Records {
    let declared = FIELDS.iter().map(|name| Field::new(*name, Settings::person_kind(name).unwrap()));
    let mut records = Records::new(declared.collect()).unwrap();
    for (id, values) in people {
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        records.push(id, "crm", &values).unwrap();
    }
    records
}

fn run(people: &[(String, Vec<String>)]) -> Matched {
    let records = records(people);
    link(&records, &Settings::auto_persons(FIELDS, &records.coverage())).unwrap()
}

fn person<I: ToString + ?Sized>(id: &I, values: &Person<'_>) -> (String, Vec<String>) {
    (id.to_string(), values.iter().map(ToString::to_string).collect())
}

const GIVEN: &[&str] = &[
    "anne", "paul", "lucie", "marc", "ines", "hugo", "zoe", "karim", "elsa", "victor", "nadia", "oscar", "rose",
    "simon", "fanny", "gilles", "brice", "daphne", "quentin", "ulysse",
];
const FAMILY: &[&str] = &[
    "durand",
    "petit",
    "moreau",
    "leroy",
    "garnier",
    "faure",
    "roussel",
    "blanchard",
    "gauthier",
    "chevalier",
    "perrin",
    "lopez",
    "mercier",
    "bonnet",
    "dupuis",
    "kessler",
    "nguyen",
    "haddad",
    "sylla",
    "weber",
    "zimmer",
    "olivier",
];

/// Different people, two to a household.
fn town(people: usize) -> Vec<(String, Vec<String>)> {
    let one = |n: usize| {
        let household = n / 2;
        let (given, family) =
            (GIVEN[(n * 7 + n / 20) % GIVEN.len()], FAMILY[(household * 5 + household / 22) % FAMILY.len()]);
        let birth = format!("{}-{:02}-{:02}", 1940 + n * 13 % 60, 1 + n * 5 % 12, 1 + n * 11 % 28);
        let phone = format!("+336{:08}", household * 7919 + 10_000_000);
        let street = format!("{} rue {}", 1 + household % 90, FAMILY[household * 3 % FAMILY.len()]);
        let postcode = format!("{:05}", 75_001 + household % 40);
        let values =
            [given, family, &birth, &format!("{given}.{family}{n}@mail.fr"), &phone, &street, &postcode, "paris"];
        person(&format!("t{n:05}"), &values)
    };
    (0..people).map(one).collect()
}

fn together(matched: &Matched, a: usize, b: usize) -> bool {
    matched.cluster_of[a] == matched.cluster_of[b]
}

#[test]
fn households_and_twins_stay_apart_and_duplicates_join() {
    let mut people = town(400);
    let at = people.len();
    let street = "12 rue des lilas";
    for (id, given, birth, email) in [
        ("x1", "camille", "1990-03-14", "camille.brun@mail.fr"),
        ("x2", "camile", "1990-03-14", "camille.brun@mail.fr"),
        ("x3", "theodore", "1990-03-14", ""),
        ("x4", "bernard", "1961-10-02", "bernard.brun@mail.fr"),
        ("x5", "c", "1990-03-14", "camille.brun@mail.fr"),
    ] {
        people.push(person(id, &[given, "brun", birth, email, "+33145678912", street, "75020", "paris"]));
    }
    let matched = run(&people);
    assert!(together(&matched, at, at + 1) && together(&matched, at, at + 4));
    assert!(!together(&matched, at, at + 2), "twins");
    assert!(!together(&matched, at, at + 3), "parent and child");
    assert!(matched.report.largest_cluster <= 3, "{:?}", matched.report.cluster_sizes);
}

#[test]
fn a_desk_address_does_not_join_strangers() {
    let mut people = town(300);
    for (_, values) in people.iter_mut().step_by(3) {
        values[3] = "contact@agence.fr".to_owned();
    }
    assert_eq!(run(&people).report.largest_cluster, 1);
}

#[test]
fn buyers_known_by_their_address_alone_join_their_person() {
    let mut people = town(300);
    for n in 0..300 {
        let email = people[n].1[3].clone();
        for order in 0..=(n % 4) {
            people.push(person(&format!("order{n:03}{order}"), &["", "", "", &email, "", "", "", ""]));
        }
    }
    let sizes = run(&people).report.cluster_sizes;
    assert_eq!(sizes, [(2, 75), (3, 75), (4, 75), (5, 75)]);
}

#[test]
fn ten_identical_records_among_others_are_one() {
    let mut people = town(200);
    let copy = people[50].1.clone();
    people.extend((0..9).map(|n| (format!("z{n}"), copy.clone())));
    let matched = run(&people);
    assert_eq!(matched.report.largest_cluster, 10);
    assert_eq!(matched.report.cluster_sizes, [(1, 199), (10, 1)]);
}

#[test]
fn empty_columns_and_constant_columns_say_nothing() {
    let blank = ["", "", "", "", "", "", "", ""];
    let empty: Vec<_> = (0..50).map(|n| person(&n, &blank)).collect();
    assert_eq!(run(&empty).report.largest_cluster, 1);
    assert!(run(&[]).cluster_of.is_empty());

    let mut constant = town(300);
    for (_, values) in &mut constant {
        values[7] = "paris".to_owned();
        values[6] = "75001".to_owned();
    }
    assert_eq!(run(&constant).report.largest_cluster, 1, "constant");
    let only_city: Vec<_> = (0..300).map(|n| person(&n, &["", "", "", "", "", "", "", "paris"])).collect();
    assert_eq!(run(&only_city).report.largest_cluster, 1);
}

#[test]
fn one_giant_block_neither_hangs_nor_melts() {
    let mut people = town(3000);
    for (_, values) in &mut people {
        values[1] = "smith".to_owned();
        values[2] = String::new();
        values[3] = String::new();
        values[4] = String::new();
    }
    let matched = run(&people);
    assert!(matched.report.largest_cluster < 100, "{:?}", matched.report.cluster_sizes);

    let records = records(&people);
    let mut settings = Settings::auto_persons(FIELDS, &records.coverage());
    settings.block = Block::Rules(vec![Rule(vec![Part::Whole("last_name".to_owned())])]);
    let capped = link(&records, &settings).unwrap().report;
    assert_eq!((capped.rules[0].capped_blocks, capped.rules[0].largest_block), (1, 3000));
    assert!(capped.rules[0].pairs_left_out > 4_000_000 && capped.pairs < 100_000);
}

#[test]
fn names_in_any_script_are_compared() {
    let mut people = town(200);
    for (n, (given, family)) in
        [("محمد", "عبد الله"), ("מרים", "כהן"), ("😀", "🎉"), ("李", "小龙"), ("Ольга", "Петрова")]
            .into_iter()
            .enumerate()
    {
        let birth = format!("198{n}-0{}-12", n + 1);
        for copy in 0..2 {
            people.push(person(&format!("u{n}{copy}"), &[given, family, &birth, "", "", "", "", "lyon"]));
        }
    }
    let matched = run(&people);
    let joined: Vec<bool> = (0..5).map(|n| together(&matched, 200 + 2 * n, 201 + 2 * n)).collect();
    assert_eq!(joined, [true; 5]);
    assert_eq!(matched.report.largest_cluster, 2);
}

#[test]
fn branches_of_a_company_stay_apart() {
    let fields = ["name", "siren", "siret", "domain", "city"];
    let declared = fields.iter().map(|name| Field::new(*name, Settings::company_kind(name).unwrap()));
    let mut records = Records::new(declared.collect()).unwrap();
    let mut push = |id: &str, values: [&str; 5]| records.push(id, "crm", &values.map(Some)).unwrap();
    for n in 0..120 {
        let (name, siren) =
            (format!("{} {}", FAMILY[n % 22], GIVEN[n % 20]), format!("{:09}", 300_000_000 + n * 7_919));
        push(&format!("c{n:03}"), [&name, &siren, &format!("{siren}00011"), &format!("site{n}.fr"), "lille"]);
    }
    push("x1", ["zephyr transports", "732829320", "73282932000074", "zephyr.fr", "lyon"]);
    push("x2", ["zephyr transports", "732829320", "73282932000082", "zephyr.fr", "lyon"]);
    push("x3", ["zephir transports", "732829320", "73282932000074", "zephyr.fr", "lyon"]);
    let matched = link(&records, &Settings::auto_companies(&fields, &records.coverage())).unwrap();
    assert!(!together(&matched, 120, 121), "branches");
    assert!(together(&matched, 120, 122), "one branch");
    assert_eq!(matched.report.largest_cluster, 2);
}

#[test]
fn faults_of_the_caller_are_errors() {
    let records = records(&town(10));
    let unknown = Settings::of(vec![Field::new("shoe_size", Kind::Exact)]);
    assert!(matches!(link(&records, &unknown), Err(MatchError::UnknownField { .. })));
    let mut settings = Settings::auto_persons(FIELDS, &records.coverage());
    settings.block = Block::Rules(vec![Rule(Vec::new())]);
    assert_eq!(link(&records, &settings).map(|_| ()), Err(MatchError::EmptyRule));
    settings.block = Block::Auto;
    settings.threshold = Threshold::Probability(2.0);
    assert!(matches!(link(&records, &settings), Err(MatchError::Threshold { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_order_of_records_does_not_matter(
        people in prop::collection::vec((0_usize..12, 0_usize..12, 0_usize..6, 0_usize..5), 2..60),
        shuffled in Just(()).prop_perturb(|(), rng| rng),
    ) {
        let mut people: Vec<_> = people
            .into_iter()
            .enumerate()
            .map(|(n, (given, family, year, city))| {
                let birth = if year == 5 { String::new() } else { format!("198{year}-01-0{}", family % 9 + 1) };
                let email = if city == 4 { String::new() } else { format!("{}@mail.fr", GIVEN[given]) };
                let values = [GIVEN[given], FAMILY[family], &birth, &email, "", "", "", FAMILY[city]];
                person(&format!("{n:03}"), &values)
            })
            .collect();
        let first: HashMap<String, (u32, u64)> = outcome(&people);
        let mut rng = shuffled;
        for at in (1..people.len()).rev() {
            people.swap(at, rng.random_range(0..=at));
        }
        prop_assert_eq!(outcome(&people), first);
    }
}

/// Cluster and probability (its bits) of every record, and a check that each probability is one.
fn outcome(people: &[(String, Vec<String>)]) -> HashMap<String, (u32, u64)> {
    let matched = run(people);
    assert!(matched.probability.iter().all(|chance| (0.0..=1.0).contains(chance)));
    let found =
        matched.cluster_of.iter().zip(&matched.probability).map(|(&cluster, chance)| (cluster, chance.to_bits()));
    people.iter().map(|(id, _)| id.clone()).zip(found).collect()
}
