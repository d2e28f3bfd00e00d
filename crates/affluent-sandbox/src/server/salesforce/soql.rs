//! The part of SOQL that extraction needs: SELECT fields FROM object WHERE ... ORDER BY ... LIMIT n OFFSET n.
//! <https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm>

use std::cmp::Ordering;

use crate::clock;
use crate::world::{Kind, Row, Table, World};

/// A refused query: Salesforce's code and message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SoqlError {
    pub(super) code: &'static str,
    pub(super) message: String,
}

fn malformed(message: String) -> SoqlError {
    SoqlError { code: "MALFORMED_QUERY", message }
}

/// A query checked against its object.
#[derive(Debug)]
pub(super) struct Select {
    pub(super) object: &'static str,
    pub(super) fields: Vec<usize>,
    /// `SELECT COUNT()`.
    pub(super) count: bool,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// One term of ORDER BY.
#[derive(Debug)]
pub(super) struct Order {
    field: usize,
    down: bool,
    nulls_last: bool,
}

/// A condition.
#[derive(Debug)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare { field: usize, operator: &'static str, values: Vec<Typed> },
}

/// A value in the order of its field's type.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(super) enum Typed {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

fn value_of(table: &Table, row: &Row, field: usize) -> Typed {
    let kind = table.object.fields[field].kind;
    match kind {
        // Salesforce keeps whole seconds of its stamps.
        Kind::Created | Kind::Updated | Kind::Instant | Kind::Date => {
            table.instant(row, field).map_or(Typed::Null, |at| Typed::Number((at - at.rem_euclid(1_000)) as f64))
        }
        Kind::Deleted => Typed::Bool(row.deleted.is_some()),
        _ => match (table.value(row, field), kind) {
            (None, _) => Typed::Null,
            (Some(text), Kind::Bool) => Typed::Bool(text == "true"),
            (Some(text), Kind::Number) => text.parse().map_or(Typed::Null, Typed::Number),
            // Ids tell case apart, text does not.
            (Some(text), Kind::Id | Kind::Reference) => Typed::Text(text.into_owned()),
            (Some(text), _) => Typed::Text(text.to_lowercase()),
        },
    }
}

impl Filter {
    pub(super) fn passes(&self, table: &Table, row: &Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.passes(table, row)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(table, row)),
            Self::Not(part) => !part.passes(table, row),
            Self::Compare { field, operator, values } => {
                let value = value_of(table, row, *field);
                let order = values.first().and_then(|other| value.partial_cmp(other));
                let known = value != Typed::Null;
                match *operator {
                    "=" => values.first() == Some(&value),
                    "!=" => values.first() != Some(&value),
                    "<" => known && order.is_some_and(Ordering::is_lt),
                    "<=" => known && order.is_some_and(Ordering::is_le),
                    ">" => known && order.is_some_and(Ordering::is_gt),
                    ">=" => known && order.is_some_and(Ordering::is_ge),
                    "IN" => values.contains(&value),
                    _ => !values.contains(&value),
                }
            }
        }
    }
}

