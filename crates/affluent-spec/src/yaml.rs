//! YAML as a tree that knows where each part of it stands.
//!
//! One liberty is taken: in a flow map (`{ a: decimal(12,2), b: x }`) YAML ends a plain value at the comma, inside
//! parentheses too. Column types are written so often in that form that an open parenthesis is carried on to the part
//! that closes it.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use crate::problem::Problem;
use crate::span::Span;

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub span: Span,
    /// What it holds.
    pub kind: Kind,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Null, boolean, number or text.
    Scalar(serde_json::Value),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order written: key, where the key stands, value.
    Map(Vec<(String, Span, Node)>),
}

impl Node {
    /// The same value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items.iter().map(Self::to_json).collect(),
            Kind::Map(entries) => entries
                .iter()
                .map(|(key, _, value)| (key.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// The number of values in it, itself included.
    fn size(&self) -> usize {
        match &self.kind {
            Kind::Scalar(_) => 1,
            Kind::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Kind::Map(entries) => 1 + entries.iter().map(|(.., value)| value.size()).sum::<usize>(),
        }
    }

    /// What a reader would call it.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Scalar(serde_json::Value::Null) => "nothing".to_owned(),
            Kind::Scalar(serde_json::Value::String(text)) => format!("`{text}`"),
            Kind::Scalar(value) => format!("`{value}`"),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }
}

/// A parsed file.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as the user named it.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Its tree.
    pub root: Node,
}

impl Document {
    /// Parses `text`; `file` is for messages only.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problem> {
        Self::parse_at(file, text, text, 0)
    }

    /// Parses `yaml`, which stands in `text` from the line after `lines_before` on (the header of an SQL file).
    pub fn parse_at(file: &str, text: &str, yaml: &str, lines_before: usize) -> Result<Self, Problem> {
        let mut builder = Builder { anchors: HashMap::new(), lines_before, repeated: 0, fault: None };
        let mut events = Events { parser: Parser::new_from_str(yaml) };
        match builder.document(&mut events) {
            Ok(root) => Ok(Self { file: file.to_owned(), text: text.to_owned(), root }),
            Err((span, message)) => Err(Problem::at(file, text, span, message)),
        }
    }

    /// The place of the value at `path`, or of the nearest part above it that exists.
    pub fn span(&self, path: &[&str]) -> Span {
        self.walk(path, false)
    }

    /// The place of the key at `path` (for an item of a list, of the item).
    fn key_span(&self, path: &[&str]) -> Span {
        self.walk(path, true)
    }

    /// A problem with the value at `path`.
    pub fn problem(&self, path: &[&str], message: impl Into<String>) -> Problem {
        Problem::at(&self.file, &self.text, self.span(path), message)
    }

    /// A problem with the key at `path`.
    pub fn key_problem(&self, path: &[&str], message: impl Into<String>) -> Problem {
        Problem::at(&self.file, &self.text, self.key_span(path), message)
    }

    fn walk(&self, path: &[&str], of_key: bool) -> Span {
        let mut node = &self.root;
        let mut span = node.span;
        for (depth, part) in path.iter().enumerate() {
            let next = match &node.kind {
                Kind::Map(entries) => entries.iter().find(|(key, ..)| key == part).map(|(_, key, value)| (*key, value)),
                Kind::List(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)).map(|n| (n.span, n)),
                Kind::Scalar(_) => None,
            };
            let Some((key, value)) = next else { return span };
            span = if of_key && depth + 1 == path.len() { key } else { value.span };
            node = value;
        }
        span
    }
}

type Fault = (Span, String);

struct Events<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Marker, Marker), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start, span.end)),
            Some(Err(error)) => Err((point(*error.marker(), 0), format!("not valid YAML: {}", error.info()))),
            None => Ok((Event::StreamEnd, Marker::default(), Marker::default())),
        }
    }
}

fn point(marker: Marker, length: usize) -> Span {
    Span { line: marker.line(), column: marker.col() + 1, length: length.max(1) }
}

/// Values that aliases may repeat in one file: more are a bomb, not a config.
const REPEATED: usize = 10_000;

struct Builder {
    anchors: HashMap<usize, Node>,
    lines_before: usize,
    /// Values that aliases have repeated by now.
    repeated: usize,
    fault: Option<Fault>,
}

