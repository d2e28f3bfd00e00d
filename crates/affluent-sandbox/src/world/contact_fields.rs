//! The sixty properties of a HubSpot contact: the eighteen that the world knows of, and what HubSpot itself counts of a
//! contact's visits, e-mails and deals, made up from its number so that pages are as wide as in an account in use.

use super::hubspot::{field, text_field};
use super::table::{Field, Kind};
use crate::clock;
use crate::draw::Draw;

/// What a made-up value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// A small number.
    Count,
    /// A past instant.
    Instant,
    /// Where visits come from.
    Source,
    /// The address of a page.
    Page,
}

/// What HubSpot calls the origins of visits.
const SOURCES: [&str; 6] =
    ["ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "DIRECT_TRAFFIC", "REFERRALS", "SOCIAL_MEDIA"];
/// 2024-01-01T00:00:00Z and a thousand days, in milliseconds.
const FROM_MS: i64 = 1_704_067_200_000;
const SPAN_MS: i64 = 86_400_000_000;

impl Drawn {
    /// The value of the property of that name for the record of that number; a fifth of them have none.
    pub(crate) fn value(self, name: &str, key: u64) -> Option<String> {
        let mut draw = Draw::of(0, name, &[key as i64]);
        (!draw.chance(0.2)).then(|| match self {
            Self::Count => draw.below(60).to_string(),
            Self::Instant => clock::iso(FROM_MS + draw.range(0, SPAN_MS)),
            Self::Source => draw.pick(&SOURCES).to_owned(),
            Self::Page => format!("https://shop.example/products/{}?ref={}", draw.below(48), draw.below(1000)),
        })
    }
}

const fn count(name: &'static str) -> Field {
    field(name, Kind::Drawn(Drawn::Count))
}

const fn instant(name: &'static str) -> Field {
    field(name, Kind::Drawn(Drawn::Instant))
}

const fn source(name: &'static str) -> Field {
    field(name, Kind::Drawn(Drawn::Source))
}

const fn page(name: &'static str) -> Field {
    field(name, Kind::Drawn(Drawn::Page))
}

/// <https://knowledge.hubspot.com/properties/hubspots-default-contact-properties>
pub(super) static FIELDS: [Field; 60] = [
    field("hs_object_id", Kind::Id),
    field("createdate", Kind::Created),
    field("lastmodifieddate", Kind::Updated),
    source("hs_analytics_source"),
    source("hs_latest_source"),
    page("hs_analytics_first_url"),
    page("hs_analytics_last_url"),
    page("hs_analytics_first_referrer"),
    page("hs_analytics_last_referrer"),
    count("hs_analytics_num_visits"),
    count("hs_analytics_num_page_views"),
    count("hs_analytics_num_event_completions"),
    count("hs_analytics_average_page_views"),
    instant("hs_analytics_first_timestamp"),
    instant("hs_analytics_last_timestamp"),
    instant("hs_analytics_first_visit_timestamp"),
    instant("hs_analytics_last_visit_timestamp"),
    count("hs_email_delivered"),
    count("hs_email_open"),
    count("hs_email_click"),
    count("hs_email_bounce"),
    count("hs_email_replied"),
    instant("hs_email_first_send_date"),
    instant("hs_email_first_open_date"),
    instant("hs_email_first_click_date"),
    instant("hs_email_last_send_date"),
    instant("hs_email_last_open_date"),
    instant("hs_email_last_click_date"),
    instant("hs_sales_email_last_opened"),
    instant("hs_sales_email_last_clicked"),
    instant("hs_sales_email_last_replied"),
    instant("hs_sa_first_engagement_date"),
    count("hs_social_num_broadcast_clicks"),
    instant("notes_last_contacted"),
    instant("notes_last_updated"),
    count("num_notes"),
    count("num_contacted_notes"),
    count("num_associated_deals"),
    count("num_conversion_events"),
    count("num_unique_conversion_events"),
    instant("first_conversion_date"),
    instant("recent_conversion_date"),
    instant("first_deal_created_date"),
    count("total_revenue"),
    count("recent_deal_amount"),
    text_field("firstname"),
    text_field("lastname"),
    text_field("email"),
    text_field("phone"),
    text_field("mobilephone"),
    text_field("address"),
    text_field("city"),
    text_field("zip"),
    text_field("country"),
    text_field("state"),
    text_field("gender"),
    text_field("date_of_birth"),
    text_field("company"),
    text_field("jobtitle"),
    text_field("lifecyclestage"),
];
