/*
model: gold.data_quality
description: >-
  Scorecard of the records of persons and companies, by source and field: how many say something, how much of it could be
  used, how many say what another record of the same source says of somebody else, how old it is. Takes the records as they
  are; as_of decides on their age only.
grain: [entity, source, field]
materialisation: table
parameters:
  yearly_moves: { type: number, default: 0.12, description: "part of the postal addresses that go out of date within a year; 0.12 of French people move each year" }
  stale_days: { type: integer, default: 730, description: "days without change after which a record counts as stale" }
columns:
  entity: { description: "person_records or company_records", tests: [not_null, { accepted_values: [person_records, company_records] }] }
  source: { description: "source.stream the records come from", tests: [not_null] }
  field: { description: "field of the record", tests: [not_null] }
  records: { description: "records of the source", tests: [not_null, { between: [1, 1000000000000] }] }
  filled: { description: "records whose field says something, usable or not", tests: [not_null, not_negative] }
  valid: { description: "records whose value could be used", tests: [not_null, not_negative] }
  completeness: { description: "percent: filled / records", tests: [not_null, { between: [0, 100] }] }
  validity: { description: "percent: valid / filled; null where nothing is filled", tests: [{ between: [0, 100] }] }
  distinct_values: { description: "different valid values", tests: [not_null, not_negative] }
  shared: { description: "records whose value another person or company of the source has too, for fields that should tell them apart; null for others", tests: [not_negative] }
  duplicates: { description: "records of the source beyond the first of the same person or company; the same for all its fields", tests: [not_null, not_negative] }
  duplicate_rate: { description: "percent: duplicates / records", tests: [not_null, { between: [0, 100] }] }
  stale: { description: "records whose field is filled and which did not change for stale_days, or whose age nobody knows", tests: [not_null, not_negative] }
  stale_rate: { description: "percent: stale / filled", tests: [{ between: [0, 100] }] }
  outdated_estimate: { description: "percent of the addresses expected to be out of date by the age of their records; null for other fields", tests: [{ between: [0, 100] }] }
tests:
  - no_rows: "select * from gold.data_quality where valid > filled or filled > records or stale > filled or distinct_values > valid"
*/
with records as (
    select
        'person_records' as entity, source, record_id, person_id as owner_id, coalesce(invalid, '') as invalid, updated_at,
        first_name, last_name, sex, cast(birth_on as varchar) as birth_on, email, phone, street, postcode, city, country, company_name,
        profession, cast(null as varchar) as siren, cast(null as varchar) as siret, cast(null as varchar) as vat_id,
        cast(null as varchar) as domain, cast(null as varchar) as naf_code, cast(null as varchar) as headcount_band
    from silver.person_records
    union all
    select
        'company_records', source, record_id, company_id, coalesce(invalid, ''), updated_at,
        cast(null as varchar), cast(null as varchar), cast(null as varchar), cast(null as varchar), cast(null as varchar),
        phone, street, postcode, city, country, name,
        cast(null as varchar), siren, siret, vat_id, domain, naf_code, headcount_band
    from silver.company_records
),

fields as (
    select entity, field, tells_apart, is_address
    from (
        values
            ('person_records', 'first_name', false, false), ('person_records', 'last_name', false, false), ('person_records', 'sex', false, false),
            ('person_records', 'birth_on', false, false), ('person_records', 'email', true, false), ('person_records', 'phone', true, false),
            ('person_records', 'street', false, true), ('person_records', 'postcode', false, true), ('person_records', 'city', false, true),
            ('person_records', 'country', false, true), ('person_records', 'company_name', false, false), ('person_records', 'profession', false, false),
            ('company_records', 'company_name', false, false), ('company_records', 'siren', true, false), ('company_records', 'siret', true, false),
            ('company_records', 'vat_id', true, false), ('company_records', 'domain', true, false), ('company_records', 'phone', true, false),
            ('company_records', 'street', false, true), ('company_records', 'postcode', false, true), ('company_records', 'city', false, true),
            ('company_records', 'country', false, true), ('company_records', 'naf_code', false, false), ('company_records', 'headcount_band', false, false)
    ) as listed (entity, field, tells_apart, is_address)
),

