//! What a column means, and so how two of its values are compared.

use serde::{Deserialize, Serialize};

/// A named column of the records and its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name, unique among the records' fields.
    pub name: String,
    /// What the values are.
    pub kind: Kind,
}

impl Field {
    /// A field of that name and kind.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// The group of what makes an address.
pub(crate) const PLACE: u8 = 0;

/// What the values of a column are. Decides levels, priors, grouping and which blocking rules are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Given name or names of a person.
    GivenName,
    /// Family name in use.
    FamilyName,
    /// Family name at birth; an alternative to the family name, never compared by itself.
    MaidenName,
    /// Sex, one letter.
    Sex,
    /// A date, ISO or any text with its digits in one order.
    Date,
    /// E-mail address.
    Email,
    /// Phone number, E.164.
    Phone,
    /// Street line: number, way, name.
    Street,
    /// Town.
    City,
    /// Postal code.
    Postcode,
    /// State, province, region.
    Region,
    /// Country code.
    Country,
    /// An identifier that tells one entity from another (national id, SIREN, VAT).
    Id,
    /// An identifier of which an entity has exactly one (SIRET): two different ones forbid a match.
    ExclusiveId,
    /// Core name of a company, legal form removed.
    CompanyName,
    /// Internet domain of a company.
    Domain,
    /// A value that is equal or not.
    Exact,
    /// Free text, compared by its words.
    Text,
}

impl Kind {
    /// Whether values are folded (case, accents, punctuation) before comparison.
    pub(crate) fn is_folded(self) -> bool {
        matches!(
            self,
            Self::GivenName
                | Self::FamilyName
                | Self::MaidenName
                | Self::Street
                | Self::City
                | Self::Region
                | Self::CompanyName
                | Self::Text
        )
    }

    /// Fields of one group depend on each other, so the chance of their agreeing together is measured together.
    pub(crate) fn group(self) -> Option<u8> {
        match self {
            Self::Street | Self::City | Self::Postcode | Self::Region | Self::Country => Some(PLACE),
            Self::GivenName | Self::FamilyName | Self::Sex | Self::Email => Some(1),
            Self::CompanyName | Self::Domain => Some(2),
            _ => None,
        }
    }

    /// Whether a value is given to one entity: how often it occurs tells how often the entity does, not how common it is.
    pub(crate) fn is_identifier(self) -> bool {
        matches!(self, Self::Email | Self::Id | Self::ExclusiveId)
    }

    /// Whether two values are the same or not, with nothing between.
    pub(crate) fn is_equal_or_not(self) -> bool {
        matches!(self, Self::Region | Self::Country | Self::ExclusiveId | Self::Domain | Self::Sex | Self::Exact)
    }

    /// Whether two values with nothing in common nearly always mean two entities; not so contacts and places, which change.
    pub(crate) fn is_telling(self) -> bool {
        matches!(
            self,
            Self::GivenName | Self::FamilyName | Self::Date | Self::CompanyName | Self::Id | Self::ExclusiveId
        )
    }

    /// Whether an entity may have several values over time, one as true as the other.
    pub(crate) fn comes_and_goes(self) -> bool {
        matches!(self, Self::Email | Self::Phone | Self::Domain)
    }

    /// Whether agreement says no more than "of one household".
    pub(crate) fn is_household(self) -> bool {
        matches!(
            self,
            Self::FamilyName | Self::Phone | Self::Street | Self::City | Self::Postcode | Self::Region | Self::Country
        )
    }
}
