//! `normalise_<rule>(value, context)`: a value in its canonical form, or why it has none.
//!
//! The result is a struct of `value` and `fault`, one of them null at least, and of `compared`, the form by which records are
//! told apart: folded, abbreviations written out, and for a date or number that is wrong what still resembles it. All are
//! null for a blank. The context is the
//! country (ISO 3166 alpha-2) for phones, postcodes and VAT numbers, the order of day and month (`dmy`, `mdy`) for dates,
//! and unused for the rest.

use std::sync::Arc;

use affluent_match::enrich::free_mail_domain;
use affluent_match::normalise::{self as rules, Invalid, date::Order, person_name::PersonName};
use affluent_spec::entity::Normalise;
use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// What a function does with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// What the catalogue says of a column.
    Column(Normalise),
    /// The given name out of a full one.
    GivenOf,
    /// The family name out of a full one.
    FamilyOf,
    /// The legal form out of a company's name.
    LegalForm,
}

impl Rule {
    /// All, each a function of its own.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Normalise::ALL.into_iter().map(Self::Column).chain([Self::GivenOf, Self::FamilyOf, Self::LegalForm])
    }

    /// The name of the function.
    pub(crate) fn function(self) -> String {
        let name = match self {
            Self::Column(rule) => rule.name(),
            Self::GivenOf => "given_of",
            Self::FamilyOf => "family_of",
            Self::LegalForm => "legal_form",
        };
        format!("normalise_{name}")
    }
}

/// The function of one rule.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Normaliser {
    rule: Rule,
    name: String,
    signature: Signature,
}

impl Normaliser {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, name: rule.function(), signature: Signature::any(2, Volatility::Immutable) }
    }
}

fn fields() -> Fields {
    Fields::from(["value", "fault", "compared"].map(|name| Field::new(name, DataType::Utf8, true)).to_vec())
}

/// A value as it is shown, and as it is compared.
struct Forms {
    value: String,
    compared: String,
}

impl From<String> for Forms {
    fn from(value: String) -> Self {
        Self { compared: value.clone(), value }
    }
}

