//! What Google Analytics counted: the web site's sessions, by day and by where they came from.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::clock::{self, DAY};
use crate::draw::Draw;

use super::World;
use super::campaigns::campaigns;

/// Sessions of one day that came the same way.
#[derive(Debug, Clone)]
pub(crate) struct Visits {
    /// `20261031`, as reports write days.
    pub(crate) date: String,
    pub(crate) day: NaiveDate,
    pub(crate) group: &'static str,
    pub(crate) source: &'static str,
    pub(crate) medium: &'static str,
    pub(crate) campaign_id: String,
    pub(crate) campaign: String,
    pub(crate) sessions: i64,
    pub(crate) users: i64,
    pub(crate) new_users: i64,
    pub(crate) engaged: i64,
    pub(crate) key_events: i64,
    /// Cents.
    pub(crate) revenue: i64,
}

/// Where sessions stand whose origin Google has not worked out yet: two days later the row is gone.
const UNASSIGNED: (&str, &str, &str) = ("Unassigned", "(not set)", "(not set)");

/// Channel group, source, medium, share of the sessions, and the kind of campaign that brings them.
const WAYS: [(&str, &str, &str, f64, Option<&str>); 8] = [
    ("Organic Search", "google", "organic", 0.31, None),
    ("Organic Search", "bing", "organic", 0.05, None),
    ("Direct", "(direct)", "(none)", 0.24, None),
    ("Paid Search", "google", "cpc", 0.14, Some("search")),
    ("Email", "newsletter", "email", 0.1, Some("email")),
    ("Organic Social", "instagram.com", "referral", 0.07, None),
    ("Paid Social", "facebook", "paid_social", 0.05, Some("social")),
    ("Referral", "partner.example", "referral", 0.04, None),
];

/// How long a campaign brings visitors.
const CAMPAIGN: i64 = 14 * DAY;

/// All visits until now, in the order of their days. The last two days are not all counted yet.
/// <https://support.google.com/analytics/answer/11198161>
pub(crate) fn visits(world: &World) -> Vec<Visits> {
    let (seed, now) = (world.size.seed, world.now());
    let level = f64::from(world.size.customers) / 25.0 + 12.0;
    let campaigns = campaigns(world.size);
    let mut visits = Vec::new();
    let start = clock::month_start(clock::FIRST_WINDOW - 1);
    for day in start.iter_days() {
        let begin = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
        if begin >= now {
            break;
        }
        // What is counted of a day two days and later, one day, and hours after it.
        let counted = match (now - begin) / DAY {
            0 => 0.35,
            1 => 0.8,
            2 => 0.97,
            _ => 1.0,
        };
        for (nth, (group, source, medium, share, brings)) in (0..).zip(WAYS) {
            let campaign = brings.and_then(|channel| {
                campaigns.iter().find(|c| c.channel == channel && (c.start..c.start + CAMPAIGN).contains(&begin))
            });
            if brings.is_some() && campaign.is_none() {
                continue;
            }
            let days = day.signed_duration_since(NaiveDate::default()).num_days();
            let mut draw = Draw::of(seed, "visits", &[days, nth]);
            let of = |total: i64, share: f64| (total as f64 * share) as i64;
            let all = (level * share * draw.normal(1.0, 0.2).max(0.1)).round() as i64;
            let sessions = of(all, counted);
            let parts = [0.7 + 0.2 * draw.unit(), 0.3 + 0.3 * draw.unit(), 0.4 + 0.3 * draw.unit(), 0.03 * draw.unit()];
            if sessions == 0 {
                continue;
            }
            visits.push(Visits {
                date: day.format("%Y%m%d").to_string(),
                day,
                group,
                source,
                medium,
                campaign_id: campaign.map_or("(not set)".to_owned(), |c| c.id().to_string()),
                campaign: campaign.map_or("(not set)".to_owned(), |c| c.name.clone()),
                sessions,
                users: of(sessions, parts[0]).max(1),
                new_users: of(sessions, parts[0] * parts[1]),
                engaged: of(sessions, parts[2]),
                key_events: of(sessions, parts[3]),
                revenue: of(sessions, parts[3]) * draw.range(2_000, 9_000),
            });
        }
        if (now - begin) / DAY <= 2 {
            visits.push(unassigned(day, (level * 0.05).ceil() as i64));
        }
    }
    visits
}

/// The rows of the reports that the connector reads, by their dimensions.
pub(super) fn keys(visits: &[Visits]) -> [(String, BTreeSet<String>); 2] {
    let of = |key: fn(&Visits) -> String| visits.iter().map(key).collect();
    let sessions = |v: &Visits| format!("{}T00:00:00Z {} {} {}", v.day, v.group, v.source, v.medium);
    let campaigns = |v: &Visits| format!("{}T00:00:00Z {} {}", v.day, v.campaign_id, v.campaign);
    [("sessions".to_owned(), of(sessions)), ("campaigns".to_owned(), of(campaigns))]
}

fn unassigned(day: NaiveDate, sessions: i64) -> Visits {
    let (group, source, medium) = UNASSIGNED;
    Visits {
        date: day.format("%Y%m%d").to_string(),
        day,
        group,
        source,
        medium,
        campaign_id: medium.to_owned(),
        campaign: medium.to_owned(),
        sessions,
        users: sessions,
        new_users: 0,
        engaged: 0,
        key_events: 0,
        revenue: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn only_the_last_days_are_counted_anew() {
        let (before, after) = (visits(&World::new(1, 900, 0)), visits(&World::new(1, 900, 1)));
        let key = |v: &Visits| (v.date.clone(), v.source, v.medium);
        let later: HashMap<_, i64> = after.iter().map(|v| (key(v), v.sessions)).collect();
        let (kept, moved): (Vec<&Visits>, Vec<&Visits>) = before.iter().partition(|v| later.contains_key(&key(v)));
        let unassigned = moved.iter().map(|v| (v.date.as_str(), v.group));
        assert!(unassigned.eq([("20261030", "Unassigned"), ("20261031", "Unassigned")]), "{moved:?}");
        let mut counted_anew: Vec<&str> =
            kept.iter().filter(|v| later[&key(v)] != v.sessions).map(|v| v.date.as_str()).collect();
        counted_anew.dedup();
        assert!(counted_anew.len() > 1 && counted_anew.iter().all(|date| *date >= "20261029"), "{counted_anew:?}");
        assert_eq!(after.len(), later.len(), "a day has a way once");
    }
}
