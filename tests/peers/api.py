"""Extracts the sandbox's HubSpot contacts, with all their sixty properties, with Affluent, dlt's rest_api and Singer's
tap-hubspot, from the same server, and compares.

    python api.py --affluent target/release/affluent --tap-python tap/bin/python [--customers N] [--budget]

The sandbox runs without limits in a process of its own and shares the machine's cores with the client: where it is what limits,
compare the client's processor time for each record. Affluent is run twice: as it is, with each record whole in `_raw` beside its
columns, and with the columns only, as dlt has them. Both and dlt write Delta tables; the tap writes its messages to a file, without a
target. All must hold the same ids. Peak memory is shown for the number of customers asked for and for a quarter of it: a client that
streams stays flat. `--budget` reads some 100,000 contacts under a limit of 190 requests in 10 s instead, and says how much of it was used.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

from measure import Stopwatch, child, table

PIPELINE = """
pipeline: peers
lake: ./lake
sources:
  hubspot:
    connector: hubspot
    with: {{ base_url: "{url}", token: {{ env: PEERS_TOKEN }}, requests_per_10s: {requests}, searches_per_second: 0 }}
    streams: {{ contacts: {{ raw: {raw}, columns: {{ {columns} }} }} }}
"""
# Contacts for each customer, a little less, so that `--budget` reads no fewer than it says.
CONTACTS_A_CUSTOMER = 0.84


def asked(url: str) -> dict:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['PEERS_TOKEN']}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def properties(url: str) -> list[str]:
    return [one["name"] for one in asked(f"{url}/crm/v3/properties/contacts")["results"]]


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
                "params": {"limit": 100, "properties": ",".join(properties(url))},
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


def by_affluent(affluent: str, url: str, out: str, raw: bool, requests: int = 0):
    pipeline = f"{out}.yaml"
    stamps = {"createdate", "lastmodifieddate"}
    columns = ", ".join(f"properties.{name}: string" for name in properties(url) if name not in stamps)
    with open(pipeline, "w") as file:
        file.write(PIPELINE.format(url=url, raw=str(raw).lower(), requests=requests, columns=columns))
    measured = child([affluent, "run", pipeline, "--stage", "extract", "--lake", out, "--run-id", "peers", "--json"])
    measured.report = measured.said
    # Tombstones are what Affluent asks for beyond the list; they are left out of the comparison, not of the time.
    sums = "select count(*) as row_count, sum(cast(id as bigint)) as ids from bronze.hubspot_contacts where not coalesce(_deleted, false)"
    found = subprocess.run([affluent, "sql", sums, "--lake", out, "--format", "csv"], capture_output=True, text=True, check=True)
    rows, ids = found.stdout.splitlines()[1].split(",")
    measured.said = {"rows": int(rows), "ids": int(ids)}
    return measured


class Sandbox:
    """The sandbox, until the end of `with`; `url` is HubSpot's part of it."""

    def __init__(self, affluent: str, customers: int, folder: str, *more: str) -> None:
        command = [affluent, "sandbox", "--customers", str(customers), "--shop", f"{folder}/shop", "--prerender", *more]
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


def measured(affluent: str, customers: int, runs: int, peers: dict[str, list[str]]) -> tuple[int, dict]:
    with tempfile.TemporaryDirectory() as folder, Sandbox(affluent, customers, folder) as sandbox:
        found: dict = {}
        for name in ["affluent", "affluent, columns only", *peers]:
            # The first pass of ours fills the server's pages and does not count. The tap asks for others, so its first fills its own.
            warm = 1 if name in ("affluent", "tap-hubspot") else 0
            for run in range(runs + warm):
                out = f"{folder}/{name.replace(', ', '-').replace(' ', '-')}-{run}"
                if name.startswith("affluent"):
                    one = by_affluent(affluent, sandbox.url, out, raw=name == "affluent")
                else:
                    one = child([*peers[name], sandbox.url, out])
                    print(f"{name}: {one.seconds:.1f} s", file=sys.stderr)
                shutil.rmtree(out, ignore_errors=True)
                if os.path.isfile(out):
                    os.remove(out)
                if run >= warm and (name not in found or one.seconds < found[name].seconds):
                    found[name] = one
        said = {name: one.said for name, one in found.items()}
        facts = {(facts["rows"], facts["ids"]) for facts in said.values()}
        if len(facts) != 1:
            sys.exit(f"not the same records: {said}")
        return facts.pop()[0], found


def budget(affluent: str, contacts: int) -> None:
    """How much of 190 requests in 10 s is used, and how many are refused."""
    customers = round(contacts / CONTACTS_A_CUSTOMER)
    limits = ["--limits", '{"hubspot_per_10s": 190}']
    with tempfile.TemporaryDirectory() as folder, Sandbox(affluent, customers, folder, *limits) as sandbox:
        names = properties(sandbox.url)
        one = by_affluent(affluent, sandbox.url, f"{folder}/lake", raw=True, requests=190)
        stats = asked(sandbox.url.removesuffix("/hubspot") + "/_stats")
    requests = sum(count for path, count in stats["requests"].items() if "/objects/contacts" in path)
    stream = one.report["streams"][0]
    allowed = 19.0 * one.report["seconds"]
    print(f"\n{one.said['rows']:,} contacts of {len(names)} properties: {requests:,} requests in {one.report['seconds']:.1f} s, "
          f"{requests / allowed:.1%} of 190 in 10 s, {stats['limited']} refused, {stream['requests']:,} told by the run")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--affluent", required=True, help="the program; a release build where figures matter")
    parser.add_argument("--tap-python", help="a Python that has tap-hubspot, whose packages do not go with dlt's")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=2, help="the best of so many counts, after one that does not")
    parser.add_argument("--budget", action="store_true", help="measure how much of a limit is used instead")
    options = parser.parse_args()
    affluent = os.path.abspath(options.affluent)
    if options.budget:
        return budget(affluent, 100_000)
    peers = {"dlt": [sys.executable, __file__, "--worker"]}
    if options.tap_python:
        peers["tap-hubspot"] = [options.tap_python, os.path.join(os.path.dirname(__file__), "tap.py")]
    rows, found = measured(affluent, options.customers, options.runs, peers)
    table(f"HTTP, {rows:,} contacts of 60 properties", rows, "affluent", found)
    fewer, small = measured(affluent, options.customers // 4, 1, {})
    few, many = small["affluent"].peak_mib, found["affluent"].peak_mib
    print(f"\npeak memory of affluent: {few:.0f} MiB for {fewer:,} contacts, {many:.0f} MiB for {rows:,}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        by_dlt(*sys.argv[2:4])
    else:
        main()