impl ScalarUDFImpl for Normaliser {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let text = |at: usize| -> Result<ArrayRef> {
            Ok(cast(&args.args[at].to_array(if scalar { 1 } else { args.number_rows })?, &DataType::Utf8)?)
        };
        let (values, contexts) = (text(0)?, text(1)?);
        let result = self.apply(values.as_string(), contexts.as_string());
        if scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

impl Normaliser {
    fn apply(&self, values: &StringArray, contexts: &StringArray) -> StructArray {
        let mut good = StringBuilder::new();
        let mut faults = StringBuilder::new();
        let mut compared = StringBuilder::new();
        for (index, value) in values.iter().enumerate() {
            let context = if contexts.is_null(index) { None } else { Some(contexts.value(index)) };
            match value.map_or(Ok(None), |value| normalised(self.rule, value, context)) {
                Ok(forms) => {
                    let (value, key) = forms.map(|forms| (forms.value, forms.compared)).unzip();
                    good.append_option(value);
                    compared.append_option(key);
                    faults.append_null();
                }
                Err(fault) => {
                    good.append_null();
                    compared.append_option(value.and_then(|value| resembling(self.rule, value)));
                    faults.append_value(fault.reason);
                }
            }
        }
        let columns: Vec<ArrayRef> =
            vec![Arc::new(good.finish()), Arc::new(faults.finish()), Arc::new(compared.finish())];
        StructArray::new(fields(), columns, None)
    }
}

fn normalised(rule: Rule, value: &str, context: Option<&str>) -> std::result::Result<Option<Forms>, Invalid> {
    let name = |name: PersonName| Forms { value: name.display, compared: name.key };
    let rule = match rule {
        Rule::Column(rule) => rule,
        Rule::GivenOf => return Ok(rules::person_name::split_full_name(value)?.0.map(name)),
        Rule::FamilyOf => return Ok(rules::person_name::split_full_name(value)?.1.map(name)),
        Rule::LegalForm => {
            let form = rules::company_name::company_name(value)?.and_then(|name| name.legal_form);
            return Ok(form.map(|form| form.to_owned().into()));
        }
    };
    Ok(match rule {
        Normalise::FirstName | Normalise::LastName => rules::person_name::person_name(value)?.map(name),
        Normalise::Email => {
            rules::email::email(value)?.map(|email| Forms { value: email.address, compared: email.key })
        }
        Normalise::Phone => rules::phone::phone(value, context)?.map(Forms::from),
        Normalise::Street => {
            rules::address::street(value)?.map(|street| Forms { value: street.display, compared: street.key })
        }
        Normalise::Postcode => rules::postcode::postcode(value, context)?.map(Forms::from),
        Normalise::City => rules::city::city(value)?.map(|city| Forms { value: city.display, compared: city.key }),
        Normalise::Country => rules::country::country(value)?.map(|code| code.to_owned().into()),
        Normalise::Date => rules::date::date(value, order(context))?.map(|day| day.to_string().into()),
        Normalise::Sex => rules::sex::sex(value)?.map(|sex| String::from(sex).into()),
        Normalise::CompanyName => rules::company_name::company_name(value)?
            .map(|name| Forms { value: rules::company_name::without_form(&name), compared: name.key }),
        Normalise::Siren => rules::siren::siren(value)?.map(Forms::from),
        Normalise::Siret => rules::siren::siret(value)?.map(Forms::from),
        Normalise::Vat => rules::vat::vat(value, context)?.map(Forms::from),
        // A public mail provider is nobody's company.
        Normalise::Domain => rules::domain::domain(value)?.filter(|domain| !free_mail_domain(domain)).map(Forms::from),
    })
}

/// What of an invalid value is compared: a mistyped date or number still resembles its original.
fn resembling(rule: Rule, value: &str) -> Option<String> {
    let kept = match rule {
        Rule::Column(Normalise::Date | Normalise::Siren | Normalise::Siret | Normalise::Vat) => value.trim().to_owned(),
        Rule::Column(Normalise::Phone) => value.chars().filter(char::is_ascii_digit).collect(),
        _ => String::new(),
    };
    Some(kept).filter(|kept| !kept.is_empty())
}

/// The order of day and month as a context says it.
fn order(context: Option<&str>) -> Order {
    match context {
        Some("dmy") => Order::DayFirst,
        Some("mdy") => Order::MonthFirst,
        _ => Order::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_provider_is_no_company_domain() {
        for (raw, domain) in [("https://www.acme.fr", Some("acme.fr")), ("gmail.com", None), ("info@orange.fr", None)] {
            let found = normalised(Rule::Column(Normalise::Domain), raw, None).unwrap();
            assert_eq!(found.map(|forms| forms.value).as_deref(), domain, "{raw}");
        }
    }

    #[test]
    fn a_company_is_shown_without_its_legal_form() {
        for (raw, name, form) in [
            ("Pépinières Lumière SAS", "Pépinières Lumière", Some("SAS")),
            ("S.A.R.L. Dupont & Fils", "Dupont & Fils", Some("SARL")),
            ("Acme", "Acme", None),
            ("Müller GmbH & Co. KG", "Müller", Some("GmbH & Co. KG")),
        ] {
            let of = |rule| normalised(rule, raw, None).unwrap().map(|forms| forms.value);
            assert_eq!(of(Rule::Column(Normalise::CompanyName)).as_deref(), Some(name), "{raw}");
            assert_eq!(of(Rule::LegalForm).as_deref(), form, "{raw}");
        }
    }

    #[test]
    fn what_is_compared_is_what_matching_of_files_compares() {
        use affluent_match::{Kind, canonical};
        for (rule, kind, raw) in [
            (Normalise::FirstName, Kind::GivenName, "Mme Hélène"),
            (Normalise::Email, Kind::Email, "Jean.Dupont+news@GMail.com"),
            (Normalise::Street, Kind::Street, "12 av. du Gal de Gaulle"),
            (Normalise::City, Kind::City, "Paris 11e"),
            (Normalise::City, Kind::City, "St-Malo Cedex"),
            (Normalise::CompanyName, Kind::CompanyName, "Dupont & Fils SARL"),
            (Normalise::Phone, Kind::Phone, "00 00"),
            (Normalise::Date, Kind::Date, "31/02/1980"),
            (Normalise::Country, Kind::Country, "Allemagne"),
            (Normalise::Siret, Kind::ExclusiveId, "732 829 320 00075"),
        ] {
            let values = StringArray::from(vec![raw]);
            let found = Normaliser::new(Rule::Column(rule)).apply(&values, &StringArray::from(vec![None::<&str>]));
            let compared = found.column(2).as_string::<i32>().iter().next().flatten().map(str::to_owned);
            assert_eq!(compared, canonical(kind, raw, None, Order::Unknown).value, "{rule:?} {raw}");
        }
    }
}
