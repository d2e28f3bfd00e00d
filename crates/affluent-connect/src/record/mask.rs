//! Personal data masked, its shape kept: the same value is masked the same way everywhere, so that joins hold.
//!
//! E-mail addresses, international phone numbers, IBANs and IP addresses are known by what they look like; names, phones,
//! addresses, dates of birth and free text by the name of their field. What stands in place of a value is made from it by a
//! keyed hash, whose key is the source's own secret: without it nobody can try values until one fits. What lies within a
//! field is what the field is, unless its own name says more: `phones: [{ value: ... }]` holds phones. Ids stay.

use chrono::DateTime;
use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};
use ring::hmac;

use super::personal::{Kind, is_id, kind};
use crate::decode::DEPTH;

/// Masks values.
#[derive(Clone)]
pub(super) struct Masker {
    key: hmac::Key,
}

impl Masker {
    /// A masker with that key.
    pub(super) fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The JSON text with personal data masked, laid out to be read; every other scalar as it was written.
    pub(super) fn json(&self, text: &str) -> Result<String, JiterError> {
        let mut jiter = Jiter::new(text.as_bytes());
        let mut out = String::with_capacity(text.len() * 2);
        let peek = jiter.peek()?;
        let done = self.value(&mut jiter, peek, text, Kind::Other, 0, &mut out).and_then(|()| jiter.finish());
        if matches!(&done, Err(fault) if fault.error_type == JiterErrorType::JsonError(JsonErrorType::RecursionLimitExceeded))
        {
            // Nobody can tell what it holds.
            "null".clone_into(&mut out);
        } else {
            done?;
        }
        out.push('\n');
        Ok(out)
    }

    fn value(
        &self,
        jiter: &mut Jiter<'_>,
        peek: Peek,
        text: &str,
        kind_here: Kind,
        depth: usize,
        out: &mut String,
    ) -> Result<(), JiterError> {
        let line = |out: &mut String, depth: usize| {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        };
        match peek {
            // What lies deeper is no record of anybody's.
            Peek::Object | Peek::Array if depth >= DEPTH => {
                jiter.known_skip(peek)?;
                out.push_str("null");
            }
            Peek::Object => {
                out.push('{');
                let mut first = true;
                let mut key = jiter.known_object()?.map(str::to_owned);
                while let Some(name) = key {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    line(out, depth + 1);
                    out.push_str(&quoted(&name));
                    out.push_str(": ");
                    let peek = jiter.peek()?;
                    self.value(jiter, peek, text, within(kind_here, &name), depth + 1, out)?;
                    key = jiter.next_key()?.map(str::to_owned);
                }
                if !first {
                    line(out, depth);
                }
                out.push('}');
            }
            Peek::Array => {
                out.push('[');
                let mut first = true;
                let mut element = jiter.known_array()?;
                while let Some(peek) = element {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    line(out, depth + 1);
                    self.value(jiter, peek, text, kind_here, depth + 1, out)?;
                    element = jiter.array_step()?;
                }
                if !first {
                    line(out, depth);
                }
                out.push(']');
            }
            Peek::String => {
                let value = jiter.known_str()?.to_owned();
                out.push_str(&quoted(&self.masked(&value, kind_here)));
            }
            other => {
                let start = jiter.current_index();
                jiter.known_skip(other)?;
                let plain = &text[start..jiter.current_index()];
                let personal = other.is_num() && kind_here != Kind::Other;
                out.push_str(&if personal { self.number(plain, kind_here) } else { plain.to_owned() });
            }
        }
        Ok(())
    }

