"""Loads the same orders into a lake with Affluent, dlt, Polars and DuckDB and prints how they compare.

    python bronze.py --affluent target/release/affluent

Affluent's time is that of the whole program; a peer's begins after its imports. All runs are checked for the same count
and sum. DuckDB writes plain Parquet, the others Delta tables; only Affluent hashes, keys and marks what it loads.
"""

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile

from measure import Stopwatch, child, table

COLUMNS = ["order_id", "customer_email", "ordered_at", "kind", "amount", "currency", "channel", "items"]
PIPELINE = """
pipeline: peers
lake: ./lake
sources:
  shop:
    connector: files
    with: {{ path: {path} }}
    streams:
      orders:
        key: [order_id]
        raw: false
        columns:
          order_id: string
          customer_email: string
          ordered_at: timestamp
          kind: string
          amount: decimal(12,2)
          currency: string
          channel: string
          items: integer
"""


def generate(folder: str, rows: int) -> tuple[dict[str, str], int]:
    """The same orders as NDJSON and CSV; the paths by format, and the sum of all amounts in cents."""
    draw = random.Random(1)
    paths = {"ndjson": f"{folder}/orders.ndjson", "csv": f"{folder}/orders.csv"}
    total = 0
    with open(paths["ndjson"], "w") as ndjson, open(paths["csv"], "w", newline="") as flat:
        writer = csv.writer(flat, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(rows):
            cents = draw.randrange(100, 50_000)
            total += cents
            second = draw.randrange(86_400)
            day = f"2026-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
            values = [
                f"O-{number:09}",
                f"customer{draw.randrange(rows // 5 + 1)}@mail.example",
                f"{day}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z",
                "order",
                f"{cents // 100}.{cents % 100:02}",
                "EUR",
                draw.choice(["web", "shop", "phone"]),
                draw.randrange(1, 9),
            ]
            writer.writerow(values)
            # Amounts are JSON numbers, as shops' APIs write them.
            members = (f'"{name}":{value}' if name in ("amount", "items") else f'"{name}":"{value}"' for name, value in zip(COLUMNS, values))
            ndjson.write("{" + ",".join(members) + "}\n")
    return paths, total


def by_polars(form: str, path: str, out: str) -> None:
    import polars as pl

    text, whole = pl.String, pl.Int64
    schema = dict(zip(COLUMNS, [text, text, text, text, pl.Float64, text, text, whole]))
    watch = Stopwatch()
    read = pl.read_ndjson(path, schema=schema) if form == "ndjson" else pl.read_csv(path, schema=schema)
    frame = read.with_columns(
        pl.col("ordered_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC"),
        pl.col("amount").round(2).cast(pl.Decimal(12, 2)),
    )
    frame.write_delta(out)
    watch.stop()
    watch.report(rows=frame.height, cents=int(frame["amount"].sum() * 100))


def by_duckdb(form: str, path: str, out: str) -> None:
    import duckdb

    types = ["varchar", "varchar", "timestamptz", "varchar", "decimal(12,2)", "varchar", "varchar", "bigint"]
    columns = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in zip(COLUMNS, types)) + "}"
    options = "format = 'newline_delimited'" if form == "ndjson" else "header = true"
    reader = "read_json" if form == "ndjson" else "read_csv"
    watch = Stopwatch()
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"copy (select * from {reader}('{path}', columns = {columns}, {options})) to '{out}.parquet' (format parquet)")
    watch.stop()
    rows, cents = connection.execute(f"select count(*), cast(sum(amount) * 100 as bigint) from '{out}.parquet'").fetchall()[0]
    watch.report(rows=rows, cents=cents)


def by_dlt(form: str, path: str, out: str) -> None:
    import dlt
    from deltalake import DeltaTable
    from dlt.sources.filesystem import filesystem, read_csv, read_jsonl

    pipeline = dlt.pipeline("peers", destination=dlt.destinations.filesystem(out), dataset_name="peers", pipelines_dir=f"{out}-work")
    reader = read_jsonl() if form == "ndjson" else read_csv()
    watch = Stopwatch()
    files = filesystem(bucket_url=os.path.dirname(path), file_glob=os.path.basename(path))
    pipeline.run((files | reader).with_name("orders"), table_format="delta", loader_file_format="parquet")
    watch.stop()
    loaded = DeltaTable(f"{out}/peers/orders").to_pyarrow_table(columns=["amount"])["amount"].to_pylist()
    watch.report(rows=len(loaded), cents=sum(round(float(amount) * 100) for amount in loaded))


WORKERS = {"dlt": by_dlt, "polars": by_polars, "duckdb": by_duckdb}


def by_affluent(affluent: str, form: str, path: str, out: str):
    pipeline = f"{out}.yaml"
    with open(pipeline, "w") as file:
        file.write(PIPELINE.format(path=path))
    measured = child([affluent, "run", pipeline, "--stage", "extract", "--lake", out, "--run-id", f"peers-{form}", "--json"])
    sums = "select count(*) as row_count, cast(sum(amount) * 100 as bigint) as cents from bronze.shop_orders"
    found = subprocess.run([affluent, "sql", sums, "--lake", out, "--format", "csv"], capture_output=True, text=True, check=True)
    rows, cents = found.stdout.splitlines()[1].split(",")
    measured.said = {"rows": int(rows), "cents": int(cents)}
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--affluent", required=True, help="the program; a release build where figures matter")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--formats", default="ndjson,csv")
    parser.add_argument("--peers", default="dlt,polars,duckdb")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths, total = generate(folder, options.rows)
        for form in options.formats.split(","):
            found = {}
            for name in ["affluent", *filter(None, options.peers.split(","))]:
                for run in range(1 if name == "dlt" else options.runs):
                    out = f"{folder}/{name}-{form}-{run}"
                    if name == "affluent":
                        measured = by_affluent(os.path.abspath(options.affluent), form, paths[form], out)
                    else:
                        measured = child([sys.executable, __file__, "--worker", name, form, paths[form], out])
                    if (measured.said["rows"], measured.said["cents"]) != (options.rows, total):
                        sys.exit(f"{name} loaded {measured.said}, not {options.rows} rows of {total} cents")
                    shutil.rmtree(out, ignore_errors=True)
                    if name not in found or measured.seconds < found[name].seconds:
                        found[name] = measured
            size = os.path.getsize(paths[form]) / 1e6
            table(f"bronze, {form}, {options.rows:,} orders, {size:.0f} MB", options.rows, "affluent", found)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        WORKERS[sys.argv[2]](*sys.argv[3:6])
    else:
        main()
