//! What the columns of files hold, found out: the settings of a match that nobody described.

use affluent_match::{Kind, Role, Sample, Subject, recognise};
use affluent_spec::OneOrMany;
use affluent_spec::pipeline::{Auto, Compare, CompareKind, Country, MatchEntity, MatchFile};
use indexmap::IndexMap;

use super::entry::{Asked, columns_of, sample};
use super::reader::Rows;
use super::usage;
use crate::error::Error;

/// The settings for these files, by their columns' names and content.
pub(super) fn recognised(asked: &Asked, heads: &[&[Rows]]) -> Result<MatchFile, Error> {
    let hint = "name the column that identifies a record by --id";
    let id = asked.id.clone().ok_or_else(|| usage("", "no id column is named".to_owned(), hint))?;
    let subject = asked.entity.map(|entity| match entity {
        MatchEntity::Persons => Subject::Persons,
        MatchEntity::Companies => Subject::Companies,
    });
    let mut found: Vec<(String, Role)> = Vec::new();
    let mut rename = IndexMap::new();
    let mut about = subject;
    for head in heads {
        let names = columns_of(&[head]);
        let samples: Vec<Sample<'_>> = names
            .iter()
            .map(|name| Sample { name, values: if *name == id { Vec::new() } else { sample(&[head], name) } })
            .collect();
        let (subject, roles) = recognise(&samples, about);
        about = Some(subject);
        let own: Vec<(String, Role)> = names
            .into_iter()
            .zip(roles)
            .filter_map(|(name, role)| Some((name, role?)))
            .filter(|(name, _)| *name != id)
            .collect();
        join(&mut found, &mut rename, &own);
    }
    let (names, roles): (Vec<String>, Vec<Option<Role>>) =
        found.into_iter().map(|(name, role)| (name, Some(role))).unzip();
    let compare = comparisons(&names, &roles);
    if compare.is_empty() {
        let what = format!("no column of {} is one that records can be told by", columns_of(heads).join(", "));
        return Err(usage("", what, "say what the columns are in a file named by --config"));
    }
    let is_source = |name: &String| matches!(name.to_lowercase().as_str(), "source" | "system");
    Ok(MatchFile {
        entity: if about == Some(Subject::Companies) { MatchEntity::Companies } else { MatchEntity::Persons },
        id,
        source: columns_of(heads).into_iter().find(is_source),
        country: asked.country.as_ref().map(|country| Country(country.to_uppercase())),
        rename,
        compare,
        block: Auto::Auto,
        threshold: Auto::Auto,
        duplicate_free: OneOrMany::default(),
    })
}

/// Adds the columns of a file to those of the files before it: what they call otherwise gets their name, in turn where there are
/// several of a role.
fn join(found: &mut Vec<(String, Role)>, rename: &mut IndexMap<String, String>, own: &[(String, Role)]) {
    let before = found.clone();
    for (at, (name, role)) in own.iter().enumerate() {
        if before.iter().any(|(known, _)| known == name) {
            continue;
        }
        let is_shared = |known: &String| own.iter().any(|(name, _)| name == known);
        let turn = own[..at]
            .iter()
            .filter(|(name, one)| one == role && !before.iter().any(|(known, _)| known == name))
            .count();
        let mut free = before.iter().filter(|(known, one)| one == role && !is_shared(known)).map(|(known, _)| known);
        match free.nth(turn) {
            Some(known) => _ = rename.insert(name.clone(), known.clone()),
            None => found.push((name.clone(), *role)),
        }
    }
}

fn comparisons(names: &[String], roles: &[Option<Role>]) -> IndexMap<String, Compare> {
    let of = |role: Role| names.iter().zip(roles).find(|(_, one)| **one == Some(role)).map(|(name, _)| name.clone());
    let field = |kind: Kind| of(Role::Field(kind));
    let mut compare = IndexMap::new();
    let name = Compare {
        given: field(Kind::GivenName),
        family: field(Kind::FamilyName),
        maiden: field(Kind::MaidenName),
        full: of(Role::FullName),
        ..Compare::new(CompareKind::PersonName)
    };
    if name.given.is_some() || name.family.is_some() || name.full.is_some() {
        compare.insert("name".to_owned(), name);
    }
    let address = Compare {
        street: OneOrMany(of(Role::HouseNumber).into_iter().chain(field(Kind::Street)).collect()),
        postcode: field(Kind::Postcode),
        city: field(Kind::City),
        ..Compare::new(CompareKind::Address)
    };
    for (name, role) in names.iter().zip(roles) {
        let Some(Role::Field(kind)) = role else { continue };
        if let Some(kind) = word_of(*kind) {
            compare.insert(name.clone(), Compare::new(kind));
        }
    }
    if !address.street.is_empty() || address.postcode.is_some() || address.city.is_some() {
        compare.insert("address".to_owned(), address);
    }
    compare
}

/// The word for a kind of a single column.
fn word_of(kind: Kind) -> Option<CompareKind> {
    Some(match kind {
        Kind::Sex => CompareKind::Sex,
        Kind::Date => CompareKind::Date,
        Kind::Email => CompareKind::Email,
        Kind::Phone => CompareKind::Phone,
        Kind::Region => CompareKind::Region,
        Kind::Country => CompareKind::Country,
        Kind::Id => CompareKind::Id,
        Kind::ExclusiveId => CompareKind::ExclusiveId,
        Kind::CompanyName => CompareKind::CompanyName,
        Kind::Domain => CompareKind::Domain,
        Kind::Exact => CompareKind::Exact,
        Kind::Text => CompareKind::Text,
        Kind::GivenName | Kind::FamilyName | Kind::MaidenName | Kind::Street | Kind::City | Kind::Postcode => {
            return None;
        }
    })
}

/// The kind of a single column that a word names.
pub(crate) fn kind_of(word: CompareKind) -> Option<Kind> {
    Some(match word {
        CompareKind::PersonName | CompareKind::Address => return None,
        CompareKind::CompanyName => Kind::CompanyName,
        CompareKind::Date => Kind::Date,
        CompareKind::Email => Kind::Email,
        CompareKind::Phone => Kind::Phone,
        CompareKind::Region => Kind::Region,
        CompareKind::Country => Kind::Country,
        CompareKind::Sex => Kind::Sex,
        CompareKind::Domain => Kind::Domain,
        CompareKind::Id => Kind::Id,
        CompareKind::ExclusiveId => Kind::ExclusiveId,
        CompareKind::Text => Kind::Text,
        CompareKind::Exact => Kind::Exact,
    })
}

#[cfg(test)]
mod tests {
    use affluent_match::{Kind, Role};
    use indexmap::IndexMap;

    use super::join;

    #[test]
    fn columns_of_one_role_are_one_column() {
        let of = |columns: &[(&str, Kind)]| -> Vec<(String, Role)> {
            columns.iter().map(|&(name, kind)| (name.to_owned(), Role::Field(kind))).collect()
        };
        let mut found = of(&[("email", Kind::Email), ("tel", Kind::Phone), ("mobile", Kind::Phone)]);
        let mut rename = IndexMap::new();
        let own = of(&[
            ("courriel", Kind::Email),
            ("mobile", Kind::Phone),
            ("phone", Kind::Phone),
            ("fax", Kind::Phone),
            ("ville", Kind::City),
        ]);
        join(&mut found, &mut rename, &own);
        let told: Vec<_> = rename.iter().map(|(there, here)| (there.as_str(), here.as_str())).collect();
        assert_eq!(told, [("courriel", "email"), ("phone", "tel")]);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["email", "tel", "mobile", "fax", "ville"]);
    }
}
