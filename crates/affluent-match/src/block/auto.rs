//! Which blocking rules are worth trying, from the kinds of the fields.

use crate::field::{Field, Kind};
use crate::settings::{Part, Rule};

/// Rules to try, those that say most for the fewest pairs first.
pub(crate) fn rules_to_try(fields: &[Field]) -> Vec<Rule> {
    let of = |kind: Kind| fields.iter().find(|field| field.kind == kind).map(|field| field.name.clone());
    let whole = |kind: Kind| of(kind).map(Part::Whole);
    let prefix = |kind: Kind, length: usize| of(kind).map(|name| Part::Prefix(name, length));
    let sound = |kind: Kind| of(kind).map(Part::Sound);

    let ids = fields.iter().filter(|field| matches!(field.kind, Kind::Id | Kind::ExclusiveId));
    let mut tried: Vec<Vec<Option<Part>>> = ids.map(|field| vec![Some(Part::Whole(field.name.clone()))]).collect();
    tried.extend([
        vec![whole(Kind::Email)],
        vec![whole(Kind::Phone)],
        vec![whole(Kind::Domain)],
        vec![whole(Kind::CompanyName)],
        vec![whole(Kind::GivenName), whole(Kind::FamilyName)],
        vec![whole(Kind::FamilyName), whole(Kind::Date)],
        vec![whole(Kind::GivenName), whole(Kind::Date)],
        vec![whole(Kind::Date), whole(Kind::Postcode)],
        vec![of(Kind::Email).map(Part::LocalPart)],
        vec![whole(Kind::GivenName), whole(Kind::Postcode)],
        vec![whole(Kind::FamilyName), whole(Kind::Postcode)],
        vec![whole(Kind::Street), whole(Kind::Postcode)],
        vec![whole(Kind::Street), whole(Kind::City)],
        vec![whole(Kind::Date), whole(Kind::City)],
        vec![sound(Kind::FamilyName), prefix(Kind::GivenName, 3)],
        vec![sound(Kind::FamilyName), prefix(Kind::Date, 4), prefix(Kind::GivenName, 1)],
        vec![sound(Kind::CompanyName), prefix(Kind::Postcode, 2)],
        vec![prefix(Kind::CompanyName, 5), whole(Kind::City)],
        vec![whole(Kind::FamilyName), whole(Kind::City)],
        vec![whole(Kind::GivenName), whole(Kind::City)],
        vec![whole(Kind::Street)],
        vec![whole(Kind::Postcode), prefix(Kind::Date, 4)],
        vec![whole(Kind::Postcode), prefix(Kind::GivenName, 1)],
        vec![whole(Kind::Postcode), prefix(Kind::FamilyName, 1)],
        vec![sound(Kind::FamilyName), whole(Kind::City)],
        vec![sound(Kind::FamilyName), whole(Kind::Sex), prefix(Kind::Date, 4)],
        vec![sound(Kind::GivenName), prefix(Kind::Date, 7)],
        vec![prefix(Kind::FamilyName, 3), prefix(Kind::Date, 7)],
        vec![prefix(Kind::Email, 6)],
        vec![whole(Kind::Date)],
        vec![whole(Kind::Postcode)],
        vec![whole(Kind::City), prefix(Kind::GivenName, 2), prefix(Kind::FamilyName, 1)],
        vec![whole(Kind::City), prefix(Kind::Date, 4)],
        vec![sound(Kind::GivenName), sound(Kind::FamilyName)],
        vec![whole(Kind::FamilyName)],
        vec![prefix(Kind::CompanyName, 6)],
    ]);
    let texts = fields.iter().filter(|field| matches!(field.kind, Kind::Text | Kind::Exact));
    tried.extend(texts.map(|field| vec![Some(Part::Whole(field.name.clone()))]));
    if fields.iter().filter(|field| field.kind != Kind::MaidenName).count() == 1 {
        tried.extend([vec![whole(Kind::FamilyName)], vec![whole(Kind::GivenName)]]);
    }
    tried.into_iter().filter_map(|parts| parts.into_iter().collect::<Option<Vec<_>>>().map(Rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::rules_to_try;
    use crate::{Field, Kind};

    #[test]
    fn rules_need_all_their_fields() {
        let fields = [Field::new("given", Kind::GivenName), Field::new("born", Kind::Date)];
        let rules = rules_to_try(&fields);
        assert_eq!(rules.len(), 3);
        assert!(rules.iter().flat_map(|rule| &rule.0).all(|part| ["given", "born"].contains(&part.field())));
    }
}
