"""Two lakes must hold the same rows in every table, whatever their runs were called and how long they took.

    python lakes.py AFFLUENT LAKE OTHER

Prints one line of JSON, or the tables that differ. Needs nothing but Python.
"""

import json
import sys
from collections import Counter

from lake import query, tables

# What may differ from run to run.
RUN_COLUMNS = {"_extracted_at", "_run_id", "run_id"}
# bronze, silver and gold; the run log tells of runs, so it must differ.
SCHEMAS = ("bronze", "silver", "gold")


def rows(affluent: str, lake: str, table: str) -> Counter:
    found = query(affluent, lake, f"select * from {table.replace('/', '.')}")
    return Counter(tuple(sorted((name, value) for name, value in row.items() if name not in RUN_COLUMNS)) for row in found)


def main() -> None:
    affluent, one, other = sys.argv[1:4]
    names = tables(one, SCHEMAS)
    if names != tables(other, SCHEMAS):
        sys.exit(f"not the same tables: {names} and {tables(other, SCHEMAS)}")
    if not names:
        sys.exit(f"there is no table in {one}")
    total, differences = 0, []
    for table in names:
        mine, theirs = rows(affluent, one, table), rows(affluent, other, table)
        total += sum(mine.values())
        for row in list((mine - theirs).items())[:3]:
            differences.append(f"{table}: only in {one}: {row}")
        for row in list((theirs - mine).items())[:3]:
            differences.append(f"{table}: only in {other}: {row}")
    if differences:
        sys.exit("\n".join(differences))
    print(json.dumps({"tables": len(names), "rows": total, "same": True}))


main()
