//! The SQL expressions of mappings: parsed, their columns checked and written as the stream's bronze columns.

use std::ops::ControlFlow;

use affluent_spec::{bronze, suggest};
use datafusion::sql::sqlparser::ast::{Expr, Ident, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// `text` with every field path (`properties.email`) in the place of its bronze column (`"properties_email"`), checked
/// against `known` where the stream's columns are known.
pub fn over_columns(text: &str, known: Option<&[String]>) -> Result<String, Fault> {
    let unreadable = |error: String| Fault {
        message: format!("`{text}` is not a SQL expression: {error}"),
        hint: Some("write a column, a field path, or an expression such as lower(name)".to_owned()),
    };
    let mut parser =
        Parser::new(&GenericDialect {}).try_with_sql(text).map_err(|error| unreadable(plain(&error.to_string())))?;
    let mut expression = parser.parse_expr().map_err(|error| unreadable(plain(&error.to_string())))?;
    if parser.peek_token().token != datafusion::sql::sqlparser::tokenizer::Token::EOF {
        return Err(unreadable(format!("`{}` is too much", parser.peek_token().token)));
    }
    let mut rewrite = Rewrite { known, fault: None };
    let _ = expression.visit(&mut rewrite);
    match rewrite.fault {
        Some(fault) => Err(fault),
        None => Ok(expression.to_string()),
    }
}

fn plain(error: &str) -> String {
    error.trim_start_matches("sql parser error: ").to_owned()
}

struct Rewrite<'a> {
    known: Option<&'a [String]>,
    fault: Option<Fault>,
}

impl VisitorMut for Rewrite<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let path = match expression {
            Expr::Identifier(ident) if ident.quote_style == Some('\'') => return ControlFlow::Continue(()),
            Expr::Identifier(ident) => ident.value.clone(),
            Expr::CompoundIdentifier(parts) => {
                parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".")
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                self.fault =
                    Some(Fault { message: "a mapping speaks of one row: no query in it".to_owned(), hint: None });
                return ControlFlow::Break(());
            }
            _ => return ControlFlow::Continue(()),
        };
        let column = bronze::of_field(&path);
        if let Some(known) = self.known
            && !known.contains(&column)
        {
            self.fault = Some(Fault {
                message: format!("the stream has no column `{path}`"),
                hint: suggest::hint(&column, known.iter().map(String::as_str)),
            });
            return ControlFlow::Break(());
        }
        *expression = Expr::Identifier(Ident::with_quote('"', column));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_columns() {
        let known = ["properties_email".to_owned(), "amount".to_owned()];
        assert_eq!(over_columns("lower(properties.email)", Some(&known)).unwrap(), "lower(\"properties_email\")");
        assert_eq!(over_columns("amount * 2", None).unwrap(), "\"amount\" * 2");
        assert_eq!(over_columns("'EUR'", Some(&known)).unwrap(), "'EUR'");
    }

    #[test]
    fn faults_have_hints() {
        let known = ["amount".to_owned()];
        let fault = over_columns("amuont", Some(&known)).unwrap_err();
        assert!(fault.hint.unwrap().contains("did you mean `amount`"));
        assert!(over_columns("a +", None).is_err());
        assert!(over_columns("a b c", None).is_err());
        assert!(over_columns("(select 1)", None).is_err());
    }
}
