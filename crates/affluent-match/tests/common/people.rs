//! People as three systems know them: a CRM, a sales tool and a shop, with the dirt such records have.
//!
//! A function of the number of people and the seed. A third of the people live in households that share name, address and
//! landline; some records hold a desk's mailbox and its switchboard; people change address, some marry.

use std::sync::LazyLock;

use super::draw::Draw;

/// Columns of a record, canonical names.
pub const FIELDS: &[&str] =
    &["first_name", "last_name", "sex", "birth_on", "email", "phone", "street", "postcode", "city"];

/// A record and the number of the person it is of.
#[derive(Debug, Clone)]
pub struct Record {
    pub id: String,
    pub source: &'static str,
    pub person: u32,
    /// In the order of [`FIELDS`].
    pub values: [String; 9],
}

fn words(text: &'static str) -> Vec<&'static str> {
    text.split(' ').collect()
}

static WOMEN: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "\
    Marie Nathalie Isabelle Catherine Françoise Stéphanie Véronique Sophie Céline Patricia Anne Brigitte Julie \
    Monique Aurélie Émilie Dominique Virginie Élodie Camille Caroline Léa Sarah Hélène Laura Manon Béatrice Claire \
    Delphine Pauline Marion Chloé Élisabeth Lucie Mathilde Emma Inès Louise Alice Juliette Clémence Fatima Nadia \
    Amandine Charlotte Vanessa Anne-Sophie Marie-Claude Elizabeth Margaret Katherine Jennifer Susan Alexandra \
    Jacqueline Geneviève Joséphine Valentine Madeleine Gabrielle",
    )
});
static MEN: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "\
    Jean Philippe Michel Alain Patrick Nicolas Christophe Pierre Christian Éric Frédéric Laurent Stéphane David \
    Pascal Daniel Alexandre Thierry Olivier Thomas Julien Bernard Gérard Sébastien Jacques Bruno François Vincent \
    Maxime Guillaume Antoine Jérôme Romain Benjamin Xavier Clément Paul Quentin Lucas Hugo Louis Jean-Pierre \
    Jean-Luc Grégory Théo Gabriel Mohamed Karim William Robert Michael James Richard Edward Andrew Raphaël Arthur Étienne \
    Emmanuel Augustin",
    )
});
/// Names and what friends make of them; what people call each other is not written in their passports.
static SHORT: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "\
    Catherine=Cathy Stéphanie=Steph Véronique=Véro Émilie=Mimi Caroline=Caro Élisabeth=Babeth Mathilde=Math \
    Alexandra=Sandra Elizabeth=Liz Margaret=Peggy Katherine=Kate Jennifer=Jenny Joséphine=José Valentine=Val \
    Philippe=Phil Michel=Mimi Nicolas=Nico Christophe=Chris Frédéric=Fred Stéphane=Steph Daniel=Dan Alexandre=Alex \
    Sébastien=Seb François=Fanfan Maxime=Max Guillaume=Guigui Antoine=Tonio Benjamin=Ben Grégory=Greg Gabriel=Gaby \
    William=Bill Robert=Bob Michael=Mike James=Jim Richard=Dick Edward=Ted Andrew=Andy Raphaël=Raph Emmanuel=Manu \
    Jean-Pierre=JP Vincent=Vince",
    )
});
static SYLLABLES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "\
    bar bel cha cour dan del dor du fer fon gar gau ger gui ker la le lam mar mer mon mo nar per pi ri ro sar tau \
    ver vi zan",
    )
});
static ENDINGS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "\
    nier din rand reau let ville mont beau tier ron sson gnon lac val chet bert",
    )
});
const WAYS: &[&str] = &["rue", "avenue", "boulevard", "place", "chemin", "impasse", "allée"];
const PROVIDERS: &[&str] =
    &["gmail.com", "gmail.com", "gmail.com", "orange.fr", "hotmail.fr", "free.fr", "yahoo.fr", "outlook.com"];
const DESKS: &[&str] = &["contact", "info", "accueil", "commande.atelier"];

#[derive(Debug, Clone)]
struct Person {
    woman: bool,
    given: String,
    family: String,
    married: Option<String>,
    birth: (usize, usize, usize),
    emails: Vec<String>,
    mobile: String,
    landline: String,
    home: [String; 3],
    former_home: [String; 3],
    firm: usize,
}

fn family_name(draw: &mut Draw) -> String {
    // Some thirty thousand names, the first few hundred borne by half of the people.
    let rank = draw.ranked(30_000);
    let code = rank.wrapping_mul(7_919);
    let (a, b, c) = (code % 32, code / 32 % 32, code / 1_024 % 16);
    let stem = if rank < 400 { SYLLABLES[a].to_owned() } else { format!("{}{}", SYLLABLES[a], SYLLABLES[b]) };
    let mut name = format!("{stem}{}", ENDINGS[c]);
    name[..1].make_ascii_uppercase();
    match rank % 25 {
        7 => format!("de {name}"),
        11 => format!("Le {name}"),
        _ => name,
    }
}

