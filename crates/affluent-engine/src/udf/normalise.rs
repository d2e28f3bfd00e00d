//! `normalise_<rule>(value, context)`: a value in its canonical form, or why it has none.
//!
//! The result is a struct of `value` and `fault`, one of them null at least; both are null for a blank. The context is the
//! country (ISO 3166 alpha-2) for phones, postcodes and VAT numbers, the order of day and month (`dmy`, `mdy`) for dates,
//! and unused for the rest.

use std::sync::Arc;

use affluent_match::enrich::free_mail_domain;
use affluent_match::normalise::{self as rules, Invalid, date::Order};
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
    Fields::from(vec![Field::new("value", DataType::Utf8, true), Field::new("fault", DataType::Utf8, true)])
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
        for (index, value) in values.iter().enumerate() {
            let context = if contexts.is_null(index) { None } else { Some(contexts.value(index)) };
            match value.map_or(Ok(None), |value| normalised(self.rule, value, context)) {
                Ok(value) => {
                    good.append_option(value);
                    faults.append_null();
                }
                Err(fault) => {
                    good.append_null();
                    faults.append_value(fault.reason);
                }
            }
        }
        StructArray::new(fields(), vec![Arc::new(good.finish()), Arc::new(faults.finish())], None)
    }
}

fn normalised(rule: Rule, value: &str, context: Option<&str>) -> std::result::Result<Option<String>, Invalid> {
    let rule = match rule {
        Rule::Column(rule) => rule,
        Rule::GivenOf => return Ok(rules::person_name::split_full_name(value)?.0.map(|name| name.display)),
        Rule::FamilyOf => return Ok(rules::person_name::split_full_name(value)?.1.map(|name| name.display)),
        Rule::LegalForm => {
            return Ok(rules::company_name::company_name(value)?.and_then(|name| name.legal_form.map(Into::into)));
        }
    };
    Ok(match rule {
        Normalise::FirstName | Normalise::LastName => rules::person_name::person_name(value)?.map(|name| name.display),
        Normalise::Email => rules::email::email(value)?.map(|email| email.address),
        Normalise::Phone => rules::phone::phone(value, context)?,
        Normalise::Street => rules::address::street(value)?.map(|street| street.display),
        Normalise::Postcode => rules::postcode::postcode(value, context)?,
        Normalise::City => rules::city::city(value)?.map(|city| city.display),
        Normalise::Country => rules::country::country(value)?.map(str::to_owned),
        Normalise::Date => rules::date::date(value, order(context))?.map(|day| day.to_string()),
        Normalise::Sex => rules::sex::sex(value)?.map(String::from),
        Normalise::CompanyName => {
            rules::company_name::company_name(value)?.map(|name| rules::company_name::without_form(&name))
        }
        Normalise::Siren => rules::siren::siren(value)?,
        Normalise::Siret => rules::siren::siret(value)?,
        Normalise::Vat => rules::vat::vat(value, context)?,
        // A public mail provider is nobody's company.
        Normalise::Domain => rules::domain::domain(value)?.filter(|domain| !free_mail_domain(domain)),
    })
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
            assert_eq!(found.as_deref(), domain, "{raw}");
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
            let of = |rule| normalised(rule, raw, None).unwrap();
            assert_eq!(of(Rule::Column(Normalise::CompanyName)).as_deref(), Some(name), "{raw}");
            assert_eq!(of(Rule::LegalForm).as_deref(), form, "{raw}");
        }
    }
}
