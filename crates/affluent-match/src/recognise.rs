//! What the columns of a table nobody described hold, by their names and by what is in them.

use std::collections::HashSet;

use crate::field::Kind;
use crate::fold::fold;
use crate::normalise::date::{Order, date, order_of};
use crate::normalise::{company_name, country, domain, email, sex, siren};

/// What the records of a table are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Persons.
    Persons,
    /// Companies.
    Companies,
}

/// What a column is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Compared as this kind.
    Field(Kind),
    /// Given and family name in one.
    FullName,
    /// Number of a house, to stand before the street.
    HouseNumber,
}

/// A column: its name and some of its values that are not blank.
#[derive(Debug, Clone)]
pub struct Sample<'a> {
    /// Its name.
    pub name: &'a str,
    /// Values, a few hundred are enough.
    pub values: Vec<&'a str>,
}

/// Kinds by column name, folded and without blanks; the first names of a kind are the likeliest.
const NAMES: &[(Role, &[&str])] = &[
    (
        Role::Field(Kind::GivenName),
        &[
            "firstname",
            "givenname",
            "givennames",
            "forename",
            "forenames",
            "prenom",
            "prenoms",
            "vorname",
            "nombre",
            "fname",
            "first",
            "firstnames",
        ],
    ),
    (
        Role::Field(Kind::FamilyName),
        &[
            "lastname",
            "familyname",
            "surname",
            "nomdefamille",
            "nomusage",
            "nomdusage",
            "nachname",
            "apellido",
            "apellidos",
            "cognome",
            "lname",
            "last",
        ],
    ),
    (
        Role::Field(Kind::MaidenName),
        &[
            "maidenname",
            "nomdenaissance",
            "nomnaissance",
            "nomdejeunefille",
            "birthname",
            "geburtsname",
            "previousname",
        ],
    ),
    (
        Role::FullName,
        &[
            "fullname",
            "nomcomplet",
            "nomprenom",
            "nometprenom",
            "prenomnom",
            "contactname",
            "displayname",
            "personname",
            "customername",
        ],
    ),
    (Role::Field(Kind::Sex), &["sex", "gender", "sexe", "genre", "civilite", "geschlecht", "salutation", "title"]),
    (
        Role::Field(Kind::Date),
        &[
            "birthon",
            "birthdate",
            "dateofbirth",
            "dob",
            "birthday",
            "datenaissance",
            "datedenaissance",
            "naissance",
            "geburtsdatum",
            "birth",
            "born",
            "fechanacimiento",
        ],
    ),
    (
        Role::Field(Kind::Email),
        &[
            "email",
            "emailaddress",
            "mail",
            "courriel",
            "adresseemail",
            "adressemail",
            "correo",
            "emailprimary",
            "workemail",
            "personalemail",
        ],
    ),
    (
        Role::Field(Kind::Phone),
        &[
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "portable",
            "telephonemobile",
            "cell",
            "cellphone",
            "gsm",
            "homephone",
            "workphone",
            "telefon",
            "telefono",
        ],
    ),
    (Role::HouseNumber, &["streetnumber", "housenumber", "numerovoie", "numvoie", "hausnummer"]),
    (
        Role::Field(Kind::Street),
        &[
            "street",
            "address",
            "adresse",
            "streetaddress",
            "addressline1",
            "address1",
            "adresse1",
            "addressline",
            "rue",
            "voie",
            "strasse",
            "direccion",
            "mailingstreet",
            "billingstreet",
        ],
    ),
    (
        Role::Field(Kind::Postcode),
        &["postcode", "postalcode", "zip", "zipcode", "codepostal", "cp", "plz", "codigopostal", "postcodefake"],
    ),
    (
        Role::Field(Kind::City),
        &[
            "city",
            "town",
            "ville",
            "suburb",
            "commune",
            "localite",
            "municipality",
            "ort",
            "stadt",
            "ciudad",
            "birthplace",
        ],
    ),
    (Role::Field(Kind::Region), &["state", "province", "region", "county", "departement", "bundesland"]),
    (Role::Field(Kind::Country), &["country", "countrycode", "pays", "codepays", "land", "pais"]),
    (
        Role::Field(Kind::Id),
        &[
            "nationalid",
            "siren",
            "vatid",
            "vat",
            "vatnumber",
            "tva",
            "tvaintra",
            "numerotva",
            "ssn",
            "socsecid",
            "socialsecuritynumber",
            "nir",
            "taxid",
            "passport",
            "passportnumber",
        ],
    ),
    (Role::Field(Kind::ExclusiveId), &["siret", "numerosiret", "siretnumber"]),
    (
        Role::Field(Kind::CompanyName),
        &[
            "companyname",
            "company",
            "organisation",
            "organization",
            "organizationname",
            "raisonsociale",
            "denomination",
            "societe",
            "entreprise",
            "employer",
            "accountname",
            "firm",
            "legalname",
            "businessname",
            "firma",
        ],
    ),
    (Role::Field(Kind::Domain), &["domain", "website", "siteweb", "site", "url", "homepage", "webdomain"]),
];

