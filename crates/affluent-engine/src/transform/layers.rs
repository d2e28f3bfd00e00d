//! From raw values to an entity's columns, as layers of SQL, each a query over the one before: plain casts, what is
//! normalised in a context, amounts at the rate of their day, and last the entity's columns with what was wrong.

use affluent_connect::schema::arrow_type;
use affluent_spec::entity::{EntityColumn, Normalise};
use affluent_spec::{ColumnType, Entity};
use arrow::datatypes::DataType;
use indexmap::IndexMap;

use crate::columns::{RECORD_ID, SOURCE};
use crate::sql::{identifier, text};
use crate::udf::Rule;

/// What is wrong with a row; null where it is good.
pub(super) const FAULT: &str = "_fault";
/// The values of a row that could not be used.
pub(super) const NOTES: &str = "_notes";
/// The raw values of a row.
pub(super) const ROW_TEXT: &str = "_row_text";

/// The raw value of a column.
pub(super) fn raw(column: &str) -> String {
    identifier(&format!("_r_{column}"))
}

/// The name under which a column is compared, where that is not its value.
pub(super) fn compared(column: &str) -> String {
    format!("_m_{column}")
}

/// The normalised value of a column, with its fault.
fn normal(column: &str) -> String {
    identifier(&format!("_n_{column}"))
}

/// A column's value taken out of another one: of a full name, or of a company's.
fn part(column: &str) -> String {
    identifier(&format!("_p_{column}"))
}

/// An amount in the pipeline's currency.
fn converted(column: &str) -> String {
    identifier(&format!("_c_{column}"))
}

/// An amount as it came, in the entity.
fn unconverted(column: &str) -> String {
    identifier(&format!("source_{column}"))
}

/// What the layers need to know beside the entity.
pub(super) struct Setting<'a> {
    /// The pipeline's zone.
    pub(super) timezone: &'a str,
    /// Country of phones and postcodes whose record names none.
    pub(super) country: Option<&'a str>,
    /// Region of phones whose record names no country, where it is not `country`.
    pub(super) phone_region: Option<&'a str>,
    /// The order of day and month in the dates of a column, `dmy` or `mdy`, where it is known.
    pub(super) orders: &'a IndexMap<String, &'static str>,
    /// Whether a value that fits nowhere is a fault of the row (facts) or a note beside it (records of people).
    pub(super) strict: bool,
}

/// A query over `source`, which gives `record_id`, `source`, `_r_<column>` for each of `mapped`, and the columns of
/// `kept`. It gives the entity's columns by name, those of `kept`, `_fault` (null where the row is good), `_notes` (values
/// that could not be used) and `_row_text` (the raw values).
pub(super) fn layered(
    entity: &Entity,
    source: &str,
    mapped: &[String],
    kept: &[&str],
    setting: &Setting<'_>,
) -> String {
    let kept: Vec<String> = [RECORD_ID, SOURCE].iter().chain(kept).map(|column| identifier(column)).collect();
    let layers = Layers { entity, mapped, setting };
    let over = |columns: Vec<String>, rows: &str| format!("select {} from ({rows})", columns.join(", "));
    let cast = over(layers.cast(&kept), source);
    let normalised = over(layers.normalised(), &cast);
    let priced = over(layers.priced(), &normalised);
    over(layers.told(&kept), &priced)
}

/// An entity and what of it is mapped. Each layer is the columns of its query.
struct Layers<'a> {
    entity: &'a Entity,
    mapped: &'a [String],
    setting: &'a Setting<'a>,
}

/// What a column of the entity comes to in the last layer.
#[derive(Default)]
struct Outcome {
    columns: Vec<String>,
    note: Option<String>,
    faults: Vec<String>,
}

