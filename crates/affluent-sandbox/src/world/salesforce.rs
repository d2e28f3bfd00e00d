//! What Salesforce recorded: its objects, their fields, and their rows.
//!
//! Fields that end in `__c` are custom fields of this organisation, as Salesforce names such fields.

use chrono::Datelike;

use crate::clock;
use crate::data::{business, places};
use crate::draw::Draw;

use super::World;
use super::campaigns;
use super::people::Person;
use super::records::{self, History, System, presence};
use super::sales;
use super::table::{Field, Kind, Object, Row, Table};
use super::text;

const fn f(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

macro_rules! fields {
    ($($name:literal : $kind:ident),* $(,)?) => {
        &[
            f("Id", Kind::Id), f("IsDeleted", Kind::Deleted), f("CreatedDate", Kind::Created),
            f("LastModifiedDate", Kind::Updated), f("SystemModstamp", Kind::Updated),
            $(f($name, Kind::$kind)),*
        ]
    };
}

const fn object(name: &'static str, prefix: &'static str, fields: &'static [Field]) -> Object {
    Object { name, prefix, default: &[], fields }
}

pub(crate) static OBJECTS: [Object; 6] = [
    object(
        "Account",
        "001",
        fields![
            "Name": Text, "BillingStreet": Text, "BillingCity": Text, "BillingPostalCode": Text, "BillingCountry": Text,
            "Phone": Text, "Website": Text, "NumberOfEmployees": Number, "Siren__c": Text, "Siret__c": Text, "Naf__c": Text,
        ],
    ),
    object(
        "Contact",
        "003",
        fields![
            "FirstName": Text, "LastName": Text, "Salutation": Text, "Email": Text, "Phone": Text, "MobilePhone": Text,
            "MailingStreet": Text, "MailingCity": Text, "MailingPostalCode": Text, "MailingCountry": Text,
            "Birthdate": Date, "AccountId": Reference, "Title": Text,
        ],
    ),
    object(
        "Lead",
        "00Q",
        fields![
            "FirstName": Text, "LastName": Text, "Salutation": Text, "Email": Text, "Phone": Text, "MobilePhone": Text,
            "Street": Text, "City": Text, "PostalCode": Text, "Country": Text, "Title": Text, "Company": Text,
            "LeadSource": Text, "Status": Text, "IsConverted": Bool, "ConvertedDate": Date, "ConvertedContactId": Reference,
        ],
    ),
    Object {
        name: "LeadHistory",
        prefix: "017",
        default: &[],
        fields: &[
            f("Id", Kind::Id),
            f("IsDeleted", Kind::Deleted),
            f("CreatedDate", Kind::Created),
            f("LeadId", Kind::Reference),
            f("Field", Kind::Text),
            f("OldValue", Kind::Text),
            f("NewValue", Kind::Text),
        ],
    },
    object(
        "Opportunity",
        "006",
        fields![
            "Name": Text, "AccountId": Reference, "ContactId": Reference, "Amount": Number, "CurrencyIsoCode": Text,
            "StageName": Text, "CloseDate": Date, "IsClosed": Bool, "IsWon": Bool,
        ],
    ),
    object(
        "Campaign",
        "701",
        fields![
            "Name": Text, "Type": Text, "Status": Text, "ActualCost": Number, "CurrencyIsoCode": Text, "StartDate": Date,
            "Campaign_Code__c": Text,
        ],
    ),
];

/// The 18-character id of a number: 15 characters and the three that tell the case of the others.
/// <https://help.salesforce.com/s/articleView?id=000385008&type=1>
pub(crate) fn id18(prefix: &str, number: u64) -> String {
    const BASE: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 7];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = BASE[(rest % 62) as usize];
        rest /= 62;
    }
    let mut id = format!("{prefix}5e000{}", String::from_utf8_lossy(&digits));
    let check = case_check(&id);
    id.push_str(&check);
    id
}

fn case_check(id15: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    let case_bits =
        |part: &[u8]| (0..part.len()).filter(|i| part[*i].is_ascii_uppercase()).map(|i| 1 << i).sum::<usize>();
    id15.as_bytes().chunks(5).map(|part| char::from(LETTERS[case_bits(part)])).collect()
}