fn home(draw: &mut Draw) -> [String; 3] {
    let town = draw.ranked(3_000);
    let way = draw.pick(WAYS);
    let street = format!(
        "{} {way} {}",
        1 + draw.below(150),
        [
            "de la Gare",
            "Victor Hugo",
            "des Lilas",
            "du Moulin",
            "Pasteur",
            "de la République",
            "Jean Jaurès",
            "des Écoles",
            "du Général Leclerc",
            "de Verdun",
            "des Acacias",
            "du Stade"
        ][draw.below(12)]
    );
    let postcode = format!("{:05}", 1_000 + town * 31 % 94_000 + if town < 10 { draw.below(8) } else { 0 });
    let named = town.wrapping_mul(2_654_435_761);
    [
        street,
        postcode,
        format!(
            "{}{}",
            capital(SYLLABLES[named % 32]),
            ["ville", "court", "mont", "sur-Mer", "-le-Roi", "ac"][named / 64 % 6]
        ),
    ]
}

fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    text[..1].make_ascii_uppercase();
    text
}

fn mailable(name: &str) -> String {
    affluent_match::fold(name).replace(' ', "")
}

fn email(draw: &mut Draw, given: &str, family: &str, year: usize, number: usize) -> String {
    let (given, family) = (mailable(given), mailable(family));
    let local = match draw.below(6) {
        0 | 1 => format!("{given}.{family}"),
        2 => format!("{}{family}", &given[..1]),
        3 => format!("{given}{year}"),
        4 => format!("{family}.{given}"),
        _ => format!("{}{}", draw.pick(&SYLLABLES), draw.pick(&ENDINGS)),
    };
    // A provider gives an address once: the number makes it so.
    format!("{local}{number}@{}", draw.pick(PROVIDERS))
}

fn population(people: usize, draw: &mut Draw) -> Vec<Person> {
    let mut all: Vec<Person> = Vec::with_capacity(people);
    let mut left_at_home = 0;
    while all.len() < people {
        let number = all.len();
        let head = all.last().cloned().filter(|_| left_at_home > 0);
        if head.is_none() {
            left_at_home = if draw.chance(0.2) { 1 + draw.ranked(3) } else { 0 };
        } else {
            left_at_home -= 1;
        }
        let woman = draw.chance(0.52);
        let stock = if woman { &WOMEN } else { &MEN };
        let given = if draw.chance(0.03) {
            format!("{} {}", stock[draw.ranked(stock.len())], stock[draw.ranked(stock.len())])
        } else {
            stock[draw.ranked(stock.len())].to_owned()
        };
        let family = match &head {
            Some(head) if draw.chance(0.8) => head.family.clone(),
            _ if draw.chance(0.03) => format!("{}-{}", family_name(draw), family_name(draw)),
            _ => family_name(draw),
        };
        let twin = head.as_ref().filter(|_| draw.chance(0.05)).map(|head| head.birth);
        let birth = twin.unwrap_or((1940 + draw.below(66), 1 + draw.below(12), 1 + draw.below(28)));
        let mut emails = vec![email(draw, &given, &family, birth.0, number)];
        if draw.chance(0.22) {
            emails.push(email(draw, &given, &family, birth.0, number + people));
        }
        let home_of = head.as_ref().map_or_else(|| home(draw), |head| head.home.clone());
        let landline = head
            .as_ref()
            .map_or_else(|| format!("+33{}{}", 1 + draw.below(5), draw.digits(8)), |head| head.landline.clone());
        all.push(Person {
            woman,
            married: (woman && draw.chance(0.06)).then(|| family_name(draw)),
            given,
            family,
            birth,
            emails,
            mobile: format!("+336{}", draw.digits(8)),
            landline,
            home: home_of,
            former_home: home(draw),
            firm: if draw.chance(0.15) { draw.ranked(people / 20 + 2) } else { usize::MAX },
        });
    }
    all
}

fn slip(draw: &mut Draw, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() < 4 {
        return text.to_owned();
    }
    let at = 1 + draw.below(letters.len() - 2);
    match draw.below(4) {
        0 => letters.swap(at, at + 1),
        1 => drop(letters.remove(at)),
        2 => letters.insert(at, letters[at]),
        _ => letters[at] = ['a', 'e', 'r', 's', 'n', 't'][draw.below(6)],
    }
    letters.into_iter().collect()
}