impl Layers<'_> {
    /// First layer: plain casts, and the country, on which other normalisers depend.
    fn cast(&self, kept: &[String]) -> Vec<String> {
        let mut columns: Vec<String> = kept.to_vec();
        columns.extend(self.mapped.iter().map(|column| raw(column)));
        for (column, spec) in self.entity.columns.iter().filter(|(column, _)| self.is_mapped(column)) {
            if spec.normalise == Some(Normalise::Country) {
                columns.push(call(Rule::Column(Normalise::Country), column, "null", &normal(column)));
            } else if spec.normalise.is_none() && spec.derived.is_none() {
                columns.push(format!("{} as {}", self.typed(&raw(column), &spec.kind), identifier(column)));
            }
        }
        columns
    }

    /// Second layer: normalisers with their context, days of instants, and parts of names.
    fn normalised(&self) -> Vec<String> {
        let mut columns = vec!["*".to_owned()];
        for (column, spec) in &self.entity.columns {
            match (&spec.derived, spec.normalise) {
                (Some(instant), _) if self.is_mapped(instant) => {
                    let (instant, zone) = (identifier(instant), text(self.setting.timezone));
                    columns.push(format!("local_date({instant}, {zone}) as {}", identifier(column)));
                }
                (None, Some(rule)) if rule != Normalise::Country && self.is_mapped(column) => {
                    columns.push(call(Rule::Column(rule), column, &self.context(rule, column), &normal(column)));
                }
                _ => {}
            }
        }
        if self.derives_form() {
            let form = format!("{}({}, null)['value']", Rule::LegalForm.function(), raw("name"));
            columns.push(format!("{form} as {}", part("legal_form")));
        }
        if self.is_mapped("full_name") {
            columns.push(call(Rule::GivenOf, "full_name", "null", &part("first_name")));
            columns.push(call(Rule::FamilyOf, "full_name", "null", &part("last_name")));
        }
        columns
    }

    /// Third layer: amounts at the rate of their day.
    fn priced(&self) -> Vec<String> {
        let (currency, day) = (self.currency(), self.day());
        let amounts = self.entity.columns.iter().filter(|(column, spec)| spec.money && self.is_mapped(column));
        let prices = amounts.map(|(column, _)| {
            format!("to_pipeline_currency({}, {currency}, {day}) as {}", identifier(column), converted(column))
        });
        std::iter::once("*".to_owned()).chain(prices).collect()
    }

    /// Last layer: the entity's columns and what was wrong.
    fn told(&self, kept: &[String]) -> Vec<String> {
        let mut columns = kept.to_vec();
        let mut faults = Vec::new();
        let mut notes = Vec::new();
        for (column, spec) in &self.entity.columns {
            let outcome = self.outcome(column, spec);
            columns.extend(outcome.columns);
            faults.extend(outcome.faults);
            notes.extend(outcome.note);
        }
        if self.setting.strict {
            faults.append(&mut notes);
        } else {
            let normalised = self.entity.columns.iter().filter(|(_, spec)| spec.normalise.is_some());
            columns.extend(normalised.filter_map(|(column, _)| self.compared_value(column)));
        }
        let shown = self.mapped.iter().map(|column| format!("{} || {}", text(&format!("{column}=")), shown(column)));
        columns.push(format!("{} as {FAULT}", listed(&faults)));
        columns.push(format!("{} as {NOTES}", listed(&notes)));
        columns.push(format!("{} as {ROW_TEXT}", listed(&shown.collect::<Vec<_>>())));
        columns
    }

    fn outcome(&self, column: &str, spec: &EntityColumn) -> Outcome {
        let own = identifier(column);
        let alone = |value: String| Outcome { columns: vec![format!("{value} as {own}")], ..Outcome::default() };
        if spec.person {
            // Found by matching, and joined to these rows.
            return Outcome::default();
        }
        if column == "legal_form" && self.derives_form() {
            return alone(part(column));
        }
        if let Some(instant) = &spec.derived {
            return alone(if self.is_mapped(instant) { own.clone() } else { self.typed("null", &spec.kind) });
        }
        if !self.is_mapped(column) && !self.is_part(column) {
            let mut outcome = alone(self.typed(spec.default.as_deref().unwrap_or("null"), &spec.kind));
            if spec.money {
                outcome.columns.push(format!("{} as {}", self.typed("null", &spec.kind), unconverted(column)));
            }
            return outcome;
        }
        self.found(column, spec)
    }

    /// A column that the source fills.
    fn found(&self, column: &str, spec: &EntityColumn) -> Outcome {
        let own = identifier(column);
        let (value, note) = match spec.normalise {
            Some(_) => self.normal_value(column),
            None => (own.clone(), Some(misfit(column, &spec.kind))),
        };
        let mut outcome = Outcome { note, ..Outcome::default() };
        let result = if spec.money {
            let price = converted(column);
            outcome.columns.push(format!("{price} as {own}"));
            outcome.columns.push(format!("{value} as {}", unconverted(column)));
            let (currency, day) = (self.currency(), self.day());
            outcome.faults.push(format!(
                "case when {value} is not null and {price} is null then {} || ': no exchange rate for `' || {currency} || '`' \
                 || coalesce(' on ' || cast({day} as varchar), '') end",
                text(column)
            ));
            own
        } else {
            let typed = self.typed(&value, &spec.kind);
            let filled = spec.default.as_ref().map_or(typed.clone(), |default| format!("coalesce({typed}, {default})"));
            outcome.columns.push(format!("{filled} as {own}"));
            value
        };
        if spec.required {
            outcome.faults.push(format!(
                "case when {result} is null and {} is null then {} end",
                present(column),
                text(&format!("{column} is missing"))
            ));
        }
        outcome
    }

    /// The normalised value of a column, and the note for a value that is refused.
    fn normal_value(&self, column: &str) -> (String, Option<String>) {
        let (own, part) = (format!("{}['value']", normal(column)), format!("{}['value']", part(column)));
        let note = format!("{} || ': `' || {} || '`: ' || {}['fault']", text(column), shown(column), normal(column));
        match (self.is_mapped(column), self.is_part(column)) {
            (true, true) => (format!("coalesce({own}, {part})"), Some(note)),
            (true, false) => (own, Some(note)),
            (false, _) => (part, None),
        }
    }

    /// The form of a column by which records are told apart.
    fn compared_value(&self, column: &str) -> Option<String> {
        let (own, part) = (format!("{}['compared']", normal(column)), format!("{}['compared']", part(column)));
        let value = match (self.is_mapped(column), self.is_part(column)) {
            (true, true) => format!("coalesce({own}, {part})"),
            (true, false) => own,
            (false, true) => part,
            (false, false) => return None,
        };
        Some(format!("{value} as {}", identifier(&compared(column))))
    }

    /// What a normaliser needs to know beside the value.
    fn context(&self, rule: Normalise, column: &str) -> String {
        match rule {
            Normalise::Phone => self.country(self.setting.phone_region.or(self.setting.country)),
            Normalise::Postcode | Normalise::Vat => self.country(self.setting.country),
            Normalise::Date => self.setting.orders.get(column).map_or("null".to_owned(), |order| text(order)),
            _ => "null".to_owned(),
        }
    }

    /// The country of a row.
    fn country(&self, fallback: Option<&str>) -> String {
        let known = self.is_mapped("country") && self.entity.columns.contains_key("country");
        let own = format!("{}['value']", normal("country"));
        match (known, fallback) {
            (true, Some(fallback)) => format!("coalesce({own}, {})", text(fallback)),
            (true, None) => own,
            (false, Some(fallback)) => text(fallback),
            (false, None) => "null".to_owned(),
        }
    }

    /// The currency of a row's amounts.
    fn currency(&self) -> String {
        if self.is_mapped("currency") { identifier("currency") } else { "null".to_owned() }
    }

    /// The day of a row's amounts: its first date that is known.
    fn day(&self) -> String {
        let dates = self.entity.columns.iter().filter(|(_, spec)| matches!(spec.kind, ColumnType::Date(_)));
        let mut known = dates.filter(|(column, spec)| self.is_mapped(spec.derived.as_ref().unwrap_or(column)));
        known.next().map_or("null".to_owned(), |(column, _)| identifier(column))
    }

    fn is_mapped(&self, column: &str) -> bool {
        self.mapped.iter().any(|name| name == column)
    }

    /// Whether the legal form of a company is taken out of its name, since the source does not give it.
    fn derives_form(&self) -> bool {
        self.entity.columns.contains_key("legal_form") && self.is_mapped("name") && !self.is_mapped("legal_form")
    }

    /// Whether a column can be taken out of a full name.
    fn is_part(&self, column: &str) -> bool {
        matches!(column, "first_name" | "last_name") && self.is_mapped("full_name")
    }

    fn typed(&self, value: &str, kind: &ColumnType) -> String {
        if matches!(kind, ColumnType::Timestamp(_)) {
            return format!("to_instant({value}, {})", text(self.setting.timezone));
        }
        let arrow = match arrow_type(kind) {
            DataType::Utf8 => "Utf8".to_owned(),
            other => other.to_string(),
        };
        format!("arrow_try_cast({value}, {})", text(&arrow))
    }
}

