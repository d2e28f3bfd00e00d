/*
model: gold.rfm_grid
description: >-
  The named RFM segment of each pair of recency and frequency score. A file of the same name in a pipeline's own folder
  renames or redraws the segments; the tests refuse gaps and overlaps.
grain: [r_score, f_score]
materialisation: table
columns:
  r_score: { description: "recency score, 5 for the most recent", tests: [not_null, { between: [1, 5] }] }
  f_score: { description: "frequency score, 5 for the most frequent", tests: [not_null, { between: [1, 5] }] }
  segment: { description: "named segment of the pair", tests: [not_null] }
  position: { description: "place of the segment in a report, 1 for the best", tests: [not_null, { between: [1, 99] }] }
tests:
  - min_rows: 25
  - no_rows: "select segment from gold.rfm_grid group by segment having min(position) <> max(position)"
  - no_rows: "select position from gold.rfm_grid group by position having min(segment) <> max(segment)"
*/
with scores as (
    select r_score, f_score
    from (values (1), (2), (3), (4), (5)) as recency (r_score)
    cross join (values (1), (2), (3), (4), (5)) as frequency (f_score)
),

named as (
    select
        r_score,
        f_score,
        case
            when r_score <= 2 and f_score <= 2 then 'hibernating'
            when r_score <= 2 and f_score <= 4 then 'at_risk'
            when r_score <= 2 then 'cant_lose'
            when r_score = 3 and f_score <= 2 then 'about_to_sleep'
            when r_score = 3 and f_score = 3 then 'need_attention'
            when r_score <= 4 and f_score >= 4 then 'loyal'
            when r_score = 4 and f_score = 1 then 'promising'
            when r_score = 5 and f_score = 1 then 'new'
            when f_score <= 3 then 'potential_loyalist'
            else 'champions'
        end as segment
    from scores
)

select
    r_score,
    f_score,
    segment,
    cast(case segment
        when 'champions' then 1
        when 'loyal' then 2
        when 'potential_loyalist' then 3
        when 'new' then 4
        when 'promising' then 5
        when 'need_attention' then 6
        when 'about_to_sleep' then 7
        when 'at_risk' then 8
        when 'cant_lose' then 9
        else 10
    end as bigint) as position
from named