/// Names that are a person's or a company's, whichever the others say.
const EITHER: &[&str] = &["name", "nom", "nome", "client", "customer", "contact", "libelle"];
/// Parts of names of columns that are about the record and not about whom it is of.
const ABOUT_THE_RECORD: &[&str] =
    &["created", "updated", "modified", "changed", "inserted", "deleted", "cluster", "truth", "entityid", "master"];
/// Share of the values that must be of a kind for a column to be, whatever its name; and the share without which it is not.
const SURELY: f64 = 0.9;
const HARDLY: f64 = 0.5;
/// Values needed to judge by.
const ENOUGH: usize = 5;

/// What each column is good for, in their order, and what the records are of. Of several columns of one kind the likeliest counts;
/// there may be several of e-mail addresses, phones and identifiers.
pub fn recognise(columns: &[Sample<'_>], subject: Option<Subject>) -> (Subject, Vec<Option<Role>>) {
    let names: Vec<String> = columns.iter().map(|column| fold(column.name).replace(' ', "")).collect();
    let mut found: Vec<Option<(Role, usize)>> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| by_name(name, column).or_else(|| by_content(name, column)))
        .collect();
    let has = |found: &[Option<(Role, usize)>], role: Role| found.iter().flatten().any(|(one, _)| *one == role);
    let (given, family) = (Role::Field(Kind::GivenName), Role::Field(Kind::FamilyName));
    let company = Role::Field(Kind::CompanyName);
    let firms = [Role::Field(Kind::ExclusiveId), Role::Field(Kind::Domain)].into_iter().any(|role| has(&found, role))
        || names.iter().any(|name| ["siren", "vat", "tva", "vatid", "vatnumber"].contains(&name.as_str()));
    let is_person = has(&found, given)
        || has(&found, family)
        || has(&found, Role::FullName)
        || has(&found, Role::Field(Kind::Date));
    for (at, _) in names.iter().enumerate().filter(|(_, name)| EITHER.contains(&name.as_str())) {
        if found[at].is_some() {
            continue;
        }
        found[at] = if has(&found, given) && !has(&found, family) {
            Some((family, 50))
        } else if subject == Some(Subject::Persons) || is_person || !(firms || has_legal_forms(&columns[at])) {
            (!has(&found, given) && !has(&found, Role::FullName)).then_some((Role::FullName, 50))
        } else {
            (!has(&found, company)).then_some((company, 50))
        };
    }
    let persons = has(&found, given) || has(&found, family) || has(&found, Role::FullName);
    let about_firms = has(&found, company) || firms;
    let subject = subject.unwrap_or(if persons || !about_firms { Subject::Persons } else { Subject::Companies });
    (subject, likeliest(&found))
}

