//! Mail providers open to everybody: their domains tell nothing of a company.

/// Domains of providers, in alphabetical order.
const PROVIDERS: &[&str] = &[
    "aliceadsl.fr",
    "aol.com",
    "bbox.fr",
    "bluewin.ch",
    "btinternet.com",
    "club-internet.fr",
    "comcast.net",
    "fastmail.com",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.fr",
    "gmx.net",
    "googlemail.com",
    "hey.com",
    "hotmail.be",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.es",
    "hotmail.fr",
    "hotmail.it",
    "icloud.com",
    "laposte.net",
    "libero.it",
    "live.be",
    "live.co.uk",
    "live.com",
    "live.fr",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailo.com",
    "me.com",
    "msn.com",
    "neuf.fr",
    "noos.fr",
    "numericable.fr",
    "numericable.com",
    "nordnet.fr",
    "online.de",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.fr",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rocketmail.com",
    "sfr.fr",
    "skynet.be",
    "t-online.de",
    "telenet.be",
    "tutanota.com",
    "virgilio.it",
    "voila.fr",
    "wanadoo.fr",
    "web.de",
    "yahoo.ca",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.it",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zohomail.com",
    "163.com",
];

/// Whether a domain (lower case) is a public mail provider's, not a company's.
pub fn free_mail_domain(domain: &str) -> bool {
    PROVIDERS.contains(&domain)
}

#[cfg(test)]
mod tests {
    use super::free_mail_domain;

    #[test]
    fn providers_and_companies() {
        assert!(free_mail_domain("gmail.com") && free_mail_domain("orange.fr"));
        assert!(!free_mail_domain("acme.fr") && !free_mail_domain("orange.com"));
    }
}
