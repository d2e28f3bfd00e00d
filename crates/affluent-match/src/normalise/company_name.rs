//! Company names: the legal form told from the core.

use super::{Invalid, invalid, tidy};
use crate::fold::fold;

/// A company's name and its legal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyName {
    /// For reading: as it came, blanks put right.
    pub display: String,
    /// For comparing: folded, without legal form, `&` as `et`.
    pub key: String,
    /// The legal form, in its usual spelling.
    pub legal_form: Option<&'static str>,
}

/// Spelling of a legal form, folded, and its usual one; longer spellings first.
const FORMS: &[(&str, &str)] = &[
    ("societe par actions simplifiee unipersonnelle", "SASU"),
    ("societe par actions simplifiee", "SAS"),
    ("societe a responsabilite limitee", "SARL"),
    ("entreprise unipersonnelle a responsabilite limitee", "EURL"),
    ("societe civile immobiliere", "SCI"),
    ("societe en nom collectif", "SNC"),
    ("societe anonyme", "SA"),
    ("gesellschaft mit beschrankter haftung", "GmbH"),
    ("aktiengesellschaft", "AG"),
    ("private limited company", "Ltd"),
    ("public limited company", "PLC"),
    ("limited liability company", "LLC"),
    ("gmbh co kg", "GmbH & Co. KG"),
    ("gmbh et co kg", "GmbH & Co. KG"),
    ("s a r l", "SARL"),
    ("s a s u", "SASU"),
    ("e u r l", "EURL"),
    ("s a s", "SAS"),
    ("s c i", "SCI"),
    ("s n c", "SNC"),
    ("s p a", "SpA"),
    ("s r l", "Srl"),
    ("sp z o o", "Sp. z o.o."),
    ("l l c", "LLC"),
    ("pty ltd", "Pty Ltd"),
    ("s a", "SA"),
    ("b v", "BV"),
    ("n v", "NV"),
    ("s l", "SL"),
    ("sarl", "SARL"),
    ("sasu", "SASU"),
    ("sas", "SAS"),
    ("sa", "SA"),
    ("eurl", "EURL"),
    ("sci", "SCI"),
    ("snc", "SNC"),
    ("scop", "SCOP"),
    ("selarl", "SELARL"),
    ("gie", "GIE"),
    ("earl", "EARL"),
    ("gaec", "GAEC"),
    ("scea", "SCEA"),
    ("gmbh", "GmbH"),
    ("ag", "AG"),
    ("kg", "KG"),
    ("ohg", "OHG"),
    ("ug", "UG"),
    ("ltd", "Ltd"),
    ("limited", "Ltd"),
    ("llc", "LLC"),
    ("llp", "LLP"),
    ("plc", "PLC"),
    ("inc", "Inc"),
    ("incorporated", "Inc"),
    ("corp", "Corp"),
    ("corporation", "Corp"),
    ("bv", "BV"),
    ("nv", "NV"),
    ("spa", "SpA"),
    ("srl", "Srl"),
    ("sprl", "SPRL"),
    ("bvba", "BVBA"),
    ("oy", "Oy"),
    ("ab", "AB"),
    ("as", "AS"),
    ("aps", "ApS"),
    ("sl", "SL"),
    ("slu", "SLU"),
    ("lda", "Lda"),
    ("se", "SE"),
    ("kft", "Kft"),
    ("sro", "s.r.o."),
    ("s r o", "s.r.o."),
];

/// A company's name. The form is looked for at the end, then at the beginning; a name that is nothing but a form keeps it.
pub fn company_name(raw: &str) -> Result<Option<CompanyName>, Invalid> {
    let Some(display) = tidy(raw) else { return Ok(None) };
    let folded = fold(&display.replace(['&', '+'], " et "));
    if folded.is_empty() && !display.chars().any(char::is_alphanumeric) {
        return invalid("company name without a letter or digit");
    }
    let (key, legal_form) = split_form(&folded);
    let key = if key.is_empty() { display.clone() } else { key };
    Ok(Some(CompanyName { display, key, legal_form }))
}