/// The column of each role that is likeliest, all of those of which there may be several.
fn likeliest(found: &[Option<(Role, usize)>]) -> Vec<Option<Role>> {
    let has_names = found.iter().flatten().any(|(role, _)| *role == Role::Field(Kind::FamilyName));
    let is_best = |at: usize, role: Role, rank: usize| {
        let several = matches!(role, Role::Field(Kind::Email | Kind::Phone | Kind::Id));
        let better = |other: usize, rival: usize| (rival, other) < (rank, at);
        several
            || !found.iter().enumerate().any(|(other, one)| {
                one.is_some_and(|(same, rival)| other != at && same == role && better(other, rival))
            })
    };
    let chosen = |(at, one): (usize, &Option<(Role, usize)>)| {
        let (role, rank) = (*one)?;
        let is_spare = role == Role::FullName && has_names;
        (!is_spare && is_best(at, role, rank)).then_some(role)
    };
    found.iter().enumerate().map(chosen).collect()
}

fn by_name(name: &str, column: &Sample<'_>) -> Option<(Role, usize)> {
    if ABOUT_THE_RECORD.iter().any(|part| name.contains(part)) {
        return None;
    }
    let known = |(role, names): &(Role, &[&str])| Some((*role, names.iter().position(|known| *known == name)?));
    let (role, rank) = NAMES.iter().find_map(known)?;
    let fits = column.values.len() < ENOUGH || share(column, role).is_none_or(|share| share >= HARDLY);
    fits.then_some((role, rank))
}

/// Ranks behind every name.
const BY_CONTENT: usize = 100;

fn by_content(name: &str, column: &Sample<'_>) -> Option<(Role, usize)> {
    if column.values.len() < ENOUGH || ABOUT_THE_RECORD.iter().any(|part| name.contains(part)) {
        return None;
    }
    let distinct = column.values.iter().collect::<HashSet<_>>().len();
    [Kind::Email, Kind::ExclusiveId, Kind::Phone, Kind::Date, Kind::Sex, Kind::Country]
        .into_iter()
        .map(Role::Field)
        .find(|&role| {
            let few = !matches!(role, Role::Field(Kind::Sex)) || distinct == 2;
            let many = matches!(role, Role::Field(Kind::Sex | Kind::Country)) || distinct >= ENOUGH;
            few && many && sure(column, role)
        })
        .map(|role| (role, BY_CONTENT))
}

fn sure(column: &Sample<'_>, role: Role) -> bool {
    match role {
        // Numbers alone may be anything.
        Role::Field(Kind::Phone) => share_of(column, is_written_phone) >= SURELY,
        // Days on which something else happened are not long past.
        Role::Field(Kind::Date) => {
            let order = order_of(column.values.iter().copied());
            let year = |raw: &str| date(raw, order).ok().flatten().map(|day| chrono::Datelike::year(&day));
            let years: Vec<i32> = column.values.iter().filter_map(|raw| year(raw)).collect();
            let early = years.iter().filter(|year| (1900..1990).contains(*year)).count();
            years.len() as f64 >= SURELY * column.values.len() as f64 && early * 3 >= years.len()
        }
        Role::Field(Kind::Sex) => {
            share_of(column, |raw| matches!(sex::sex(raw), Ok(Some(_))) && raw.parse::<u8>().is_err()) >= SURELY
        }
        Role::Field(Kind::Country) => {
            share_of(column, |raw| raw.chars().count() > 1 && matches!(country::country(raw), Ok(Some(_)))) >= SURELY
        }
        role => share(column, role).is_some_and(|share| share >= SURELY),
    }
}

/// Share of the values that are of a role; none where any text may be.
fn share(column: &Sample<'_>, role: Role) -> Option<f64> {
    let Role::Field(kind) = role else { return None };
    let share = match kind {
        Kind::Email => share_of(column, |raw| matches!(email::email(raw), Ok(Some(_)))),
        Kind::Phone => share_of(column, |raw| raw.chars().filter(char::is_ascii_digit).count() >= 5),
        Kind::Date => share_of(column, |raw| {
            date(raw, Order::DayFirst).is_ok()
                || date(raw, Order::MonthFirst).is_ok()
                || raw.chars().filter(char::is_ascii_digit).count() >= 4
        }),
        Kind::Sex => share_of(column, |raw| sex::sex(raw).is_ok()),
        Kind::ExclusiveId => share_of(column, |raw| siren::siret(raw).is_ok()),
        Kind::Domain => share_of(column, |raw| matches!(domain::domain(raw), Ok(Some(_)))),
        Kind::Country => share_of(column, |raw| country::country(raw).is_ok()),
        _ => return None,
    };
    Some(share)
}