impl Select {
    pub(super) fn compare(&self, table: &Table, a: &Row, b: &Row) -> Ordering {
        let terms = self.order.iter().map(|term| {
            let (left, right) = (value_of(table, a, term.field), value_of(table, b, term.field));
            match (left == Typed::Null, right == Typed::Null) {
                (true, true) => Ordering::Equal,
                (true, false) => {
                    if term.nulls_last {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    }
                }
                (false, true) => {
                    if term.nulls_last {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
                }
                (false, false) => {
                    let order = left.partial_cmp(&right).unwrap_or(Ordering::Equal);
                    if term.down { order.reverse() } else { order }
                }
            }
        });
        terms.fold(Ordering::Equal, Ordering::then)
    }
}

/// Words, quoted texts (with their opening quote) and signs of a query.
fn tokens(text: &str) -> Result<Vec<String>, SoqlError> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            _ if c.is_whitespace() => {}
            '\'' => {
                let mut quoted = "'".to_owned();
                loop {
                    match chars.next() {
                        Some('\\') => quoted.extend(chars.next()),
                        Some('\'') => break,
                        Some(c) => quoted.push(c),
                        None => return Err(malformed("unterminated string literal".to_owned())),
                    }
                }
                tokens.push(quoted);
            }
            ',' | '(' | ')' | '=' => tokens.push(c.to_string()),
            '<' | '>' | '!' => {
                let mut sign = c.to_string();
                sign.extend(chars.next_if(|next| *next == '=' || (c == '<' && *next == '>')));
                tokens.push(if sign == "<>" { "!=".to_owned() } else { sign });
            }
            _ => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || "_.:+-".contains(*c)) {
                    word.push(c);
                }
                tokens.push(word);
            }
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Vec<String>,
    at: usize,
    world: &'a World,
}