    /// A table with a header, its cells masked by the names of their columns.
    pub(super) fn table(&self, text: &str) -> Result<String, csv::Error> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers()?.clone();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&header)?;
        for line in reader.records() {
            let line = line?;
            writer.write_record(header.iter().zip(&line).map(|(name, cell)| self.masked(cell, kind(name))))?;
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A text outside JSON and tables, or in a request: what looks like personal data is masked.
    pub(super) fn text(&self, value: &str) -> String {
        self.masked(value, Kind::Other)
    }

    fn masked(&self, value: &str, kind: Kind) -> String {
        match kind {
            Kind::Secret => "***".to_owned(),
            Kind::Birth => self.day(value),
            Kind::Phone if value.chars().filter(char::is_ascii_digit).count() >= 4 => self.phone(value),
            _ if value.parse::<std::net::IpAddr>().is_ok() => {
                format!("192.0.2.{}", self.bytes("ip", value).first().copied().unwrap_or_default())
            }
            // When something was written tells nothing of anybody.
            Kind::Text if DateTime::parse_from_rfc3339(value).is_ok() => value.to_owned(),
            Kind::Text if !value.contains('@') => self.shaped(value, 0),
            _ if is_phone(value) => self.phone(value),
            _ if is_iban(value) => format!("{}{}", &value[..2], self.shaped(&value[2..], 0)),
            _ => self.emails(value, kind),
        }
    }

    /// Every e-mail address in a text masked; the rest as it is, or masked too where its field says so.
    fn emails(&self, value: &str, kind: Kind) -> String {
        if !value.contains('@') {
            return value.to_owned();
        }
        let part = |c: char| c.is_alphanumeric() || "._%+-@".contains(c);
        let mut out = String::new();
        let mut rest = value;
        while !rest.is_empty() {
            let word = rest.find(|c: char| !part(c)).unwrap_or(rest.len());
            let (token, after) = rest.split_at(word);
            match token.split_once('@') {
                Some((local, domain)) if !local.is_empty() && domain.contains('.') => {
                    let dots = domain.trim_end_matches('.');
                    let domain = self.shaped(&dots.to_lowercase().replace(['.', '-'], ""), 0);
                    out.push_str(&self.shaped(&local.to_lowercase(), 0));
                    out.push('@');
                    out.push_str(&domain);
                    out.push_str(".example");
                }
                _ if kind == Kind::Text => out.push_str(&self.shaped(token, 0)),
                _ => out.push_str(token),
            }
            let gap = after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&after[..gap]);
            rest = &after[gap..];
        }
        out
    }

    /// Digits behind the country code's place replaced, signs kept.
    fn phone(&self, value: &str) -> String {
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        let masked = self.shaped(&digits, if value.starts_with('+') { 2 } else { 1 });
        let mut masked = masked.chars();
        value.chars().map(|c| if c.is_ascii_digit() { masked.next().unwrap_or('0') } else { c }).collect()
    }

    /// Another day of the same shape.
    fn day(&self, value: &str) -> String {
        let bytes = self.bytes("day", value);
        let of = |index: usize, count: u8| bytes[index] % count;
        let day = format!("{}-{:02}-{:02}", 1940 + u32::from(of(0, 60)), 1 + of(1, 12), 1 + of(2, 28));
        match value.as_bytes().get(..10) {
            Some(date) if date[4] == b'-' && date[7] == b'-' && value.is_ascii() => format!("{day}{}", &value[10..]),
            _ => self.shaped(value, 0),
        }
    }

    /// A number of the same shape: digits for digits, those of an exponent as they are.
    fn number(&self, value: &str, kind: Kind) -> String {
        if kind == Kind::Secret {
            return "0".to_owned();
        }
        let end = value.find(['e', 'E']).unwrap_or(value.len());
        let start = usize::from(value.starts_with('-'));
        let mut masked = self.shaped(&value[start..end], usize::from(kind == Kind::Phone));
        // A number of several digits does not begin with nought.
        if masked.len() > 1 && masked.starts_with('0') && masked.as_bytes()[1].is_ascii_digit() {
            masked.replace_range(..1, "1");
        }
        format!("{}{masked}{}", &value[..start], &value[end..])
    }

    /// Letters for letters and digits for digits, of the same case and number; the first `kept` characters stay.
    fn shaped(&self, value: &str, kept: usize) -> String {
        const LETTERS: &[u8; 26] = b"aeioubcdfghjklmnpqrstvwxyz";
        let normal = value.trim().to_lowercase();
        let mut bytes = Vec::new();
        while bytes.len() < value.chars().count() {
            bytes.extend(self.bytes(&bytes.len().to_string(), &normal));
        }
        let masked = value.chars().zip(bytes).enumerate().map(|(index, (sign, byte))| match sign {
            sign if index < kept => sign,
            sign if sign.is_ascii_digit() => char::from(b'0' + byte % 10),
            sign if sign.is_alphabetic() => {
                let letter = char::from(LETTERS[usize::from(byte) % 26]);
                if sign.is_uppercase() { letter.to_ascii_uppercase() } else { letter }
            }
            sign => sign,
        });
        masked.collect()
    }

    fn bytes(&self, use_of: &str, value: &str) -> Vec<u8> {
        hmac::sign(&self.key, format!("{use_of}\0{value}").as_bytes()).as_ref().to_vec()
    }
}