/// The rows of the object at a position of [`OBJECTS`].
pub(crate) fn table(world: &World, object: usize) -> Table {
    let rows = match object {
        0 => accounts(world),
        1 => contacts(world),
        2 => leads(world),
        3 => lead_history(world),
        4 => opportunities(world),
        _ => campaign_rows(world),
    };
    Table::new(&OBJECTS[object], rows)
}

fn row(object: usize, key: u64, history: History, person: Option<u32>, values: Vec<Option<String>>) -> Row {
    let id = id18(OBJECTS[object].prefix, key);
    let History { created, updated, deleted, .. } = history;
    Row { key, id, created, updated, deleted, person, parent: None, values }
}

#[expect(clippy::unnecessary_wraps, reason = "a stored value is optional in every row")]
fn some(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn account_known(world: &World, firm: u32) -> bool {
    Draw::of(world.size.seed, "firm-salesforce", &[i64::from(firm)]).chance(0.74)
}

fn account_id(world: &World, person: &Person) -> Option<String> {
    person.firm.filter(|f| account_known(world, *f)).map(|f| id18("001", 1_000 + u64::from(f)))
}

fn accounts(world: &World) -> Vec<Row> {
    let seed = world.size.seed;
    let known = world.firms().iter().filter(|firm| account_known(world, firm.number));
    known
        .map(|firm| {
            let n = i64::from(firm.number);
            let history = records::history(seed, &[101, n, 0], firm.entry, firm.since, &[], world.size.month);
            let mut draw = Draw::of(seed, "account", &[n]);
            let name = match draw.below(5) {
                0 => format!("{} ({})", firm.name, firm.legal_form),
                1 => text::plain(&firm.name).to_uppercase(),
                _ => format!("{} {}", firm.name, firm.legal_form),
            };
            let values = vec![
                Some(name),
                Some(firm.address.street.clone()),
                some(firm.address.town),
                some(firm.address.postcode),
                some(draw.pick(places::COUNTRY_SPELLINGS[0].1)),
                Some(text::phone(&mut draw, &firm.phone)),
                draw.chance(0.7).then(|| format!("https://www.{}", firm.domain)),
                draw.chance(0.8).then(|| (firm.headcount + history.touches as u32).to_string()),
                draw.chance(0.75).then(|| firm.siren.clone()),
                draw.chance(0.6).then(|| firm.siret.clone()),
                draw.chance(0.6).then(|| firm.naf.to_owned()),
            ];
            row(0, 1_000 + u64::from(firm.number), history, None, values)
        })
        .collect()
}

fn person_key(person: u32, slot: u8) -> u64 {
    100_000 + u64::from(person) * 4 + u64::from(slot)
}

fn person_history(world: &World, system: System, person: &Person, slot: u8) -> History {
    let changes: Vec<i32> = person.life.iter().map(|e| e.window).collect();
    let key = [system as i64, i64::from(person.number), i64::from(slot)];
    records::history(world.size.seed, &key, person.entry, person.since, &changes, world.size.month)
}

fn salutation(person: &Person) -> Option<String> {
    some(if person.woman { "Mme" } else { "M." })
}

fn contacts(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for person in world.people() {
        for slot in 0..presence(world.size.seed, person).contact {
            let history = person_history(world, System::SalesforceContact, person, slot);
            let card =
                records::card(world.size.seed, System::SalesforceContact, person, slot, history.version, world.firms());
            let title = if history.touches > 0 { some("Directeur général") } else { card.title.map(str::to_owned) };
            let values = vec![
                card.first,
                Some(card.last),
                salutation(person).filter(|_| card.gender.is_some()),
                card.email,
                card.phone,
                card.mobile,
                card.street,
                card.town,
                card.postcode,
                card.country,
                card.birth_date,
                account_id(world, person),
                title,
            ];
            rows.push(row(1, person_key(person.number, slot), history, Some(person.number), values));
        }
    }
    rows
}

fn with_leads(world: &World) -> impl Iterator<Item = (&Person, History, Vec<(i64, usize)>)> {
    world.people().iter().filter(|p| presence(world.size.seed, p).lead > 0).map(|person| {
        let history = person_history(world, System::SalesforceLead, person, 0);
        let mut steps = sales::lead_steps(world.size, person.number, history.created);
        steps.retain(|(at, _)| history.deleted.is_none_or(|deleted| *at < deleted));
        (person, history, steps)
    })
}

fn leads(world: &World) -> Vec<Row> {
    with_leads(world)
        .map(|(person, mut history, steps)| {
            let card =
                records::card(world.size.seed, System::SalesforceLead, person, 0, history.version, world.firms());
            let (changed, status) = *steps.last().unwrap_or(&(history.created, 0));
            if history.deleted.is_none() {
                history.updated = history.updated.max(changed);
            }
            let converted = status == 2;
            let contact = presence(world.size.seed, person).contact > 0;
            let source = Draw::of(world.size.seed, "lead-source", &[i64::from(person.number)]).pick(&[
                "Web",
                "Phone Inquiry",
                "Partner Referral",
                "Purchased List",
                "Other",
            ]);
            let values = vec![
                card.first,
                Some(card.last),
                salutation(person).filter(|_| card.gender.is_some()),
                card.email,
                card.phone,
                card.mobile,
                card.street,
                card.town,
                card.postcode,
                card.country,
                card.title.map(str::to_owned),
                // Leads must have a company in Salesforce; private persons carry a filler.
                Some(card.company.unwrap_or_else(|| "Particulier".to_owned())),
                some(source),
                some(sales::LEAD_STATUSES[status]),
                some(if converted { "true" } else { "false" }),
                converted.then(|| clock::day(changed)),
                (converted && contact).then(|| id18("003", person_key(person.number, 0))),
            ];
            row(2, person_key(person.number, 0), history, Some(person.number), values)
        })
        .collect()
}

fn lead_history(world: &World) -> Vec<Row> {
    let mut rows = Vec::new();
    for (person, history, steps) in with_leads(world) {
        let lead = person_key(person.number, 0);
        for (nth, pair) in steps.windows(2).enumerate() {
            let (at, status) = pair[1];
            let values = vec![
                Some(id18("00Q", lead)),
                some("Status"),
                some(sales::LEAD_STATUSES[pair[0].1]),
                some(sales::LEAD_STATUSES[status]),
            ];
            let entry = History { created: at, updated: at, deleted: None, ..history };
            rows.push(row(3, lead * 4 + nth as u64, entry, None, values));
        }
    }
    rows
}

fn opportunities(world: &World) -> Vec<Row> {
    sales::deals(world.size, world.people(), System::SalesforceContact)
        .into_iter()
        .map(|deal| {
            let person = &world.people()[deal.person as usize];
            let bool_text = |b: bool| some(if b { "true" } else { "false" });
            let values = vec![
                Some(format!("{} {}", deal.offer, clock::utc(deal.created).year())),
                account_id(world, person),
                Some(id18("003", person_key(deal.person, 0))),
                Some(deal.amount.to_string()),
                some(deal.currency),
                some(business::STAGES[deal.stage].1),
                Some(clock::day(deal.close)),
                bool_text(deal.closed()),
                bool_text(deal.won()),
            ];
            let key = 1_000_000 + u64::from(deal.person) * 2_000 + (deal.window + 100) as u64;
            let history =
                History { created: deal.created, updated: deal.updated, deleted: None, version: 0, touches: 0 };
            row(4, key, history, None, values)
        })
        .collect()
}

fn campaign_rows(world: &World) -> Vec<Row> {
    campaigns::campaigns(world.size)
        .into_iter()
        .filter(|campaign| campaign.start < world.now())
        .map(|campaign| {
            let values = vec![
                Some(campaign.name.clone()),
                some(campaign.salesforce_type),
                some("Completed"),
                Some(campaign.cost.to_string()),
                some(campaign.currency),
                Some(clock::day(campaign.start)),
                Some(campaign.id().to_string()),
            ];
            let at = campaign.start - clock::DAY;
            let history = History { created: at, updated: at, deleted: None, version: 0, touches: 0 };
            row(5, 1_000 + u64::from(campaign.number), history, None, values)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_check_is_that_of_salesforce() {
        // The example of Salesforce's own article.
        assert_eq!(case_check("001D000000IqhSL"), "IAZ");
        let ids: Vec<_> = [1, 61, 62, 3_844, 1_000_000].map(|n| id18("003", n)).into();
        assert!(ids.iter().all(|id| id.len() == 18 && id[15..] == case_check(&id[..15])));
        assert!(ids.is_sorted());
    }
}