/// A normaliser over the raw value of a column.
fn call(rule: Rule, column: &str, context: &str, name: &str) -> String {
    format!("{}({}, {context}) as {name}", rule.function(), raw(column))
}

/// The note for a value that does not fit its type.
fn misfit(column: &str, kind: &ColumnType) -> String {
    format!(
        "case when {} is null and {} is not null then {} || ': `' || {} || '` is not {}' end",
        identifier(column),
        present(column),
        text(column),
        shown(column),
        words(kind)
    )
}

/// Words one after the other, null where there are none.
fn listed(parts: &[String]) -> String {
    if parts.is_empty() {
        return "cast(null as varchar)".to_owned();
    }
    format!("nullif(concat_ws('; ', {}), '')", parts.join(", "))
}

/// A raw value as text.
fn shown(column: &str) -> String {
    format!("cast({} as varchar)", raw(column))
}

/// A raw value, blank ones as null: a blank is nothing, not a fault.
fn present(column: &str) -> String {
    format!("nullif(trim({}), '')", shown(column))
}

fn words(kind: &ColumnType) -> String {
    match kind {
        ColumnType::Integer => "a whole number".to_owned(),
        ColumnType::Number => "a number".to_owned(),
        ColumnType::Boolean => "true or false".to_owned(),
        ColumnType::Date(_) => "a day".to_owned(),
        ColumnType::Timestamp(_) => "an instant".to_owned(),
        other => format!("a {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entity's columns and those that are mapped; what each layer adds to what it takes over.
    struct Case {
        columns: &'static str,
        mapped: &'static [&'static str],
        cast: &'static [&'static str],
        normalised: &'static [&'static str],
        priced: &'static [&'static str],
        told: &'static [&'static str],
        fault: &'static str,
    }

    const CASES: [Case; 4] = [
        // A plain column is cast; what does not fit is told, what is required must be there.
        Case {
            columns: "n: { type: integer, required: true, description: d }",
            mapped: &["n"],
            cast: &[r#"arrow_try_cast("_r_n", 'Int64') as "n""#],
            normalised: &[],
            priced: &[],
            told: &[r#"arrow_try_cast("n", 'Int64') as "n""#],
            fault: r#"nullif(concat_ws('; ', case when "n" is null and nullif(trim(cast("_r_n" as varchar)), '') is null then 'n is missing' end, case when "n" is null and nullif(trim(cast("_r_n" as varchar)), '') is not null then 'n' || ': `' || cast("_r_n" as varchar) || '` is not a whole number' end), '')"#,
        },
        // A column that nothing fills has its default, and no fault.
        Case {
            columns: "kind: { type: string, default: \"'order'\", description: d }",
            mapped: &[],
            cast: &[],
            normalised: &[],
            priced: &[],
            told: &[r#"arrow_try_cast('order', 'Utf8') as "kind""#],
            fault: "cast(null as varchar)",
        },
        // A day follows its instant, an amount is converted at that day's rate and kept as it came.
        Case {
            columns: "at: { type: timestamp, description: d }, on: { type: date, derived: at, description: d }, \
                      amount: { type: 'decimal(18,4)', money: true, description: d }",
            mapped: &["at", "amount"],
            cast: &[
                r#"to_instant("_r_at", 'Europe/Paris') as "at""#,
                r#"arrow_try_cast("_r_amount", 'Decimal128(18, 4)') as "amount""#,
            ],
            normalised: &[r#"local_date("at", 'Europe/Paris') as "on""#],
            priced: &[r#"to_pipeline_currency("amount", null, "on") as "_c_amount""#],
            told: &[
                r#"to_instant("at", 'Europe/Paris') as "at""#,
                r#""on" as "on""#,
                r#""_c_amount" as "amount""#,
                r#""amount" as "source_amount""#,
            ],
            fault: r#"nullif(concat_ws('; ', case when "amount" is not null and "_c_amount" is null then 'amount' || ': no exchange rate for `' || null || '`' || coalesce(' on ' || cast("on" as varchar), '') end, case when "at" is null and nullif(trim(cast("_r_at" as varchar)), '') is not null then 'at' || ': `' || cast("_r_at" as varchar) || '` is not an instant' end, case when "amount" is null and nullif(trim(cast("_r_amount" as varchar)), '') is not null then 'amount' || ': `' || cast("_r_amount" as varchar) || '` is not a decimal(18,4)' end), '')"#,
        },
        // The country comes first, since a phone is read in it; a full name gives its parts.
        Case {
            columns: "phone: { type: string, normalise: phone, description: d }, \
                      country: { type: string, normalise: country, description: d }, \
                      first_name: { type: string, normalise: first_name, description: d }",
            mapped: &["phone", "country", "full_name"],
            cast: &[r#"normalise_country("_r_country", null) as "_n_country""#],
            normalised: &[
                r#"normalise_phone("_r_phone", coalesce("_n_country"['value'], 'FR')) as "_n_phone""#,
                r#"normalise_given_of("_r_full_name", null) as "_p_first_name""#,
                r#"normalise_family_of("_r_full_name", null) as "_p_last_name""#,
            ],
            priced: &[],
            told: &[
                r#"arrow_try_cast("_n_phone"['value'], 'Utf8') as "phone""#,
                r#"arrow_try_cast("_n_country"['value'], 'Utf8') as "country""#,
                r#"arrow_try_cast("_p_first_name"['value'], 'Utf8') as "first_name""#,
            ],
            fault: r#"nullif(concat_ws('; ', 'phone' || ': `' || cast("_r_phone" as varchar) || '`: ' || "_n_phone"['fault'], 'country' || ': `' || cast("_r_country" as varchar) || '`: ' || "_n_country"['fault']), '')"#,
        },
    ];

    #[test]
    fn each_layer_does_its_part() {
        for case in CASES {
            let yaml = format!("{{ entity: things, description: d, columns: {{ {} }} }}", case.columns);
            let entity = affluent_spec::read::<Entity>("things.yaml", &yaml).unwrap().value;
            let mapped: Vec<String> = case.mapped.iter().map(|column| (*column).to_owned()).collect();
            let orders = IndexMap::new();
            let setting = Setting {
                timezone: "Europe/Paris",
                country: Some("FR"),
                phone_region: None,
                orders: &orders,
                strict: true,
            };
            let layers = Layers { entity: &entity, mapped: &mapped, setting: &setting };
            let carried: Vec<String> = mapped.iter().map(|column| raw(column)).collect();
            assert_eq!(layers.cast(&[])[carried.len()..], *case.cast, "{yaml}");
            assert_eq!(layers.normalised()[1..], *case.normalised, "{yaml}");
            assert_eq!(layers.priced()[1..], *case.priced, "{yaml}");
            let told = layers.told(&[]);
            assert_eq!(told[..case.told.len()], *case.told, "{yaml}");
            assert_eq!(told[case.told.len()], format!("{} as _fault", case.fault), "{yaml}");
        }
    }

    #[test]
    fn without_strictness_a_misfit_is_a_note_and_a_date_is_kept_to_be_compared() {
        let yaml =
            "{ entity: things, description: d, columns: { born: { type: date, normalise: date, description: d } } }";
        let entity = affluent_spec::read::<Entity>("things.yaml", yaml).unwrap().value;
        let orders = IndexMap::from([("born".to_owned(), "dmy")]);
        let setting = Setting { timezone: "UTC", country: None, phone_region: None, orders: &orders, strict: false };
        let mapped = ["born".to_owned()];
        let sql = layered(&entity, "select 1", &mapped, &[], &setting);
        assert_eq!(
            sql,
            r#"select "record_id", "source", arrow_try_cast("_n_born"['value'], 'Date32') as "born", "_n_born"['compared'] as "_m_born", cast(null as varchar) as _fault, nullif(concat_ws('; ', 'born' || ': `' || cast("_r_born" as varchar) || '`: ' || "_n_born"['fault']), '') as _notes, nullif(concat_ws('; ', 'born=' || cast("_r_born" as varchar)), '') as _row_text from (select * from (select *, normalise_date("_r_born", 'dmy') as "_n_born" from (select "record_id", "source", "_r_born" from (select 1))))"#
        );
    }
}
