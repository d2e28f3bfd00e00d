/* Pairs of records put together, against the truth: the number behind `rec-` names the person. */
with records as (
    select person_id, split_part(split_part(record_id, ':', 2), '-', 2) as true_person
    from silver.person_records
),

pairs as (
    select
        (select sum(n * (n - 1) / 2) from (select count(*) as n from records group by person_id) as found) as found_pairs,
        (select sum(n * (n - 1) / 2) from (select count(*) as n from records group by true_person) as truth) as true_pairs,
        (select sum(n * (n - 1) / 2) from (select count(*) as n from records group by person_id, true_person) as agreed) as right_pairs
)

select
    (select count(*) from records) as records,
    (select count(distinct person_id) from records) as people,
    (select count(distinct true_person) from records) as true_people,
    round(right_pairs / cast(found_pairs as double), 4) as precision_rate,
    round(right_pairs / cast(true_pairs as double), 4) as recall_rate,
    round(2.0 * right_pairs / cast(found_pairs + true_pairs as double), 4) as f1
from pairs
