//! The texts of a stream's requests: each name in braces is a setting that is no secret, or a value of the parent.

use super::faults::Faults;
use super::{BodyValue, Deletes, Stream, Value};
use crate::{Name, Template};

/// Tells names that name nothing.
pub(super) fn check(faults: &mut Faults<'_>, name: &str, stream: &Stream) {
    let mut texts: Vec<(Vec<String>, &Template)> = Vec::new();
    let own = [(&["get"][..], stream.get.as_ref()), (&["post"], stream.post.as_ref())];
    let mut paths: Vec<(&[&str], &Template)> = own.into_iter().filter_map(|(at, path)| Some((at, path?))).collect();
    for (place, values) in [("query", &stream.query), ("headers", &stream.headers)] {
        for (name, value) in values {
            of_value(vec![place.to_owned(), name.clone()], value, &mut texts);
        }
    }
    for (member, value) in stream.body.iter().flatten() {
        of_body(&mut vec!["body".to_owned(), member.clone()], value, &mut texts);
    }
    match &stream.deletes {
        Some(Deletes::Query(query)) => {
            for (name, value) in query {
                of_value(vec!["deletes".into(), "query".into(), name.clone()], value, &mut texts);
            }
        }
        Some(Deletes::List(list)) => {
            let at = |rest: &[&str]| ["deletes", "list"].iter().chain(rest).map(|part| (*part).to_owned()).collect();
            paths.push((&["deletes", "list", "get"], &list.get));
            for (place, values) in [("query", &list.query), ("headers", &list.headers)] {
                for (name, value) in values {
                    of_value(at(&[place, name]), value, &mut texts);
                }
            }
        }
        _ => {}
    }
    let bound: Vec<&str> = stream.parent.iter().flat_map(|parent| parent.with.keys().map(Name::as_str)).collect();
    for (place, path) in paths {
        faults.path(&[&["streams", name], place].concat(), path, &bound);
    }
    for (path, template) in texts {
        let path: Vec<&str> = ["streams", name].into_iter().chain(path.iter().map(String::as_str)).collect();
        faults.template(&path, template, &bound);
    }
    let search = stream.cursor.as_ref().and_then(|cursor| cursor.search.as_ref());
    if let Some(search) = search {
        faults.path(&["streams", name, "cursor", "search", "post"], &Template::literal(&search.post), &[]);
    }
    if let Some((parameter, soql)) = stream.soql()
        && let Some(describe) = &soql.describe
    {
        let place = ["streams", name, "query", parameter, "soql", "describe"];
        faults.path(&place, &Template::literal(describe), &[]);
    }
    if let Some(start) = stream.cursor.as_ref().and_then(|cursor| cursor.start.as_ref()) {
        faults.template(&["streams", name, "cursor", "start"], start, &[]);
    }
}

fn of_value<'a>(path: Vec<String>, value: &'a Value, texts: &mut Vec<(Vec<String>, &'a Template)>) {
    if let Value::Text(template) = value {
        texts.push((path, template));
    }
}

fn of_body<'a>(path: &mut Vec<String>, value: &'a BodyValue, texts: &mut Vec<(Vec<String>, &'a Template)>) {
    if let BodyValue::Text(template) = value {
        texts.push((path.clone(), template));
    }
    for (name, value) in value.inner() {
        path.push(name);
        of_body(path, value, texts);
        path.pop();
    }
}
