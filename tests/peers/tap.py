"""Reads the contacts of a HubSpot-style server with Singer's tap-hubspot, its messages into a file, and says what it took.

    python tap.py URL FILE        # PEERS_TOKEN holds the token; run by api.py, in an environment that has tap-hubspot
"""

import json
import os
import sys

import singer.metadata as metadata
import tap_hubspot

from measure import Stopwatch


def main(url: str, out: str) -> None:
    tap_hubspot.BASE_URL = url
    tap_hubspot.CONFIG.update(api_key=os.environ["PEERS_TOKEN"], start_date="2000-01-01T00:00:00Z", select_fields_by_default=True)
    stream = next(stream for stream in tap_hubspot.STREAMS if stream.tap_stream_id == "contacts")
    schema, described = tap_hubspot.load_discovered_schema(stream)
    fields = metadata.to_map(described)
    for breadcrumb in fields:
        fields = metadata.write(fields, breadcrumb, "selected", True)
    catalog = {"stream": "contacts", "tap_stream_id": "contacts", "schema": schema, "metadata": metadata.to_list(fields)}

    terminal = os.dup(1)
    with open(out, "wb") as messages:
        os.dup2(messages.fileno(), 1)
        watch = Stopwatch()
        tap_hubspot.sync_contacts({"currently_syncing": "contacts"}, tap_hubspot.Context({"streams": [catalog]}))
        sys.stdout.flush()
        watch.stop()
    os.dup2(terminal, 1)

    rows, ids = 0, 0
    with open(out) as messages:
        for line in messages:
            message = json.loads(line)
            if message["type"] == "RECORD":
                rows, ids = rows + 1, ids + int(message["record"]["id"])
    watch.report(rows=rows, ids=ids)


if __name__ == "__main__":
    main(*sys.argv[1:])