/// Words a legal form has at most, written out and with its punctuation apart.
const FORM_WORDS: usize = 8;

/// A company's name for reading, without the legal form that stands at its end or beginning.
///
/// ```
/// use affluent_match::normalise::company_name::{company_name, without_form};
/// let name = company_name("S.A.R.L. Dupont & Fils")?.unwrap();
/// assert_eq!(without_form(&name), "Dupont & Fils");
/// # Ok::<(), affluent_match::normalise::Invalid>(())
/// ```
pub fn without_form(name: &CompanyName) -> String {
    if name.legal_form.is_none() {
        return name.display.clone();
    }
    let words: Vec<&str> = name.display.split(' ').collect();
    let has_key = |core: &[&str]| {
        let core = company_name(&core.join(" "));
        core.ok().flatten().is_some_and(|core| core.key == name.key)
    };
    // The form stands at one end and has few words: the core is what is left of the most that can go without changing the key.
    let last = words.len().saturating_sub(1).min(FORM_WORDS);
    let cuts = (1..=last).rev().flat_map(|cut| [&words[..words.len() - cut], &words[cut..]]);
    let core = cuts.into_iter().find(|core| has_key(core)).unwrap_or(&words);
    core.join(" ").trim_matches([',', ' ']).to_owned()
}

fn split_form(folded: &str) -> (String, Option<&'static str>) {
    // At an end and whole words only: "Casa Sas Transports" keeps its middle.
    let at_end = FORMS.iter().find_map(|(form, usual)| {
        let core = cut(folded.strip_suffix(form), |core| core.ends_with(' '))?;
        Some((core.to_owned(), Some(*usual)))
    });
    let at_start = || {
        FORMS.iter().find_map(|(form, usual)| {
            let core = cut(folded.strip_prefix(form), |core| core.starts_with(' '))?;
            // Short forms that are words in some language begin too many names.
            (!matches!(*form, "as" | "se" | "ab" | "ag" | "sl" | "s l" | "spa" | "inc" | "limited"))
                .then(|| (core.to_owned(), Some(*usual)))
        })
    };
    at_end.or_else(at_start).unwrap_or_else(|| (folded.to_owned(), None))
}

/// The rest of a name where a form was taken off at a word's edge; none when nothing is left.
fn cut(rest: Option<&str>, at_edge: impl Fn(&str) -> bool) -> Option<&str> {
    rest.filter(|rest| at_edge(rest)).map(str::trim).filter(|core| !core.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{company_name, without_form};

    #[test]
    fn names_for_reading_without_their_form() {
        for (raw, core) in [
            ("Pépinières Lumière SAS", "Pépinières Lumière"),
            ("S.A.R.L. Dupont & Fils", "Dupont & Fils"),
            ("Acme, Inc.", "Acme"),
            ("Acme", "Acme"),
            ("Müller GmbH & Co. KG", "Müller"),
            ("SA", "SA"),
        ] {
            let found = company_name(raw).ok().flatten().map(|name| without_form(&name));
            assert_eq!(found.as_deref(), Some(core), "{raw}");
        }
    }

    #[test]
    fn names() {
        for (raw, key, form) in [
            ("Transports Durand S.A.R.L.", "transports durand", Some("SARL")),
            ("SARL Durand & Fils", "durand et fils", Some("SARL")),
            ("Müller GmbH & Co. KG", "muller", Some("GmbH & Co. KG")),
            ("Acme, Inc.", "acme", Some("Inc")),
            ("Acme Pty Ltd", "acme", Some("Pty Ltd")),
            ("Société Générale", "societe generale", None),
            ("Société par actions simplifiée Zéphyr", "zephyr", Some("SAS")),
            ("SA", "sa", None),
            ("Casa Sas Transports", "casa sas transports", None),
            ("AS Monaco", "as monaco", None),
        ] {
            let found = company_name(raw).ok().flatten().map(|name| (name.key, name.legal_form));
            assert_eq!(found, Some((key.to_owned(), form)), "{raw}");
        }
        assert!(company_name("***").is_err());
        assert_eq!(company_name("NULL"), Ok(None));
    }
}
