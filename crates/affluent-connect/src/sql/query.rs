//! The text of queries: names quoted, values bound.

use affluent_spec::pipeline::Database;

use super::shape::{Shape, SqlColumn};

/// A query and the values of its placeholders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) values: Vec<String>,
}

/// Which rows of an order are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lower<'a> {
    /// All of them.
    None,
    /// Those whose first column is at least this.
    AtLeast(&'a str),
    /// Those behind this place, column by column.
    After(&'a [String]),
}

/// Rows of a table in an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection<'a> {
    pub(super) shape: &'a Shape,
    /// A condition on all rows.
    pub(super) among: Option<&'a str>,
    /// Columns that order them, by their places.
    pub(super) order: &'a [usize],
    pub(super) lower: Lower<'a>,
    pub(super) limit: Option<u64>,
}

/// A name between quotes.
pub(super) fn quoted(database: Database, name: &str) -> String {
    match database {
        Database::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        Database::Mysql => format!("`{}`", name.replace('`', "``")),
    }
}

impl Selection<'_> {
    /// The rows' columns, as their `select` says.
    pub(super) fn rows(&self, database: Database) -> Query {
        let mut writer = Writer { database, query: Query::default() };
        let columns: Vec<&str> = self.shape.columns.iter().map(|column| column.select.as_str()).collect();
        let mut conditions: Vec<String> = self.among.map(|among| format!("({among})")).into_iter().collect();
        let ordered: Vec<&SqlColumn> = self.order.iter().map(|at| &self.shape.columns[*at]).collect();
        match self.lower {
            Lower::None => {}
            Lower::AtLeast(value) => {
                if let Some(first) = ordered.first() {
                    let value = writer.bound(first, value);
                    conditions.push(format!("{} >= {value}", first.quoted));
                }
            }
            Lower::After(values) => conditions.push(writer.after(&ordered, values)),
        }
        let mut sql = format!("SELECT {} FROM {}", columns.join(", "), self.shape.from);
        if !conditions.is_empty() {
            sql.push_str(" WHERE ");
            sql.push_str(&conditions.join(" AND "));
        }
        if !ordered.is_empty() {
            let names: Vec<&str> = ordered.iter().map(|column| column.quoted.as_str()).collect();
            sql.push_str(" ORDER BY ");
            sql.push_str(&names.join(", "));
        }
        if let Some(limit) = self.limit {
            sql = format!("{sql} LIMIT {limit}");
        }
        Query { sql, ..writer.query }
    }
}

/// The highest value of a cursor.
pub(super) fn highest(shape: &Shape, cursor: usize) -> Query {
    let column = &shape.columns[cursor];
    // The expression that is read is made for the column; here it stands around the column's maximum.
    let select = column.select.replace(&column.quoted, &format!("max({})", column.quoted));
    Query { sql: format!("SELECT {select} FROM {} WHERE {}", shape.from, column.usual), values: Vec::new() }
}

struct Writer {
    database: Database,
    query: Query,
}

impl Writer {
    fn bound(&mut self, column: &SqlColumn, value: &str) -> String {
        self.query.values.push(value.to_owned());
        let placeholder = match self.database {
            Database::Postgres => format!("${}", self.query.values.len()),
            Database::Mysql => "?".to_owned(),
        };
        column.bind.as_deref().unwrap_or("{}").replacen("{}", &placeholder, 1)
    }

    /// The condition for rows behind a place. PostgreSQL searches an index by a comparison of rows; MySQL does not
    /// (<https://dev.mysql.com/doc/refman/8.4/en/row-constructor-optimization.html>), and gets it written out.
    fn after(&mut self, columns: &[&SqlColumn], values: &[String]) -> String {
        match (self.database, columns, values) {
            (Database::Postgres, [_, _, ..], _) => {
                let bound: Vec<String> =
                    columns.iter().zip(values).map(|(column, value)| self.bound(column, value)).collect();
                let names: Vec<&str> = columns.iter().take(values.len()).map(|column| column.quoted.as_str()).collect();
                format!("({}) > ({})", names.join(", "), bound.join(", "))
            }
            (_, [column, rest @ ..], [value, more @ ..]) if !rest.is_empty() && !more.is_empty() => {
                let (least, above) = (self.bound(column, value), self.bound(column, value));
                let behind = self.after(rest, more);
                format!("{0} >= {least} AND ({0} > {above} OR ({behind}))", column.quoted)
            }
            (_, [column, ..], [value, ..]) => format!("{} > {}", column.quoted, self.bound(column, value)),
            _ => "1 = 1".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use affluent_spec::ColumnType;

    use super::*;

    fn shape(database: Database) -> Shape {
        let column = |name: &str, bind: &str| {
            let quoted = format!("t.{}", quoted(database, name));
            SqlColumn {
                name: name.to_owned(),
                ty: ColumnType::Integer,
                select: format!("{quoted}::text"),
                bind: Some(bind.to_owned()),
                kind: None,
                usual: format!("{quoted} IS NOT NULL"),
                odd: None,
                told: None,
                quoted,
            }
        };
        let columns = vec![column("c", "({})::int"), column("k\"`", "({})::text")];
        Shape { place: "x".to_owned(), from: "x AS t".to_owned(), columns, unique: Vec::new() }
    }

    #[test]
    fn a_place_in_the_order_is_bound_and_names_are_quoted() {
        let place = ["5".to_owned(), "a'b".to_owned()];
        let query = |database| {
            let shape = shape(database);
            let selection = Selection {
                shape: &shape,
                among: Some("t.c > 0 OR t.c < 0"),
                order: &[0, 1],
                lower: Lower::After(&place),
                limit: Some(10),
            };
            selection.rows(database)
        };
        let postgres = query(Database::Postgres);
        assert_eq!(
            postgres.sql,
            "SELECT t.\"c\"::text, t.\"k\"\"`\"::text FROM x AS t WHERE (t.c > 0 OR t.c < 0) AND \
             (t.\"c\", t.\"k\"\"`\") > (($1)::int, ($2)::text) ORDER BY t.\"c\", t.\"k\"\"`\" LIMIT 10"
        );
        assert_eq!(postgres.values, place);
        let mysql = query(Database::Mysql);
        assert!(
            mysql.sql.contains("t.`c` >= (?)::int AND (t.`c` > (?)::int OR (t.`k\"``` > (?)::text))"),
            "{}",
            mysql.sql
        );
        assert_eq!(mysql.values, ["5", "5", "a'b"]);
    }

    #[test]
    fn the_highest_value_is_asked_for_as_values_are_read() {
        let query = highest(&shape(Database::Postgres), 0);
        assert_eq!(query.sql, "SELECT max(t.\"c\")::text FROM x AS t WHERE t.\"c\" IS NOT NULL");
    }
}
