//! What the mappings that come with the connectors make of the vendors' records, where a mistake would count money or people wrong.

use affluent_sandbox::{
    DYNAMICS_CLIENT_SECRET, MAILCHIMP_KEY, PIPEDRIVE_TOKEN, SHOPIFY_TOKEN, ZENDESK_TOKEN, ZOHO_CLIENT_SECRET,
    ZOHO_REFRESH_TOKEN,
};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::support;
use crate::world::{AS_OF, World};

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("vendor_facts::mappings_count_what_happened", facts)]
}

const SECRETS: [(&str, &str); 7] = [
    ("SANDBOX_ZOHO_SECRET", ZOHO_CLIENT_SECRET),
    ("SANDBOX_ZOHO_REFRESH", ZOHO_REFRESH_TOKEN),
    ("SANDBOX_DYNAMICS_SECRET", DYNAMICS_CLIENT_SECRET),
    ("SANDBOX_PIPEDRIVE_TOKEN", PIPEDRIVE_TOKEN),
    ("SANDBOX_ZENDESK_TOKEN", ZENDESK_TOKEN),
    ("SANDBOX_SHOPIFY_TOKEN", SHOPIFY_TOKEN),
    ("SANDBOX_MAILCHIMP_KEY", MAILCHIMP_KEY),
];

/// What is to hold, and a query whose only row holds true in all columns.
const CASES: [(&str, &str); 8] = [
    (
        "an order that was given back in full comes to nothing",
        "select count(*) > 5 as some, max(abs(o.source_amount + r.source_amount)) <= 0.0001 as nothing
         from silver.orders o
         join (select refund_of, sum(source_amount) as source_amount from silver.orders where kind = 'refund' group by 1) r
             on r.refund_of = o.order_id
         where o.kind = 'order' and o.status = 'refunded' and o.amount > 0",
    ),
    (
        "orders and refunds are without tax",
        "select bool_and(abs(o.amount * 6 - b.total_price * 5) < 0.1) as net
         from silver.orders o join bronze.shopify_orders b on b.id = o.order_id
         where o.kind = 'order' and o.currency = 'EUR'",
    ),
    (
        "deals are won and lost in a pipeline whose stages are numbers",
        "select bool_or(is_won and is_closed) as won, bool_or(is_closed and not is_won) as lost
         from silver.deals where stage >= '0' and stage < 'a'",
    ),
    (
        "every kind of activity is somebody's contact",
        "select count(distinct source) = 10 as kinds from silver.interactions where person_id is not null",
    ),
    (
        "a contact is told once for a person, with a channel of its own",
        "select count(*) = count(distinct concat(source, interaction_id, person_id)) as once,
             count(distinct channel) = 5 as channels
         from silver.interactions where person_id is not null",
    ),
    (
        "calls and meetings last minutes, and calls have a direction",
        "select bool_and(duration_seconds between 60 and 3600) as minutes,
             bool_and(channel <> 'phone' or direction in ('inbound', 'outbound')) as directed
         from silver.interactions where channel in ('phone', 'meeting') and split_part(source, '.', 1) in ('hubspot', 'zoho')",
    ),
    (
        "a ticket is created once and closed as often as it is solved",
        "select count(*) filter (where kind = 'created') > 50 as created, count(*) filter (where kind = 'closed') > 50 as closed,
             count(*) filter (where kind not in ('created', 'closed')) = 0 as no_other,
             count(*) filter (where kind = 'created') = count(distinct ticket_id) as once
         from silver.ticket_events",
    ),
    (
        "clicks on two links in one second are two",
        "select count(*) = count(distinct event_id) as apart, count(*) = (select count(*) from bronze.mailchimp_email_activity) as kept,
             count(*) > count(distinct concat(campaign_id, person_id, kind, cast(happened_at as varchar))) as one_second
         from silver.campaign_events",
    ),
];

fn facts() -> Result<(), Failed> {
    let world = World::read_by(400, include_str!("vendor_facts/pipeline.yaml"))?;
    let lake = world.path("lake").display().to_string();
    let mut run = world.run(&lake, &["--as-of", AS_OF[0]]);
    support::success(run.envs(SECRETS))?;
    let mut wrong = Vec::new();
    for (what, query) in CASES {
        let answer = support::success(&mut support::affluent(&["sql", query, "--lake", &lake, "--format", "json"]))?;
        let rows: Value = serde_json::from_str(&answer)?;
        let holds = rows[0].as_object().is_some_and(|row| row.values().all(|value| *value == json!(true)));
        if !holds {
            wrong.push(format!("{what}: {rows}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("; "))) }
}
