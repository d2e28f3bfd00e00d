"""Opens every silver and gold table with the Python `deltalake`, Polars and DuckDB and compares each with `affluent sql`.

    python readers.py AFFLUENT LAKE

Compared are the number of rows, the values of each column that are there, the sum of each number (decimals and whole
numbers exactly) and the extremes of each date and instant. Prints one line of JSON.
"""

import json
import math
import sys
from decimal import Decimal
from importlib.metadata import version

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from lake import query, tables

AFFLUENT, LAKE = sys.argv[1:3]


def kind(type_: pa.DataType) -> str:
    if pa.types.is_decimal(type_) or pa.types.is_integer(type_):
        return "exact"
    if pa.types.is_floating(type_):
        return "float"
    if pa.types.is_date(type_):
        return "date"
    if pa.types.is_timestamp(type_):
        return "instant"
    return "other"


def facts(columns: dict[str, str]) -> list[tuple[str, str]]:
    """What is asked of a table: (name of the fact, SQL that both Affluent and DuckDB understand)."""
    asked = [("rows", "count(*)")]
    for name, what in columns.items():
        asked.append((f"{name} there", f'count("{name}")'))
        if what in ("exact", "float"):
            asked.append((f"{name} sum", f'cast(sum("{name}") as varchar)'))
        elif what == "date":
            asked += [(f"{name} {end}", f'cast({end}("{name}") as varchar)') for end in ("min", "max")]
        elif what == "instant":
            asked += [(f"{name} {end}", f'date_part(\'epoch\', {end}("{name}"))') for end in ("min", "max")]
    return asked


def by_sql(columns: dict[str, str]) -> str:
    return ", ".join(f'{sql} as "f{place}"' for place, (_, sql) in enumerate(facts(columns)))


def by_deltalake(table: pa.Table, columns: dict[str, str]) -> list:
    found: list = [table.num_rows]
    for name, what in columns.items():
        column = table[name]
        found.append(len(column) - column.null_count)
        if what in ("exact", "float"):
            if pa.types.is_decimal(column.type):
                column = column.cast(pa.decimal128(38, column.type.scale))
            found.append(pc.sum(column).as_py())
        elif what in ("date", "instant"):
            found += [instant(value) for value in (pc.min(column).as_py(), pc.max(column).as_py())]
    return found


def by_polars(frame: pl.DataFrame, columns: dict[str, str]) -> list:
    found: list = [frame.height]
    for name, what in columns.items():
        column = frame[name]
        found.append(column.len() - column.null_count())
        there = column.len() > column.null_count()
        if what in ("exact", "float"):
            found.append(column.sum() if there else None)
        elif what in ("date", "instant"):
            found += [instant(value) for value in (column.min(), column.max())]
    return found


def instant(value):
    """Instants as seconds since 1970, days as they are written."""
    if value is None:
        return None
    return value.timestamp() if hasattr(value, "timestamp") else value.isoformat()


def same(ours, theirs, what: str) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if what == "exact":
        return Decimal(str(ours)) == Decimal(str(theirs))
    if what in ("float", "instant"):
        return math.isclose(float(ours), float(theirs), rel_tol=1e-9, abs_tol=1e-9)
    return str(ours) == str(theirs)


def main() -> None:
    differences, rows, compared = [], 0, 0
    names = tables(LAKE)
    for name in names:
        table = DeltaTable(f"{LAKE}/{name}")
        arrow = pa.table(table.to_pyarrow_table())
        columns = {field.name: kind(field.type) for field in arrow.schema}
        asked = facts(columns)
        kinds = ["exact"]
        for what in columns.values():
            kinds += ["exact"] + {"exact": ["exact"], "float": ["float"], "date": ["date"] * 2, "instant": ["instant"] * 2}.get(what, [])

        ours = list(query(AFFLUENT, LAKE, f"select {by_sql(columns)} from {name.replace('/', '.')}")[0].values())
        # DuckDB's own Parquet reader on the files of the current version; an empty table has none.
        files = table.file_uris()
        if files:
            duck = duckdb.connect()
            duck.execute("set timezone = 'UTC'")
            duckdb_found = list(duck.execute(f"select {by_sql(columns)} from read_parquet({files!r})").fetchall()[0])
        else:
            duckdb_found = by_deltalake(arrow, columns)
        others = {
            "deltalake": by_deltalake(arrow, columns),
            "polars": by_polars(pl.read_delta(f"{LAKE}/{name}"), columns),
            "duckdb": duckdb_found,
        }
        rows += arrow.num_rows
        for reader, found in others.items():
            for (fact, _), mine, theirs, what in zip(asked, ours, found, kinds, strict=True):
                compared += 1
                if not same(mine, theirs, what):
                    differences.append(f"{name}: {fact}: affluent {mine}, {reader} {theirs}")
    if differences:
        sys.exit("\n".join(differences))
    readers = {reader: version(reader) for reader in ("deltalake", "polars", "duckdb")}
    print(json.dumps({"tables": names, "rows": rows, "compared": compared, "readers": readers}))


main()
