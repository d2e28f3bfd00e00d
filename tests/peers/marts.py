"""The gold tables of a lake computed again by DuckDB from the same silver files, and compared row by row.

    python tests/peers/marts.py --lake lake --as-of 2026-11-01T00:00:00Z --timezone Europe/Paris

Each model's own SQL runs in DuckDB (what the dialects write differently is rewritten), so that one engine checks the
other; for the marts in `marts_independent.py` a query of its own, written another way, checks the SQL too. Decimals, whole
numbers, dates, instants and texts must be equal, doubles to 9 digits. Models are taken with the parameters of their headers.
"""

import argparse
import datetime
import json
import math
import re
import sys
import time
import zoneinfo
from pathlib import Path

import duckdb
import yaml
from deltalake import DeltaTable

from marts_independent import PARTIAL, QUERIES

ROOT = Path(__file__).resolve().parents[2]
TYPES = {"string": "varchar", "integer": "bigint", "number": "double", "boolean": "boolean", "date": "date", "timestamp": "timestamptz"}

# DataFusion's words that DuckDB spells otherwise.
REWRITES = [
    (r"cast\((\w+(?:\.\w+)?_at|\$as_of) as bigint\)", r"epoch_us(\1)"),
    (r"cast\((coalesce\([^()]*_at[^()]*\)|min\([\w.]+_at\)(?: filter \(where [^()]*\))?) as bigint\)", r"epoch_us(\1)"),
    (r"cast\(nth_value\((\w+), 2 order by \w+\) as bigint\)", r"epoch_us(list(\1 order by \1)[2])"),
    (r"cast\((to_instant\((?:[^()]|\([^()]*\))*\)) as bigint\)", r"epoch_us(\1)"),
    (r"arrow_cast\(((?:[^()]|\([^()]*\))*), 'Timestamp\(Microsecond, Some\(\"UTC\"\)\)'\)", r"make_timestamptz(\1)"),
    (r"first_value\((\w+(?:\.\w+)?) order by", r"first(\1 order by"),
]

MACROS = """
create macro to_char(day, format) as strftime(day, format);
create macro local_date(instant, zone) as cast(timezone(zone, instant) as date);
create macro to_instant(day, zone) as timezone(zone, cast(day as timestamp));
"""


def header(file: Path) -> tuple[dict, str]:
    text = file.read_text()
    end = text.index("*/")
    return yaml.safe_load(text[text.index("/*") + 2 : end]), text[end + 2 :].strip()


def literal(kind: str, value) -> str:
    if kind in ("string", "date", "timestamp"):
        escaped = str(value).replace("'", "''")
        return f"cast('{escaped}' as {TYPES[kind]})"
    return f"cast({value} as {TYPES[kind]})"


def bound(sql: str, parameters: dict[str, str]) -> str:
    for pattern, replacement in REWRITES:
        sql = re.sub(pattern, replacement, sql)
    return substituted(re.sub(r"--[^\n]*", "", sql), parameters)


def substituted(sql: str, parameters: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: parameters[found[1]], sql)


def silver(db: duckdb.DuckDBPyConnection, lake: str) -> None:
    """A view for each silver table; one without rows for each entity the lake has no table for."""
    db.execute("create schema silver; create schema gold")
    for file in sorted((ROOT / "sql/silver").glob("*.yaml")):
        entity = yaml.safe_load(file.read_text())
        columns = {"record_id": "varchar", "source": "varchar"}
        for name, column in entity["columns"].items():
            columns[name] = TYPES.get(column["type"], column["type"])
            if column.get("person"):
                columns["person_record_id"] = "varchar"
        table, there = entity["entity"], set()
        try:
            files = files_of(lake, "silver", table)
        except FileNotFoundError:
            files = []
        source = "(select 1 where false)"
        if files:
            source = f"read_parquet({files!r})"
            there = {row[0] for row in db.execute(f"describe select * from {source}").fetchall()}
        absent = [f"cast(null as {kind}) as {name}" for name, kind in columns.items() if name not in there]
        chosen = ", ".join((["*"] if there else []) + absent)
        db.execute(f"create view silver.{table} as select {chosen} from {source}")


def files_of(lake: str, schema: str, table: str) -> list[str]:
    folder = Path(lake) / schema / table
    if not (folder / "_delta_log").is_dir():
        raise FileNotFoundError(folder)
    return [uri.removeprefix("file://") for uri in DeltaTable(str(folder)).file_uris()]