impl Builder {
    fn document(&mut self, events: &mut Events<'_>) -> Result<Node, Fault> {
        let root = loop {
            let (event, start, end) = events.next().map_err(|fault| self.shift(fault))?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => {
                    return Err((Span { line: 1, column: 1, length: 1 }, "the file is empty".to_owned()));
                }
                event => break self.node(event, start, end, events).map_err(|fault| self.shift(fault))?,
            }
        };
        loop {
            let (event, start, _) = events.next().map_err(|fault| self.shift(fault))?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    return Err(self
                        .shift((point(start, 3), "a second document begins here: one file, one document".to_owned())));
                }
                _ => {}
            }
        }
        match self.fault.take() {
            Some(fault) => Err(self.shift(fault)),
            None => Ok(self.moved(root)),
        }
    }

    fn shift(&self, (mut span, message): Fault) -> Fault {
        span.line += self.lines_before;
        (span, message)
    }

    fn moved(&self, mut node: Node) -> Node {
        fn shift(node: &mut Node, by: usize) {
            node.span.line += by;
            match &mut node.kind {
                Kind::Scalar(_) => {}
                Kind::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
                Kind::Map(entries) => entries.iter_mut().for_each(|(_, key, value)| {
                    key.line += by;
                    shift(value, by);
                }),
            }
        }
        if self.lines_before > 0 {
            shift(&mut node, self.lines_before);
        }
        node
    }

    fn node(&mut self, event: Event<'_>, start: Marker, end: Marker, events: &mut Events<'_>) -> Result<Node, Fault> {
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let length = if end.line() == start.line() { end.index().saturating_sub(start.index()) } else { 1 };
                let value = if style == ScalarStyle::Plain { resolve(&text) } else { text.as_ref().into() };
                (anchor, Node { span: point(start, length), kind: Kind::Scalar(value) })
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(node) => {
                    self.repeated += node.size();
                    if self.repeated > REPEATED {
                        let message = format!("aliases repeat more than {REPEATED} values");
                        return Err((point(start, 1), message));
                    }
                    (0, node.clone())
                }
                None => return Err((point(start, 1), "this alias refers to nothing".to_owned())),
            },
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                loop {
                    let (event, start, end) = events.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.node(event, start, end, events)?);
                }
                (anchor, Node { span: point(start, 1), kind: Kind::List(items) })
            }
            Event::MappingStart(anchor, _) => {
                let entries = self.entries(events)?;
                let span = entries.first().map_or(point(start, 1), |(_, key, _)| *key);
                (anchor, Node { span, kind: Kind::Map(entries) })
            }
            _ => return Err((point(start, 1), "not valid YAML here".to_owned())),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, events: &mut Events<'_>) -> Result<Vec<(String, Span, Node)>, Fault> {
        let mut entries: Vec<(String, Span, Node)> = Vec::new();
        loop {
            let (event, start, end) = events.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key_node = match &event {
                // The text of the key as written: a column named `1` or `true` stays what it is.
                Event::Scalar(text, ..) => (text.to_string(), point(start, end.index().saturating_sub(start.index()))),
                _ => return Err((point(start, 1), "a key must be plain text".to_owned())),
            };
            let (key, span) = key_node;
            let (event, start, end) = events.next()?;
            let value = self.node(event, start, end, events)?;
            if let Some(joined) = carried_on(entries.last(), &key, &value) {
                if let Some((_, _, last)) = entries.last_mut() {
                    last.kind = Kind::Scalar(joined.into());
                }
                continue;
            }
            if entries.iter().any(|(known, ..)| *known == key) && self.fault.is_none() {
                self.fault = Some((span, format!("`{key}` stands here twice")));
            }
            entries.push((key, span, value));
        }
    }
}

/// `decimal(12` followed by the empty entry `2)` is `decimal(12,2)`.
fn carried_on(last: Option<&(String, Span, Node)>, key: &str, value: &Node) -> Option<String> {
    let (_, _, Node { kind: Kind::Scalar(serde_json::Value::String(open)), .. }) = last? else { return None };
    let is_open = open.matches('(').count() > open.matches(')').count();
    let closes = key.ends_with(')') && value.kind == Kind::Scalar(serde_json::Value::Null);
    (is_open && closes).then(|| format!("{open},{key}"))
}

/// A plain scalar by the core schema of YAML 1.2.
fn resolve(text: &str) -> serde_json::Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return serde_json::Value::Null,
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    if numeric {
        if let Ok(integer) = text.parse::<i64>() {
            return integer.into();
        }
        if let Ok(float) = text.parse::<f64>()
            && float.is_finite()
        {
            return float.into();
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse("t.yaml", text).unwrap_or_else(|problem| unreachable!("{problem}"))
    }

    #[test]
    fn knows_where_keys_and_values_stand() {
        let document = parse("a:\n  b: [1, two]\n  c: x\n");
        assert_eq!(document.span(&["a", "b", "1"]), Span { line: 2, column: 10, length: 3 });
        assert_eq!(document.key_span(&["a", "c"]), Span { line: 3, column: 3, length: 1 });
        assert_eq!(document.root.to_json(), serde_json::json!({"a": {"b": [1, "two"], "c": "x"}}));
    }

    #[test]
    fn carries_an_open_parenthesis_over_the_comma() {
        let document = parse("{ a: decimal(12,2), b: string }");
        assert_eq!(document.root.to_json(), serde_json::json!({"a": "decimal(12,2)", "b": "string"}));
    }

    #[test]
    fn tells_a_key_that_stands_twice_and_bad_yaml() {
        let twice = Document::parse("t.yaml", "a: 1\na: 2\n").map(|_| ());
        assert_eq!(twice.map_err(|p| (p.span.line, p.message)), Err((2, "`a` stands here twice".to_owned())));
        let bad = Document::parse("t.yaml", "a: [1, 2\nb: 3\n").map(|_| ());
        assert!(bad.is_err_and(|p| p.span.line >= 1));
    }

    #[test]
    fn aliases_repeat_a_little_and_no_bomb() {
        assert!(Document::parse("a.yaml", "a: &a [1, 2]\nb: *a\n").is_ok());
        let level =
            |level: usize| format!("a{level}: &a{level} [{}]\n", [format!("*a{}", level - 1).as_str(); 9].join(", "));
        let text: String =
            std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned()).chain((1..12).map(level)).collect();
        let problem = Document::parse("a.yaml", &text).unwrap_err();
        assert!(problem.message.contains("aliases repeat more than"), "{problem}");
    }
}
