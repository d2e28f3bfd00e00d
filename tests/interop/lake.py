"""A lake as its own program reads it: the one door by which these scripts ask Affluent."""

import csv
import io
import os
import subprocess
import sys


def query(affluent: str, lake: str, sql: str) -> list[dict[str, str | None]]:
    """Rows of a query; every value as text, an empty cell as None."""
    done = subprocess.run([affluent, "sql", sql, "--lake", lake, "--format", "csv"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"affluent sql ended with {done.returncode}: {done.stderr}\n{sql}")
    return [{name: value or None for name, value in row.items()} for row in csv.DictReader(io.StringIO(done.stdout))]


def tables(lake: str, schemas: tuple[str, ...] = ("silver", "gold")) -> list[str]:
    """The tables of a lake on disk as `schema/table`."""
    found = []
    for schema in schemas:
        folder = os.path.join(lake, schema)
        if os.path.isdir(folder):
            names = sorted(os.listdir(folder))
            found += [f"{schema}/{name}" for name in names if os.path.isdir(os.path.join(folder, name, "_delta_log"))]
    return found
