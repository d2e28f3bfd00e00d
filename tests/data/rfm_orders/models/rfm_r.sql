/*
model: gold.rfm_r
description: >-
  Scores and segments by the variant of the R package rfm: a value passes a threshold from threshold + 1 on, and the first of
  its published rules that fits names the segment.
grain: [person_id]
materialisation: table
columns:
  person_id: { description: "the person", tests: [not_null, unique] }
  r_score: { description: "recency score", tests: [not_null, { between: [1, 5] }] }
  f_score: { description: "frequency score", tests: [not_null, { between: [1, 5] }] }
  m_score: { description: "monetary score", tests: [not_null, { between: [1, 5] }] }
  segment: { description: "the first rule that fits, others where none does", tests: [not_null] }
*/
with measures as (
    select person_id, cast(recency_days as double) as recency, cast(frequency as double) as frequency, cast(monetary as double) as monetary
    from gold.rfm
    where frequency > 0
),

thresholds as (
    select
        percentile_cont(0.2) within group (order by recency) as r1,
        percentile_cont(0.4) within group (order by recency) as r2,
        percentile_cont(0.6) within group (order by recency) as r3,
        percentile_cont(0.8) within group (order by recency) as r4,
        percentile_cont(0.2) within group (order by frequency) as f1,
        percentile_cont(0.4) within group (order by frequency) as f2,
        percentile_cont(0.6) within group (order by frequency) as f3,
        percentile_cont(0.8) within group (order by frequency) as f4,
        percentile_cont(0.2) within group (order by monetary) as m1,
        percentile_cont(0.4) within group (order by monetary) as m2,
        percentile_cont(0.6) within group (order by monetary) as m3,
        percentile_cont(0.8) within group (order by monetary) as m4
    from measures
),

scores as (
    select
        person_id,
        5 - case when recency >= r1 + 1 then 1 else 0 end - case when recency >= r2 + 1 then 1 else 0 end
          - case when recency >= r3 + 1 then 1 else 0 end - case when recency >= r4 + 1 then 1 else 0 end as r_score,
        1 + case when frequency >= f1 + 1 then 1 else 0 end + case when frequency >= f2 + 1 then 1 else 0 end
          + case when frequency >= f3 + 1 then 1 else 0 end + case when frequency >= f4 + 1 then 1 else 0 end as f_score,
        1 + case when monetary >= m1 + 1 then 1 else 0 end + case when monetary >= m2 + 1 then 1 else 0 end
          + case when monetary >= m3 + 1 then 1 else 0 end + case when monetary >= m4 + 1 then 1 else 0 end as m_score
    from measures
    cross join thresholds
)

select
    person_id,
    r_score,
    f_score,
    m_score,
    case
        when r_score = 5 and f_score = 5 and m_score = 5 then 'champions'
        when r_score between 3 and 5 and f_score between 3 and 5 and m_score between 2 and 5 then 'potential'
        when r_score between 2 and 4 and f_score between 2 and 4 and m_score between 2 and 4 then 'loyal'
        when r_score between 3 and 4 and f_score between 1 and 3 and m_score between 3 and 5 then 'promising'
        when r_score between 4 and 5 and f_score between 1 and 3 then 'new'
        when r_score between 1 and 2 and f_score between 3 and 4 and m_score between 4 and 5 then 'cant_lose'
        when r_score between 1 and 2 and f_score between 2 and 5 and m_score between 4 and 5 then 'at_risk'
        when r_score between 1 and 3 and f_score between 3 and 5 and m_score between 3 and 5 then 'need_attention'
        when r_score between 2 and 3 and f_score between 1 and 3 and m_score between 1 and 4 then 'about_to_sleep'
        when r_score = 1 then 'lost'
        else 'others'
    end as segment
from scores
