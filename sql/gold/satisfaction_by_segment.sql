/*
model: gold.satisfaction_by_segment
description: >-
  NPS and CSAT of RFM segments and of B2B and B2C, with confidence intervals: what two groups differ by counts only where their
  intervals part. The segment is the one at as_of; answers of nobody known are in unknown.
grain: [survey, dimension, member]
materialisation: table
parameters:
  satisfied_from: { type: integer, default: 4, description: "lowest CSAT score, of 1 to 5, that says satisfied" }
  confidence_z: { type: number, default: 1.96, description: "standard deviations of the interval; 1.96 for 95 percent" }
columns:
  survey: { description: "nps or csat", tests: [not_null, { accepted_values: [nps, csat] }] }
  dimension: { description: "what people are told apart by", tests: [not_null, { accepted_values: [segment, customer_type] }] }
  member: { description: "the segment, or b2b, b2c, unknown", tests: [not_null] }
  responses: { description: "answers; of a ticket judged again the latest", tests: [not_null, { between: [1, 1000000000000] }] }
  positive: { description: "promoters (9-10), or satisfied answers", tests: [not_null, not_negative] }
  negative: { description: "detractors (0-6), or answers that are not satisfied", tests: [not_null, not_negative] }
  score: { description: "NPS in points, or CSAT in percent", tests: [not_null, { between: [-100, 100] }] }
  low: { description: "lower end of its interval: by the variance of NPS, by Wilson for CSAT", tests: [not_null, { between: [-100, 100] }] }
  high: { description: "upper end of its interval", tests: [not_null, { between: [-100, 100] }] }
tests:
  - no_rows: "select * from gold.satisfaction_by_segment where low > score or high < score"
*/
with answers as (
    select
        survey,
        person_id,
        score,
        row_number() over (
            -- A ticket is one of its source.
            partition by
                survey, case when survey = 'csat' then coalesce(ticket_id, record_id) else record_id end,
                case when ticket_id is not null then split_part(source, '.', 1) end, ticket_id is null
            order by answered_at desc, record_id desc
        ) as from_latest
    from silver.survey_responses
    where answered_at < $as_of
      and ((survey = 'nps' and score between 0 and 10) or (survey = 'csat' and score between 1 and 5))
),

people as (
    select
        rfm.person_id,
        rfm.segment,
        case when persons.company_name is not null then 'b2b' else 'b2c' end as customer_type
    from gold.rfm as rfm
    left join silver.persons as persons on persons.person_id = rfm.person_id
),

judged as (
    select
        answers.survey,
        coalesce(people.segment, 'unknown') as segment,
        coalesce(people.customer_type, 'unknown') as customer_type,
        count(*) as responses,
        count(*) filter (where answers.score >= case when answers.survey = 'nps' then 9 else $satisfied_from end) as positive,
        count(*) filter (where case when answers.survey = 'nps' then answers.score <= 6 else answers.score < $satisfied_from end) as negative
    from answers
    left join people on people.person_id = answers.person_id
    where answers.from_latest = 1
    group by answers.survey, coalesce(people.segment, 'unknown'), coalesce(people.customer_type, 'unknown')
),

counted as (
    select
        survey,
        case when grouping(customer_type) = 1 then 'segment' else 'customer_type' end as dimension,
        coalesce(segment, customer_type) as member,
        cast(sum(responses) as bigint) as responses,
        cast(sum(positive) as bigint) as positive,
        cast(sum(negative) as bigint) as negative
    from judged
    group by grouping sets ((survey, segment), (survey, customer_type))
),

shares as (
    select
        *,
        positive / cast(responses as double) as p,
        negative / cast(responses as double) as d,
        cast(responses as double) as n,
        cast($confidence_z as double) as z
    from counted
),

intervals as (
    select
        *,
        z * sqrt(greatest(p + d - (p - d) * (p - d), 0.0) / n) as half,
        (p + z * z / (2 * n)) / (1 + z * z / n) as centre,
        z * sqrt((p * (1 - p) + z * z / (4 * n)) / n) / (1 + z * z / n) as wilson
    from shares
)

select
    survey,
    dimension,
    member,
    responses,
    positive,
    negative,
    case when survey = 'nps' then 100.0 * (p - d) else 100.0 * p end as score,
    case when survey = 'nps' then greatest(100.0 * (p - d - half), -100.0) else 100.0 * greatest(least(centre - wilson, p), 0.0) end as low,
    case when survey = 'nps' then least(100.0 * (p - d + half), 100.0) else 100.0 * least(greatest(centre + wilson, p), 1.0) end as high
from intervals