fn share_of(column: &Sample<'_>, is: impl Fn(&str) -> bool) -> f64 {
    column.values.iter().filter(|raw| is(raw)).count() as f64 / column.values.len().max(1) as f64
}

fn is_written_phone(raw: &str) -> bool {
    let digits = raw.chars().filter(char::is_ascii_digit).count();
    let is_like_one =
        raw.starts_with(['+', '0', '(']) && raw.chars().all(|c| c.is_ascii_digit() || " .-+()/".contains(c));
    (8..=15).contains(&digits) && is_like_one && date(raw, Order::DayFirst).is_err()
}

fn has_legal_forms(column: &Sample<'_>) -> bool {
    share_of(column, |raw| {
        company_name::company_name(raw).is_ok_and(|name| name.is_some_and(|name| name.legal_form.is_some()))
    }) >= 0.1
}

#[cfg(test)]
mod tests {
    use super::{Role, Sample, Subject, recognise};
    use crate::Kind;

    fn roles(columns: &[(&str, &[&str])]) -> (Subject, Vec<Option<Role>>) {
        let samples: Vec<Sample<'_>> =
            columns.iter().map(|&(name, values)| Sample { name, values: values.to_vec() }).collect();
        recognise(&samples, None)
    }

    const DAYS: &[&str] = &["1970-01-02", "1981-11-30", "1955-05-05", "1999-12-01", "2001-03-04"];

    #[test]
    fn by_name_in_several_languages() {
        let (subject, found) = roles(&[
            ("rec_id", &[]),
            ("Prénom", &["Anne"]),
            ("NOM", &["Durand"]),
            ("Date de naissance", DAYS),
            ("adresse e-mail", &[]),
            ("Code postal", &[]),
            ("created_at", DAYS),
            ("mobilePhone", &[]),
            ("street number", &[]),
        ]);
        assert_eq!(subject, Subject::Persons);
        let kinds = [Kind::GivenName, Kind::FamilyName, Kind::Date, Kind::Email, Kind::Postcode].map(Role::Field);
        assert_eq!(found[1..6], kinds.map(Some));
        assert_eq!((found[0], found[6]), (None, None));
        assert_eq!(found[7..], [Some(Role::Field(Kind::Phone)), Some(Role::HouseNumber)]);
    }

    #[test]
    fn by_content_where_names_say_nothing() {
        let (_, found) = roles(&[
            ("a", &["anne@x.fr", "paul@y.com", "zoe@z.org", "lea@x.fr", "hugo@x.fr"]),
            ("b", &["+33 6 12 34 56 78", "+33612345679", "01 23 45 67 89", "0123456780", "06.11.22.33.44"]),
            ("c", DAYS),
            ("d", &["F", "M", "M", "F", "M"]),
            ("e", &["2024-01-02", "2024-02-03", "2025-01-01", "2025-06-07", "2026-01-01"]),
            ("f", &["12345", "12346", "12347", "12348", "12349"]),
        ]);
        let kinds = [Kind::Email, Kind::Phone, Kind::Date, Kind::Sex].map(Role::Field).map(Some);
        assert_eq!(found, [&kinds[..], &[None, None]].concat());
    }

    #[test]
    fn a_name_that_its_content_denies_is_not_believed() {
        let values: &[&str] = &["yes", "no", "yes", "no", "maybe"];
        assert_eq!(roles(&[("email", values), ("siret", values)]).1, [None, None]);
    }

    #[test]
    fn companies_are_known_by_their_numbers_or_forms() {
        let firms: &[&str] = &["Dupont SARL", "Acme GmbH", "Petit & Fils", "Durand SA", "Moreau"];
        let (subject, found) = roles(&[("name", firms), ("city", &["Lyon"])]);
        assert_eq!((subject, found[0]), (Subject::Companies, Some(Role::Field(Kind::CompanyName))));
        let (subject, found) = roles(&[("name", &["Anne Durand"]), ("city", &["Lyon"])]);
        assert_eq!((subject, found[0]), (Subject::Persons, Some(Role::FullName)));
    }
}