def order(models: dict[str, tuple[dict, str]]) -> list[str]:
    """Each model after those it reads."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found:
            return
        sql = re.sub(r"--[^\n]*", "", models[name][1])
        for other in sorted(set(re.findall(r"\bgold\.(\w+)", sql)) & models.keys()):
            visit(other)
        found.append(name)

    for name in sorted(models):
        visit(name)
    return found


def equal(one, other) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        if one is None or other is None:
            return one is other
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-9)
    return one == other


def keyed(name: str, result, grain: list[str], columns: list[str]) -> dict[tuple, list]:
    """Rows by their grain."""
    found = {}
    for row in result.to_arrow_table().to_pylist():
        key = tuple(row[column] for column in grain)
        if key in found:
            sys.exit(f"{name}: two rows of {key}")
        found[key] = [row[column] for column in columns]
    return found


def compared(name: str, left: dict[tuple, list], right: dict[tuple, list], columns: list[str], partial: bool = False) -> list[str]:
    """What the lake (left) has otherwise than DuckDB (right)."""
    differences = [] if partial else [f"{name} {key}: only in the lake" for key in left.keys() - right.keys()]
    differences += [f"{name} {key}: not in the lake" for key in right.keys() - left.keys()]
    for key in left.keys() & right.keys():
        for column, mine, theirs in zip(columns, left[key], right[key], strict=True):
            if not equal(mine, theirs):
                differences.append(f"{name} {key}: {column} is {mine}, not {theirs}")
    return differences


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--lake", required=True)
    arguments.add_argument("--as-of", required=True, help="as_of of the run that built the lake, in RFC 3339")
    arguments.add_argument("--timezone", default="UTC")
    arguments.add_argument("--currency", default="EUR")
    given = arguments.parse_args()

    as_of = datetime.datetime.fromisoformat(given.as_of.replace("Z", "+00:00"))
    common = {
        "as_of": literal("timestamp", as_of.isoformat()),
        "as_of_on": literal("date", as_of.astimezone(zoneinfo.ZoneInfo(given.timezone)).date()),
        "timezone": f"'{given.timezone}'",
        "currency": f"'{given.currency}'",
    }
    db = duckdb.connect()
    db.execute("set timezone = 'UTC'; set integer_division = true")
    db.execute(MACROS)
    silver(db, given.lake)

    models = {file.stem: header(file) for file in sorted((ROOT / "sql/gold").glob("*.sql"))}
    told, differences = {}, []
    for name in order(models):
        head, sql = models[name]
        parameters = common | {
            key: literal(spec["type"], spec["default"]) for key, spec in (head.get("parameters") or {}).items()
        }
        began = time.perf_counter()
        db.execute(f"create table gold.{name} as {bound(sql, parameters)}")
        seconds = time.perf_counter() - began
        try:
            published = f"select * from read_parquet({files_of(given.lake, 'gold', name)!r})"
        except FileNotFoundError:
            continue
        columns, grain = list(head["columns"]), head["grain"]
        again = keyed(name, db.sql(f"from gold.{name}"), grain, columns)
        unlike = compared(name, keyed(name, db.sql(published), grain, columns), again, columns)
        if name in QUERIES:
            db.execute("set integer_division = false")
            own = db.sql(substituted(QUERIES[name], parameters))
            columns = own.columns
            another = keyed(name, own, grain, columns)
            published = keyed(name, db.sql(published), grain, columns)
            unlike += compared(f"{name} (second query)", published, another, columns, name in PARTIAL)
            db.execute("set integer_division = true")
        rows = db.execute(f"select count(*) from gold.{name}").fetchone()[0]
        told[name] = {"rows": rows, "seconds": round(seconds, 3), "independent": name in QUERIES, "differences": len(unlike)}
        differences += unlike
    for name, facts in told.items():
        print(f"{name:26} {facts['rows']:9,} rows  {'two queries' if facts['independent'] else 'one query'}  {facts['differences']} differences")
    if differences:
        sys.exit("\n".join(differences[:40] + [f"{len(differences)} differences"]))
    print(json.dumps({"models": len(told), "independent": sum(facts["independent"] for facts in told.values()), "same": True}))


main()
