//! What a field is called in bronze: letters, digits and `_`, since tables take no blanks and signs in names.

/// The column of a declared field, or of one that a format names itself: `properties.email` is `properties_email`.
pub fn of_field(field: &str) -> String {
    field.chars().map(|character| if character.is_alphanumeric() { character } else { '_' }).collect()
}

/// The column of a header that people wrote: `Order ID` and `order_id` are the same.
pub fn of_header(header: &str) -> String {
    let mut name = String::with_capacity(header.len());
    for character in header.trim().chars() {
        if character.is_alphanumeric() {
            name.extend(character.to_lowercase());
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tables_take() {
        for (header, name) in
            [("Order ID", "order_id"), (" Montant (€) ", "montant_"), ("prénom", "prénom"), ("a--b", "a_b")]
        {
            assert_eq!(of_header(header), name);
        }
        for (field, name) in [("properties.email", "properties_email"), ("Order ID", "Order_ID"), ("Id__c", "Id__c")] {
            assert_eq!(of_field(field), name);
        }
    }
}
