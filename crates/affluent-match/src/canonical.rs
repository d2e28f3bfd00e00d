//! A raw value in the form that is compared, by its kind.

use crate::field::Kind;
use crate::normalise::date::{Order, date};
use crate::normalise::{
    Invalid, address, city, company_name, country, domain, email, person_name, phone, postcode, sex, siren, vat,
};

/// A value in the form that is compared, and why it is not what its column says, where it is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Canonical {
    /// What to compare. A mistyped date or number still resembles its original and is compared as it came.
    pub value: Option<String>,
    /// What is wrong with it.
    pub fault: Option<Invalid>,
}

/// The canonical form of a raw value; `country` (ISO alpha-2) and `order` say how to read phones, postcodes and dates.
pub fn canonical(kind: Kind, raw: &str, country: Option<&str>, order: Order) -> Canonical {
    let found = match kind {
        Kind::GivenName | Kind::FamilyName | Kind::MaidenName => {
            person_name::person_name(raw).map(|name| name.map(|name| name.key))
        }
        Kind::Date => date(raw, order).map(|day| day.map(|day| day.to_string())),
        Kind::Email => email::email(raw).map(|email| email.map(|email| email.key)),
        Kind::Phone => phone::phone(raw, country),
        Kind::Street => address::street(raw).map(|street| street.map(|street| street.key)),
        Kind::City => city::city(raw).map(|city| city.map(|city| city.key)),
        Kind::Postcode => postcode::postcode(raw, country),
        Kind::Country => country::country(raw).map(|code| code.map(str::to_owned)),
        Kind::CompanyName => company_name::company_name(raw).map(|name| name.map(|name| name.key)),
        Kind::Domain => domain::domain(raw),
        Kind::Sex => sex::sex(raw).map(|sex| sex.map(String::from)),
        Kind::ExclusiveId => siren::siret(raw).or_else(|_| Ok(as_it_is(raw))),
        Kind::Id => siren::siren(raw).or_else(|_| vat::vat(raw, country)).or_else(|_| Ok(as_it_is(raw))),
        Kind::Region | Kind::Exact | Kind::Text => Ok(as_it_is(raw)),
    };
    match found {
        Ok(value) => Canonical { value, fault: None },
        Err(fault) => Canonical { value: resembling(kind, raw), fault: Some(fault) },
    }
}

fn as_it_is(raw: &str) -> Option<String> {
    Some(raw.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What of an invalid value is compared: people give the same wrong number twice.
fn resembling(kind: Kind, raw: &str) -> Option<String> {
    match kind {
        Kind::Date => as_it_is(raw),
        Kind::Phone => as_it_is(&raw.chars().filter(char::is_ascii_digit).collect::<String>()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use crate::Kind;
    use crate::normalise::date::Order;

    #[test]
    fn each_kind_by_its_normaliser() {
        for (kind, raw, value, is_valid) in [
            (Kind::GivenName, "Mme Hélène", Some("helene"), true),
            (Kind::Date, "03/04/1980", Some("1980-04-03"), true),
            (Kind::Date, "31/02/1980", Some("31/02/1980"), false),
            (Kind::Phone, "06 12 34 56 78", Some("+33612345678"), true),
            (Kind::Phone, "00 00", Some("0000"), false),
            (Kind::Sex, "Féminin", Some("F"), true),
            (Kind::Id, "55 2100 554", Some("552100554"), true),
            (Kind::Id, " A-17 ", Some("A-17"), true),
            (Kind::Email, "nobody", None, false),
            (Kind::Country, "France", Some("FR"), true),
            (Kind::Text, "  ", None, true),
        ] {
            let found = canonical(kind, raw, Some("FR"), Order::DayFirst);
            assert_eq!((found.value.as_deref(), found.fault.is_none()), (value, is_valid), "{kind:?} {raw}");
        }
    }
}