/// Reads a query and checks its names and values.
pub(super) fn parse(text: &str, world: &World) -> Result<Select, SoqlError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, world };
    let select = parser.select()?;
    match parser.peek() {
        Some(token) => Err(malformed(format!("unexpected token: '{token}'"))),
        None => Ok(select),
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Result<String, SoqlError> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| malformed("unexpected end of query".to_owned()))
    }

    fn takes(&mut self, word: &str) -> bool {
        let there = self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word));
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, word: &str) -> Result<(), SoqlError> {
        if self.takes(word) {
            return Ok(());
        }
        let found = self.peek().unwrap_or("<EOF>");
        Err(malformed(format!("unexpected token: '{found}', expecting '{word}'")))
    }

    fn select(&mut self) -> Result<Select, SoqlError> {
        self.expect("SELECT")?;
        let mut names = vec![self.next()?];
        let count = names[0].eq_ignore_ascii_case("COUNT") && self.takes("(");
        if count {
            self.expect(")")?;
        }
        while self.takes(",") {
            names.push(self.next()?);
        }
        self.expect("FROM")?;
        let name = self.next()?;
        let world = self.world;
        let table = world.salesforce(&name).ok_or_else(|| SoqlError {
            code: "INVALID_TYPE",
            message: format!("sObject type '{name}' is not supported."),
        })?;
        let fields =
            if count { Vec::new() } else { names.iter().map(|n| field(table, n)).collect::<Result<_, _>>()? };
        let filter = if self.takes("WHERE") { Some(self.any(table)?) } else { None };
        let mut order = Vec::new();
        if self.takes("ORDER") {
            self.expect("BY")?;
            order.push(self.order(table)?);
            while self.takes(",") {
                order.push(self.order(table)?);
            }
        }
        let limit = if self.takes("LIMIT") { Some(self.number()?) } else { None };
        let offset = if self.takes("OFFSET") { self.number()? } else { 0 };
        if offset > 2_000 {
            let message = "Maximum SOQL offset allowed is 2000".to_owned();
            return Err(SoqlError { code: "NUMBER_OUTSIDE_VALID_RANGE", message });
        }
        Ok(Select { object: table.object.name, fields, count, filter, order, limit, offset })
    }

    fn number(&mut self) -> Result<usize, SoqlError> {
        let token = self.next()?;
        token.parse().map_err(|_| malformed(format!("unexpected token: '{token}', expecting a number")))
    }

    fn order(&mut self, table: &Table) -> Result<Order, SoqlError> {
        let name = self.next()?;
        let field = field(table, &name)?;
        let down = self.takes("DESC");
        if !down {
            self.takes("ASC");
        }
        let nulls_last = self.takes("NULLS") && {
            let last = self.takes("LAST");
            last || !self.takes("FIRST")
        };
        Ok(Order { field, down, nulls_last })
    }

    fn any(&mut self, table: &Table) -> Result<Filter, SoqlError> {
        let mut parts = vec![self.all(table)?];
        while self.takes("OR") {
            parts.push(self.all(table)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
    }

    fn all(&mut self, table: &Table) -> Result<Filter, SoqlError> {
        let mut parts = vec![self.condition(table)?];
        while self.takes("AND") {
            parts.push(self.condition(table)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn condition(&mut self, table: &Table) -> Result<Filter, SoqlError> {
        if self.takes("NOT") {
            return Ok(Filter::Not(Box::new(self.condition(table)?)));
        }
        if self.takes("(") {
            let inner = self.any(table)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.next()?;
        let field = field(table, &name)?;
        if self.takes("NOT") {
            self.expect("IN")?;
            return Ok(Filter::Compare { field, operator: "NOT IN", values: self.list(table, field)? });
        }
        if self.takes("IN") {
            return Ok(Filter::Compare { field, operator: "IN", values: self.list(table, field)? });
        }
        let sign = self.next()?;
        let operator = ["=", "!=", "<", "<=", ">", ">="].into_iter().find(|known| *known == sign);
        let operator = operator.ok_or_else(|| malformed(format!("unexpected token: '{sign}'")))?;
        let value = self.next()?;
        Ok(Filter::Compare { field, operator, values: vec![typed(table, field, &value)?] })
    }

    fn list(&mut self, table: &Table, field: usize) -> Result<Vec<Typed>, SoqlError> {
        self.expect("(")?;
        let mut values = Vec::new();
        loop {
            let value = self.next()?;
            values.push(typed(table, field, &value)?);
            if !self.takes(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(values)
    }
}

fn field(table: &Table, name: &str) -> Result<usize, SoqlError> {
    table.field(name).ok_or_else(|| SoqlError {
        code: "INVALID_FIELD",
        message: format!("No such column '{name}' on entity '{}'.", table.object.name),
    })
}

/// A literal as a value of the field's type; instants and dates stand without quotes, text within them.
fn typed(table: &Table, field: usize, literal: &str) -> Result<Typed, SoqlError> {
    let about = &table.object.fields[field];
    if literal.eq_ignore_ascii_case("null") {
        return Ok(Typed::Null);
    }
    let quoted = literal.strip_prefix('\'');
    let wrong = |kind: &str, how: &str| SoqlError {
        code: "INVALID_FIELD",
        message: format!(
            "value of filter criterion for field '{}' must be of type {kind} and should {how}",
            about.name
        ),
    };
    let bare =
        |kind: &'static str| if quoted.is_some() { Err(wrong(kind, "not be enclosed in quotes")) } else { Ok(literal) };
    match about.kind {
        Kind::Created | Kind::Updated | Kind::Instant => {
            let text = bare("dateTime")?;
            let instant = clock::parse(text).filter(|_| text.contains('T'));
            instant
                .map(|at| Typed::Number(at as f64))
                .ok_or_else(|| wrong("dateTime", "be a date with time and offset"))
        }
        Kind::Date => {
            let text = bare("date")?;
            let instant = clock::parse(text).filter(|_| text.len() == 10);
            instant.map(|at| Typed::Number(at as f64)).ok_or_else(|| wrong("date", "be written as YYYY-MM-DD"))
        }
        Kind::Number => bare("double")?.parse().map(Typed::Number).map_err(|_| wrong("double", "be a number")),
        Kind::Bool | Kind::Deleted => match bare("boolean")?.to_ascii_lowercase().as_str() {
            "true" => Ok(Typed::Bool(true)),
            "false" => Ok(Typed::Bool(false)),
            _ => Err(wrong("boolean", "be true or false")),
        },
        kind => {
            let text = quoted.ok_or_else(|| wrong("string", "be enclosed in quotes"))?;
            Ok(Typed::Text(if matches!(kind, Kind::Id | Kind::Reference) {
                text.to_owned()
            } else {
                text.to_lowercase()
            }))
        }
    }
}