fn written_name(draw: &mut Draw, person: &Person) -> (String, String) {
    let mut given = person.given.clone();
    let mut family = match &person.married {
        Some(married) if draw.chance(0.5) => married.clone(),
        _ => person.family.clone(),
    };
    match draw.below(100) {
        0..4 => family = slip(draw, &family),
        4..8 => given = slip(draw, &given),
        8..12 => {
            let short = SHORT.iter().filter_map(|pair| pair.split_once('=')).find(|(full, _)| *full == given);
            let short = short.map(|(_, short)| short.to_owned());
            given = short.unwrap_or_else(|| given.chars().take(1).collect());
        }
        12..14 => std::mem::swap(&mut given, &mut family),
        14 => given.clear(),
        15 => family = family.split(['-', ' ']).next_back().unwrap_or_default().to_owned(),
        _ => {}
    }
    (given, family)
}

fn record(draw: &mut Draw, person: &Person, source: &str) -> [String; 9] {
    let (given, family) = written_name(draw, person);
    let mut found: [String; 9] = Default::default();
    found[0] = given;
    found[1] = family;
    let known = |draw: &mut Draw, share: f64| draw.chance(share);
    let (sex, birth, mail, phone, place) = match source {
        "crm" => (0.7, 0.55, 0.95, 0.6, 0.75),
        "sales" => (0.3, 0.35, 0.7, 0.8, 0.5),
        _ => (0.1, 0.15, 0.97, 0.4, 0.8),
    };
    if known(draw, sex) {
        found[2].push(if person.woman { 'f' } else { 'm' });
    }
    if known(draw, birth) {
        let (year, mut month, mut day) = person.birth;
        if draw.chance(0.02) && day <= 12 {
            std::mem::swap(&mut month, &mut day);
        } else if draw.chance(0.02) {
            day = 1 + (day + 8) % 28;
        }
        found[3] = format!("{year}-{month:02}-{day:02}");
    }
    if known(draw, mail) {
        let own = person.emails[usize::from(person.emails.len() > 1 && draw.chance(0.35))].clone();
        found[4] = if person.firm != usize::MAX && draw.chance(0.15) {
            format!("{}@firme{}.fr", DESKS[person.firm % DESKS.len()], person.firm)
        } else if draw.chance(0.015) {
            slip(draw, &own)
        } else {
            own
        };
    }
    if known(draw, phone) || found[4].is_empty() {
        found[5] = if person.firm != usize::MAX && draw.chance(0.4) {
            format!("+33140{:06}", person.firm * 7)
        } else if draw.chance(0.4) {
            person.landline.clone()
        } else if draw.chance(0.02) {
            slip(draw, &person.mobile)
        } else {
            person.mobile.clone()
        };
    }
    if known(draw, place) {
        let home = if draw.chance(0.08) { &person.former_home } else { &person.home };
        found[6].clone_from(&home[0]);
        found[7].clone_from(&home[1]);
        found[8].clone_from(&home[2]);
        match draw.below(30) {
            0 => found[6] = slip(draw, &home[0]),
            1 => found[7] = slip(draw, &home[1]),
            2 => found[8] = slip(draw, &home[2]),
            3 => found[6].clear(),
            _ => {}
        }
    }
    found
}

/// The records of so many people, about three each, in no order.
pub fn three_systems(people: usize, seed: u64) -> Vec<Record> {
    let mut draw = Draw::new(seed);
    let population = population(people, &mut draw);
    let mut records = Vec::new();
    for (number, person) in population.iter().enumerate() {
        let mut add = |source: &'static str, values: [String; 9]| {
            records.push(Record { id: String::new(), source, person: number as u32, values });
        };
        let mut met = 0;
        for (source, share, double) in [("crm", 0.8, 0.05), ("sales", 0.5, 0.03), ("shop", 0.6, 0.04)] {
            let times = usize::from(draw.chance(share)) * (1 + usize::from(draw.chance(double)));
            for _ in 0..times {
                add(source, record(&mut draw, person, source));
            }
            met += times;
        }
        if draw.chance(0.15) {
            // Someone called: a name and a number, no more.
            let (given, family) = written_name(&mut draw, person);
            let mut values: [String; 9] = Default::default();
            [values[0], values[1], values[5]] = [given, family, person.mobile.clone()];
            add("sales", values);
            met += 1;
        }
        for address in &person.emails {
            if met == 0 || draw.chance(0.5) {
                // An order under an address.
                let mut values: [String; 9] = Default::default();
                values[4].clone_from(address);
                add("shop", values);
                met += 1;
            }
        }
    }
    let mut order: Vec<usize> = (0..records.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, draw.below(at + 1));
    }
    for (record, place) in records.iter_mut().zip(order) {
        record.id = format!("{}:{place:07}", record.source);
    }
    records.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    records
}
