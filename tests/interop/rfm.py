"""RFM scores, retention cohorts and monthly retention computed from the source file by pandas, compared with gold.

    python rfm.py AFFLUENT LAKE FILE AS_OF

Scores: exact quintiles of type 7 (numpy's), 1 plus the thresholds strictly below the value, recency reversed. Prints one
line of JSON, or every difference.
"""

import json
import sys

import numpy as np
import pandas as pd

from lake import query

AFFLUENT, LAKE, FILE, AS_OF = sys.argv[1:5]


def orders() -> pd.DataFrame:
    """customer, day, cents of each order before as_of."""
    if FILE.endswith(".txt"):
        names = ["master", "customer", "day", "cds", "amount"]
        read = pd.read_csv(FILE, sep=r"\s+", header=None, names=names, dtype=str)
        read["day"] = pd.to_datetime(read["day"], format="%Y%m%d")
    else:
        read = pd.read_csv(FILE, dtype=str).rename(columns={"customer_id": "customer", "order_date": "day", "revenue": "amount"})
        read["day"] = pd.to_datetime(read["day"])
    read["cents"] = (read["amount"].astype(float) * 100).round().astype("int64")
    return read.loc[read["day"] < pd.Timestamp(AS_OF), ["customer", "day", "cents"]]


def scored(read: pd.DataFrame) -> pd.DataFrame:
    people = read.groupby("customer").agg(last=("day", "max"), frequency=("day", "size"), cents=("cents", "sum"))
    people["recency_days"] = (pd.Timestamp(AS_OF) - people.pop("last")).dt.days
    for score, column in (("r_score", "recency_days"), ("f_score", "frequency"), ("m_score", "cents")):
        thresholds = np.percentile(people[column], [20, 40, 60, 80])
        above = sum((people[column] > threshold).astype(int) for threshold in thresholds)
        people[score] = 5 - above if score == "r_score" else 1 + above
    return people


def compare_people(read: pd.DataFrame) -> tuple[int, list[str]]:
    expected = scored(read)
    rows = query(
        AFFLUENT,
        LAKE,
        "select split_part(r.record_id, ':', 2) as customer, g.recency_days, g.frequency, cast(g.monetary * 100 as bigint) as cents, "
        "g.r_score, g.f_score, g.m_score from gold.rfm g join silver.person_records r on r.person_id = g.person_id",
    )
    found = pd.DataFrame(rows).set_index("customer").astype("int64")
    differences = [f"{customer}: not in gold.rfm" for customer in expected.index.difference(found.index)]
    differences += [f"{customer}: only in gold.rfm" for customer in found.index.difference(expected.index)]
    if not found.index.is_unique:
        differences.append("a customer stands in gold.rfm more than once")
        return len(found), differences
    both = expected.index.intersection(found.index)
    for column in expected.columns:
        unlike = both[expected.loc[both, column].to_numpy() != found.loc[both, column].to_numpy()]
        differences += [f"{customer}: {column} is {found.at[customer, column]}, not {expected.at[customer, column]}" for customer in unlike]
    return len(both), differences


def compare_cohorts(read: pd.DataFrame) -> tuple[int, list[str]]:
    read = read.assign(month=read["day"].dt.to_period("M"))
    cohort = read.groupby("customer")["month"].min().rename("cohort")
    active = read.join(cohort, on="customer").groupby(["cohort", "month"])["customer"].nunique()
    last = pd.Period(AS_OF, "M") - 1
    expected = {
        (str(first), str(month)): (int((cohort == first).sum()), int(active.get((first, month), 0)))
        for first in cohort.unique()
        for month in pd.period_range(first, last, freq="M")
    }
    rows = query(AFFLUENT, LAKE, "select cohort_on, month_on, month_number, clients, active_clients from gold.retention_cohorts")
    found = {(row["cohort_on"][:7], row["month_on"][:7]): (int(row["clients"]), int(row["active_clients"])) for row in rows}
    unlike = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key) != found.get(key)]
    differences = [f"cohort {key}: {found.get(key)}, not {expected.get(key)}" for key in unlike]
    numbers = [row for row in rows if (pd.Period(row["month_on"], "M") - pd.Period(row["cohort_on"], "M")).n != int(row["month_number"])]
    return len(expected), differences + [f"month number of {row}" for row in numbers]


def compare_retention(read: pd.DataFrame, active_months: int = 12) -> tuple[int, list[str]]:
    """Clients of a month's start and end as sets of people."""
    months = read.assign(month=read["day"].dt.to_period("M")).groupby("customer")["month"].agg(set)
    rows = query(AFFLUENT, LAKE, "select * from gold.retention")
    # From the first order's month to the last that is over.
    whole = pd.period_range(read["day"].min().to_period("M"), pd.Period(AS_OF, "M") - 1, freq="M")
    found_months = sorted(row["month_on"][:7] for row in rows)
    differences = [] if found_months == [str(month) for month in whole] else [f"months of retention: {found_months}"]
    columns = ("clients_at_start", "new_clients", "reactivated_clients", "lost_clients", "retained_clients", "clients_at_end")
    for row in rows:
        month = pd.Period(row["month_on"], "M")
        start = {who for who, bought in months.items() if any(month - active_months <= other < month for other in bought)}
        end = {who for who, bought in months.items() if any(month - active_months < other <= month for other in bought)}
        new = {who for who, bought in months.items() if min(bought) == month}
        expected = [len(people) for people in (start, new, end - start - new, start - end, start & end, end)]
        found = [int(row[column]) for column in columns]
        if found != expected:
            differences.append(f"retention of {month}: {found}, not {expected}")
    return len(rows), differences


def main() -> None:
    read = orders()
    compared, differences = {"orders": len(read)}, []
    for name, compare in (("people", compare_people), ("cohort_cells", compare_cohorts), ("months", compare_retention)):
        compared[name], unlike = compare(read)
        differences += unlike
    if differences:
        sys.exit("\n".join(differences[:50] + [f"{len(differences)} differences"]))
    print(json.dumps(compared))


main()
