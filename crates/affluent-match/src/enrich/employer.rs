//! The company that somebody writes from, by the domain of the e-mail address.

use std::collections::HashMap;

use super::free_mail_domain;
use crate::normalise::domain::domain;

/// Companies by their domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Employers<T> {
    /// The one company of a domain; nobody where several have it.
    of_domain: HashMap<String, Option<T>>,
}

impl<T> Employers<T> {
    /// Of companies, each with a registered domain; public mail providers' are nobody's.
    pub fn new(companies: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut of_domain = HashMap::new();
        for (domain, company) in companies {
            if !free_mail_domain(&domain) {
                of_domain.entry(domain).and_modify(|one| *one = None).or_insert(Some(company));
            }
        }
        Self { of_domain }
    }

    /// The company that alone has the domain of an e-mail address; of `mail.acme.fr` the domain is `acme.fr`.
    pub fn of(&self, email: &str) -> Option<&T> {
        if !email.contains('@') {
            return None;
        }
        self.of_domain.get(&domain(email).ok()??)?.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::Employers;

    #[test]
    fn an_address_tells_the_company_that_alone_has_its_domain() {
        let companies = [("acme.fr", "Acme"), ("shared.fr", "Left"), ("shared.fr", "Right"), ("gmail.com", "Anybody")];
        let employers = Employers::new(companies.map(|(domain, name)| (domain.to_owned(), name)));
        for (email, company) in [
            ("anne@acme.fr", Some("Acme")),
            ("anne@mail.acme.fr", Some("Acme")),
            ("anne@acme.com", None),
            ("anne@shared.fr", None),
            ("anne@gmail.com", None),
            ("acme.fr", None),
            ("@", None),
            ("", None),
        ] {
            assert_eq!(employers.of(email).copied(), company, "{email}");
        }
    }
}
