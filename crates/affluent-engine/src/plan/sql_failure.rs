//! SQL that fails on the rows it meets. The engine says what went wrong and not where: what can fail so stands in few places of
//! a query, and those are told.

use std::ops::ControlFlow;

use affluent_spec::model::ModelFile;
use affluent_spec::{Problem, Span};
use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, Expr, Spanned, Visit, visit_expressions};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::sql_problem::{Written, plain};

/// What of an expression fails on some values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fails {
    /// A division, by zero.
    Division,
    /// A cast, of what the type does not hold.
    Cast,
}

impl Fails {
    /// What fails with such a message; `None` where it is none of these.
    fn with(message: &str) -> Option<Self> {
        if message.contains("ivide by zero") {
            return Some(Self::Division);
        }
        let signs = ["Cast error", "Cannot cast", "Parser error", "too large to store in a Decimal"];
        signs.iter().any(|sign| message.contains(sign)).then_some(Self::Cast)
    }

    fn is(self, expression: &Expr) -> bool {
        match (self, expression) {
            (Self::Division, Expr::BinaryOp { op, .. }) => {
                matches!(op, BinaryOperator::Divide | BinaryOperator::Modulo)
            }
            (Self::Cast, Expr::Cast { kind, .. }) => matches!(kind, CastKind::Cast | CastKind::DoubleColon),
            _ => false,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Division => "`nullif(divisor, 0)` gives null where the divisor is 0",
            Self::Cast => "`try_cast` gives null where a value does not fit",
        }
    }

    /// The places of what can fail so, in the order of the text.
    fn places(self, sql: &impl Visit) -> Vec<Span> {
        let mut places = Vec::new();
        let _ = visit_expressions(sql, |expression| {
            if self.is(expression) {
                let span = expression.span();
                let one_line = span.start.line == span.end.line;
                let length = if one_line { span.end.column.saturating_sub(span.start.column) } else { 1 };
                let (line, column) = (span.start.line as usize, span.start.column as usize);
                places.push(Span { line, column, length: length as usize });
            }
            ControlFlow::<()>::Continue(())
        });
        places.sort();
        places
    }
}

/// A model's query that failed with `message`, told at the place of its file that it comes from; where several can have
/// failed so, at the first of them, the others named.
pub fn model_failure(file: &ModelFile, message: &str) -> Problem {
    failure(Written::from(file), &format!("{} cannot be built: ", file.header.model), message)
}

/// The same of a query.
pub fn query_failure(sql: &str, message: &str) -> Problem {
    failure(Written::query(sql), "", message)
}

fn failure(written: Written<'_>, lead: &str, message: &str) -> Problem {
    let fails = Fails::with(message);
    let statements = Parser::parse_sql(&GenericDialect {}, written.sql).unwrap_or_default();
    let places: Vec<Span> = fails.map(|fails| fails.places(&statements)).unwrap_or_default();
    // A place that the parser does not know is line 0.
    let mut places = places.into_iter().filter(|place| place.line > 0);
    let first = places.next().unwrap_or(Span { line: 1, column: 1, length: 1 });
    let mut lines: Vec<usize> = places.map(|place| place.line).filter(|line| *line != first.line).collect();
    lines.dedup();
    let others = if lines.is_empty() {
        String::new()
    } else {
        let lines: Vec<String> = lines.iter().map(|line| (line + written.lines_before).to_string()).collect();
        format!(" (or it comes from line {})", lines.join(", "))
    };
    let what = format!("{lead}{}{others}", plain(message));
    written.at(first, &what).with_hint_if(fails.map(|fails| fails.hint().to_owned()))
}

/// Whether a SQL expression has something in it that fails with such a message.
pub(crate) fn may_fail(expression: &str, message: &str) -> bool {
    let parsed = Parser::new(&GenericDialect {}).try_with_sql(expression).and_then(|mut parser| parser.parse_expr());
    match (Fails::with(message), parsed) {
        (Some(fails), Ok(parsed)) => !fails.places(&parsed).is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(sql: &str) -> ModelFile {
        let header = "/*\nmodel: gold.shop\ndescription: a shop\ncolumns: { a: {} }\n*/\n";
        ModelFile::read("models/shop.sql", &format!("{header}{sql}")).unwrap()
    }

    #[test]
    fn tells_the_place_that_fails_and_the_others_that_may() {
        let one = "select\n  1 as b,\n  10 / pieces as a\nfrom silver.orders";
        let two = "select 10 / pieces as a from silver.orders\nwhere amount % pieces = 0";
        let cast = "select try_cast(day as int) as b,\n  channel::int as a from silver.orders";
        for (sql, message, place, says) in [
            (one, "Arrow error: Divide by zero error", (8, 3), "gold.shop cannot be built: Divide by zero error"),
            (two, "Arrow error: Divide by zero error", (6, 8), "(or it comes from line 7)"),
            (cast, "Arrow error: Cast error: Cannot cast string 'web' to value of Int32 type", (7, 3), "'web'"),
            (one, "Arrow error: Cast error: Cannot cast string 'web' to value of Int32 type", (6, 1), "'web'"),
            (one, "Execution error: out of luck", (6, 1), "out of luck"),
        ] {
            let problem = model_failure(&model(sql), message);
            assert_eq!((problem.span.line, problem.span.column), place, "{sql}: {problem}");
            assert!(problem.message.contains(says), "{sql}: {problem}");
        }
    }

    #[test]
    fn an_expression_that_cannot_fail_so_is_not_suspected() {
        let zero = "Arrow error: Divide by zero error";
        assert!(may_fail("coalesce(amount / pieces, 0)", zero));
        assert!(!may_fail("cast(amount as int)", zero));
        assert!(may_fail("cast(amount as int)", "Cast error: Cannot cast string"));
        assert!(!may_fail("amount / pieces", "out of luck"));
    }
}
