"""Extracts the sandbox's HubSpot contacts with Affluent and with dlt's rest_api, from the same server, and compares.

    python api.py --affluent target/release/affluent

The sandbox runs without limits in a process of its own and shares the machine's cores with the client: where it is what limits,
compare the client's processor time for each record. Affluent is run twice: as it is, with each record whole in `_raw` beside its
columns, and with the columns only, as dlt has them. Both write Delta tables, which must hold the same ids. Peak memory is
shown for the number of customers asked for and for a quarter of it: a client that streams stays flat.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from measure import Stopwatch, child, table

PROPERTIES = [
    "email", "firstname", "lastname", "phone", "mobilephone", "address", "zip", "city", "state", "country", "gender",
    "date_of_birth", "company", "jobtitle", "lifecyclestage", "hs_object_id", "createdate", "lastmodifieddate",
]
PIPELINE = """
pipeline: peers
lake: ./lake
sources:
  hubspot:
    connector: hubspot
    with: {{ base_url: "{url}", token: {{ env: PEERS_TOKEN }}, requests_per_10s: 0, searches_per_second: 0 }}
    streams: {{ contacts: {{ raw: {raw} }} }}
"""


def by_dlt(url: str, out: str) -> None:
    import dlt
    from deltalake import DeltaTable
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source({
        "client": {
            "base_url": f"{url}/",
            "auth": {"type": "bearer", "token": os.environ["PEERS_TOKEN"]},
            "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"},
        },
        "resources": [{
            "name": "contacts",
            "endpoint": {
                "path": "crm/v3/objects/contacts",
                "params": {"limit": 100, "properties": ",".join(PROPERTIES)},
                "data_selector": "results",
            },
        }],
    })
    pipeline = dlt.pipeline("peers", destination=dlt.destinations.filesystem(out), dataset_name="peers", pipelines_dir=f"{out}-work")
    watch = Stopwatch()
    pipeline.run(source, table_format="delta", loader_file_format="parquet")
    watch.stop()
    ids = DeltaTable(f"{out}/peers/contacts").to_pyarrow_table(columns=["id"])["id"].to_pylist()
    watch.report(ids=sum(map(int, ids)), rows=len(ids))


def by_affluent(affluent: str, url: str, out: str, raw: bool):
    pipeline = f"{out}.yaml"
    with open(pipeline, "w") as file:
        file.write(PIPELINE.format(url=url, raw=str(raw).lower()))
    measured = child([affluent, "run", pipeline, "--stage", "extract", "--lake", out, "--run-id", "peers", "--json"])
    # Tombstones are what Affluent asks for beyond the list; they are left out of the comparison, not of the time.
    sums = "select count(*) as row_count, sum(cast(id as bigint)) as ids from bronze.hubspot_contacts where not coalesce(_deleted, false)"
    found = subprocess.run([affluent, "sql", sums, "--lake", out, "--format", "csv"], capture_output=True, text=True, check=True)
    rows, ids = found.stdout.splitlines()[1].split(",")
    measured.said = {"rows": int(rows), "ids": int(ids)}
    return measured


class Sandbox:
    """The sandbox, until the end of `with`; `url` is HubSpot's part of it."""

    def __init__(self, affluent: str, customers: int, folder: str) -> None:
        command = [affluent, "sandbox", "--customers", str(customers), "--shop", f"{folder}/shop"]
        usage = subprocess.run([affluent, "sandbox", "--help"], capture_output=True, text=True, check=True).stdout
        self.prerendered = "--prerender" in usage
        if self.prerendered:
            command.append("--prerender")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = ""
        for line in self.process.stdout:
            if exported := re.match(r"export (SANDBOX_HUBSPOT_\w+)=(\S+)", line):
                if exported[1].endswith("URL"):
                    self.url = exported[2]
                else:
                    os.environ["PEERS_TOKEN"] = exported[2]
            if self.url and "PEERS_TOKEN" in os.environ:
                break
        if not self.url:
            sys.exit("the sandbox did not say where it is")

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait()


def measured(affluent: str, customers: int, runs: int, peers: list[str]) -> tuple[int, dict]:
    with tempfile.TemporaryDirectory() as folder, Sandbox(affluent, customers, folder) as sandbox:
        found: dict = {}
        for name in ["affluent", "affluent, columns only", *peers]:
            # The first pass of each fills the server's pages and does not count.
            for run in range(runs + 1):
                out = f"{folder}/{name.replace(', ', '-').replace(' ', '-')}-{run}"
                if name.startswith("affluent"):
                    one = by_affluent(affluent, sandbox.url, out, raw=name == "affluent")
                else:
                    one = child([sys.executable, __file__, "--worker", sandbox.url, out])
                shutil.rmtree(out, ignore_errors=True)
                if run > 0 and (name not in found or one.seconds < found[name].seconds):
                    found[name] = one
        said = {name: one.said for name, one in found.items()}
        facts = {(facts["rows"], facts["ids"]) for facts in said.values()}
        if len(facts) != 1:
            sys.exit(f"not the same records: {said}")
        if not sandbox.prerendered:
            print("the server renders each page anew: compare processor time")
        return facts.pop()[0], found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--affluent", required=True, help="the program; a release build where figures matter")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=2, help="the best of so many counts, after one that does not")
    options = parser.parse_args()
    affluent = os.path.abspath(options.affluent)
    rows, found = measured(affluent, options.customers, options.runs, ["dlt"])
    table(f"HTTP, {rows:,} contacts", rows, "affluent", found)
    fewer, small = measured(affluent, options.customers // 4, 1, [])
    few, many = small["affluent"].peak_mib, found["affluent"].peak_mib
    print(f"\npeak memory of affluent: {few:.0f} MiB for {fewer:,} contacts, {many:.0f} MiB for {rows:,}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        by_dlt(*sys.argv[2:4])
    else:
        main()
