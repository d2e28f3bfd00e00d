//! Access tokens given out by the vendors' token endpoints.

use std::collections::HashSet;

/// The tokens that are good.
#[derive(Default)]
pub(crate) struct Tokens {
    issued: u64,
    good: HashSet<String>,
}

impl Tokens {
    /// A new token that begins with `start`.
    pub(crate) fn issue(&mut self, start: &str) -> String {
        self.issued += 1;
        let token = format!("{start}{:016x}", self.issued.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        self.good.insert(token.clone());
        token
    }

    /// Whether the token is good.
    pub(crate) fn knows(&self, token: &str) -> bool {
        self.good.contains(token)
    }

    /// Takes a token back.
    pub(crate) fn revoke(&mut self, token: &str) {
        self.good.remove(token);
    }
}