/// What a field of that name holds within one of that kind.
fn within(outer: Kind, name: &str) -> Kind {
    match kind(name) {
        Kind::Secret => Kind::Secret,
        _ if is_id(name) && outer != Kind::Secret => Kind::Other,
        Kind::Other => outer,
        own => own,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_phone(value: &str) -> bool {
    value.starts_with('+')
        && value.chars().skip(1).all(|c| c.is_ascii_digit() || " ().-/".contains(c))
        && value.chars().filter(char::is_ascii_digit).count() >= 8
}

fn is_iban(value: &str) -> bool {
    let bytes = value.as_bytes();
    (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && bytes[4..].iter().filter(|byte| byte.is_ascii_digit()).count() >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"id":"12345678","email":"Jane.Doe@Acme.com","firstname":"Jane","last_name":"Doe-Smith","hs_phone":"+33 6 12 34 56 78",
        "phone":612345678,"birthdate":"1984-02-29","amount":12.340000000000000001,"when":"2026-01-02T03:04:05Z","tags":["a","jane.doe@acme.com"],
        "text":"write to jane.doe@acme.com, please","iban":"FR7630006000011234567890189","ip":"203.0.113.9","api_key":"k","empty":{},"none":[]}"#;

    #[test]
    fn personal_data_is_gone_and_the_rest_is_as_written() {
        let masker = Masker::new(b"key");
        let masked = masker.json(RECORD).unwrap();
        for gone in ["ane", "Doe", "cme", "12 34 56", "612345678", "1984-02-29", "30006000", "203.0.113", "\"k\""] {
            assert!(!masked.to_lowercase().contains(&gone.to_lowercase()), "{gone} in {masked}");
        }
        for kept in [
            "\"12345678\"",
            "12.340000000000000001",
            "2026-01-02T03:04:05Z",
            "write to ",
            ", please",
            "{}",
            "[]",
            "+33 ",
        ] {
            assert!(masked.contains(kept), "{kept} not in {masked}");
        }
        let value: serde_json::Value = serde_json::from_str(&masked).unwrap();
        assert_eq!(value["email"].as_str().map(str::to_lowercase), value["tags"][1].as_str().map(str::to_owned));
        assert!(value["text"].as_str().is_some_and(|text| text.contains(value["tags"][1].as_str().unwrap_or("?"))));
        assert!(value["phone"].is_number() && value["birthdate"].as_str().is_some_and(|day| day.len() == 10));
        assert_eq!(masked, masker.json(RECORD).unwrap());
        assert_ne!(masked, Masker::new(b"another").json(RECORD).unwrap());
    }

    const NESTED: &str = r#"{"phones":[{"value":"06 12 34 56 78","label":"work","primary":true,"id":41}],
        "address":{"line1":"4 rue des Lilas","city":"Lyon","zip":69003,"updated_at":"2026-01-02T03:04:05Z","id":"a-77"},
        "address1_line1":"9 quai Jules","Mailing_City":"Nantes","zip":75011,"birthdate":446774400000,"password":98765,
        "account":{"id":123456,"balance":98765.5},"notes":[{"id":7,"body":"called Jane"}],"ip_address":"203.0.113.9"}"#;

    #[test]
    fn a_table_is_masked_as_records_are() {
        let masker = Masker::new(b"key");
        let table = "Id,LastName,Street,Email,Amount\n1,\"Doe \"\"J\"\"\",\"1, rue\nX\",jane@acme.com,12.50\n2,,,,\n";
        let masked = masker.table(table).unwrap();
        let json = masker.json(r#"{"LastName": "Doe \"J\"", "Email": "jane@acme.com"}"#).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let mut lines = csv::Reader::from_reader(masked.as_bytes());
        assert_eq!(
            lines.headers().unwrap().iter().collect::<Vec<_>>(),
            ["Id", "LastName", "Street", "Email", "Amount"]
        );
        let lines: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
        assert_eq!(
            (&lines[0][0], &lines[0][1], &lines[0][3], &lines[0][4]),
            ("1", json["LastName"].as_str().unwrap(), json["Email"].as_str().unwrap(), "12.50")
        );
        assert!(!masked.contains("rue") && !masked.contains("Doe") && lines[0][2].contains('\n'), "{masked}");
        assert_eq!(lines[1].iter().collect::<Vec<_>>(), ["2", "", "", "", ""]);
        assert!(masker.table("a,b\n1\n").is_err());
    }

    #[test]
    fn what_lies_within_a_personal_field_is_masked_and_ids_stay() {
        let masked = Masker::new(b"key").json(NESTED).unwrap();
        for gone in [
            "12 34 56",
            "Lilas",
            "Lyon",
            "69003",
            "Jules",
            "Nantes",
            "75011",
            "446774400000",
            "\": 98765,",
            "Jane",
            "203.0",
        ] {
            assert!(!masked.contains(gone), "{gone} in {masked}");
        }
        let value: serde_json::Value = serde_json::from_str(&masked).unwrap();
        for (pointer, kept) in [
            ("/phones/0/primary", serde_json::json!(true)),
            ("/phones/0/id", 41.into()),
            ("/address/id", "a-77".into()),
            ("/address/updated_at", "2026-01-02T03:04:05Z".into()),
            ("/account/id", 123_456.into()),
            ("/account/balance", 98765.5.into()),
            ("/notes/0/id", 7.into()),
            ("/password", 0.into()),
        ] {
            assert_eq!(value.pointer(pointer), Some(&kept), "{pointer}");
        }
        let digits =
            |pointer: &str| value.pointer(pointer).and_then(serde_json::Value::as_u64).map(|n| n.to_string().len());
        assert_eq!([digits("/zip"), digits("/address/zip"), digits("/birthdate")], [Some(5), Some(5), Some(12)]);
    }

    #[test]
    fn what_is_nested_without_end_is_left_out() {
        for depth in [100, 150, 100_000] {
            let deep = format!("{}\"06 12 34 56 78\"{}", "[".repeat(depth), "]".repeat(depth));
            let masked = Masker::new(b"key").json(&format!("{{\"phone\": {deep}}}")).unwrap();
            assert_eq!(masked.contains("null"), depth > 128, "{depth}");
            assert!(!masked.contains("12 34"), "{depth}");
        }
    }
}
