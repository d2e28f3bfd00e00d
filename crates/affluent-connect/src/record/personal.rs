//! What the name of a field says of the person whose value it holds.

/// What a field's name says of its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters and digits are replaced.
    Text,
    /// Digits are replaced.
    Phone,
    /// A day of birth.
    Birth,
    /// It must not be seen at all.
    Secret,
    /// Only what looks like personal data is replaced.
    Other,
}

const TEXT: [&str; 26] = [
    "name",
    "firstname",
    "lastname",
    "middlename",
    "fullname",
    "givenname",
    "familyname",
    "surname",
    "displayname",
    "nickname",
    "username",
    "login",
    "contactname",
    "customername",
    "salutation",
    "addr",
    "billingcode",
    "mailingcode",
    "shippingcode",
    "postalcode",
    "zipcode",
    "description",
    "comment",
    "comments",
    "note",
    "notes",
];
/// Words of a name that make it one of an address.
const PLACES: [&str; 9] = ["zip", "zipcode", "postcode", "postalcode", "city", "town", "locality", "suburb", "village"];
/// What may stand anywhere in such a name.
const LINES: [&str; 8] = ["address", "street", "addr1", "addr2", "line1", "line2", "line3", "postcode"];
const TEXT_ENDS: [&str; 8] =
    ["firstname", "lastname", "fullname", "subject", "content", "message", "body", "postalcode"];
const PHONES: [&str; 5] = ["phone", "mobile", "fax", "telephone", "whatsapp"];
const BIRTHS: [&str; 4] = ["birthdate", "birthday", "dateofbirth", "dob"];
const SECRETS: [&str; 6] = ["password", "secret", "accesstoken", "refreshtoken", "apikey", "idtoken"];

/// What a field of that name holds.
pub(super) fn kind(field: &str) -> Kind {
    let plain: String = field.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let has = |words: &[&str]| words.iter().any(|word| plain.contains(word));
    if has(&SECRETS) {
        Kind::Secret
    } else if has(&BIRTHS[..3]) || plain == BIRTHS[3] {
        Kind::Birth
    } else if has(&PHONES) {
        Kind::Phone
    } else if TEXT.contains(&plain.as_str())
        || TEXT_ENDS.iter().any(|end| plain.ends_with(end))
        || has(&LINES)
        || words(field).iter().any(|word| PLACES.contains(&word.as_str()))
    {
        Kind::Text
    } else {
        Kind::Other
    }
}

/// Whether a field of that name identifies a record, wherever it stands: masked, joins over it would break.
pub(super) fn is_id(field: &str) -> bool {
    words(field).last().is_some_and(|word| word == "id")
}

/// The words of a name in lower case: `Mailing_City`, `mailingCity` and `mailing city` have the same two.
fn words(field: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut low = false;
    for sign in field.chars() {
        if !sign.is_alphanumeric() || (low && sign.is_uppercase()) {
            words.push(String::new());
        }
        low = sign.is_lowercase() || sign.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| sign.is_alphanumeric()) {
            word.extend(sign.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_known_by_their_names() {
        for (field, expected) in [
            ("FirstName", Kind::Text),
            ("contact_last_name", Kind::Text),
            ("address1_line1", Kind::Text),
            ("line1", Kind::Text),
            ("Billing_Street", Kind::Text),
            ("Mailing_City", Kind::Text),
            ("MailingCity", Kind::Text),
            ("address1_postalcode", Kind::Text),
            ("locality", Kind::Text),
            ("Zip_Code", Kind::Text),
            ("mobilephone", Kind::Phone),
            ("Date_of_Birth", Kind::Birth),
            ("access_token", Kind::Secret),
            ("id", Kind::Other),
            ("updated_at", Kind::Other),
            ("filename", Kind::Other),
            ("capacity", Kind::Other),
        ] {
            assert_eq!(kind(field), expected, "{field}");
        }
        for (field, expected) in
            [("id", true), ("contact_id", true), ("contactId", true), ("paid", false), ("idea", false)]
        {
            assert_eq!(is_id(field), expected, "{field}");
        }
    }
}