aged as (
    select
        *,
        case when updated_at is not null
             then greatest((cast($as_of as bigint) - cast(updated_at as bigint)) / 86400000000.0, 0.0) end as age_days,
        row_number() over (partition by entity, source, owner_id order by record_id) > 1 as is_duplicate
    from records
),

-- Parts are summed as decimals: sums of doubles depend on the order of rows.
judged as (
    select
        *,
        age_days is null or age_days > $stale_days as is_stale,
        case when age_days is not null
             then cast(round(1 - power(1 - cast($yearly_moves as double), age_days / 365.25), 9) as decimal(18, 9)) end as outdated
    from aged
),

-- What could not be used stands in `invalid` as `field: text: reason`, several after `; `.
cells as (
    select
        judged.entity,
        judged.source,
        fields.field,
        fields.tells_apart,
        case when fields.tells_apart then judged.owner_id end as owner_id,
        judged.is_duplicate,
        judged.is_stale,
        case when fields.is_address then judged.outdated end as outdated,
        case fields.field
            when 'first_name' then judged.first_name when 'last_name' then judged.last_name when 'sex' then judged.sex
            when 'birth_on' then judged.birth_on when 'email' then judged.email when 'phone' then judged.phone
            when 'street' then judged.street when 'postcode' then judged.postcode when 'city' then judged.city
            when 'country' then judged.country when 'company_name' then judged.company_name when 'profession' then judged.profession
            when 'siren' then judged.siren when 'siret' then judged.siret when 'vat_id' then judged.vat_id
            when 'domain' then judged.domain when 'naf_code' then judged.naf_code when 'headcount_band' then judged.headcount_band
        end as value,
        judged.invalid <> ''
        and strpos(concat('; ', judged.invalid), concat('; ', case when judged.entity = 'company_records' and fields.field = 'company_name' then 'name' else fields.field end, ':')) > 0 as is_invalid
    from judged
    inner join fields on fields.entity = judged.entity
),

-- First to one row per value, so that different values are plain counts.
by_value as (
    select
        entity,
        source,
        field,
        tells_apart,
        value,
        count(*) as records,
        count(*) filter (where value is not null or is_invalid) as filled,
        count(*) filter (where is_duplicate) as duplicates,
        count(*) filter (where is_stale and (value is not null or is_invalid)) as stale,
        min(owner_id) <> max(owner_id) as is_shared,
        sum(outdated) filter (where value is not null) as outdated,
        count(outdated) filter (where value is not null) as aged
    from cells
    group by entity, source, field, tells_apart, value
),

counted as (
    select
        entity,
        source,
        field,
        sum(records) as records,
        sum(filled) as filled,
        coalesce(sum(records) filter (where value is not null), 0) as valid,
        count(value) as distinct_values,
        case when tells_apart then coalesce(sum(records) filter (where value is not null and is_shared), 0) end as shared,
        sum(duplicates) as duplicates,
        sum(stale) as stale,
        sum(outdated) as outdated,
        sum(aged) as aged
    from by_value
    group by entity, source, field, tells_apart
)

select
    entity,
    source,
    field,
    cast(records as bigint) as records,
    cast(filled as bigint) as filled,
    cast(valid as bigint) as valid,
    100.0 * filled / cast(records as double) as completeness,
    100.0 * valid / nullif(cast(filled as double), 0) as validity,
    distinct_values,
    cast(shared as bigint) as shared,
    cast(duplicates as bigint) as duplicates,
    100.0 * duplicates / cast(records as double) as duplicate_rate,
    cast(stale as bigint) as stale,
    100.0 * stale / nullif(cast(filled as double), 0) as stale_rate,
    100.0 * cast(outdated as double) / nullif(cast(aged as double), 0) as outdated_estimate
from counted
