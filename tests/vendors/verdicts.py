"""What the judges in Python share: requests come in a file, and for each a verdict goes out, None or what is wrong with it."""

import json
import sys
from urllib.parse import parse_qsl


class Wrong(Exception):
    """What is wrong with a request."""


def verdicts(judge):
    """Calls `judge` with each request of the file; what it raises is the verdict."""
    found = []
    with open(sys.argv[1], encoding="utf-8") as file:
        requests = json.load(file)
    for request in requests:
        try:
            judge(request)
            found.append(None)
        except Exception as error:  # the clients raise whatever their generator gave them
            found.append(f"{type(error).__name__}: {error}"[:500])
    print(json.dumps(found))


def parameters(request):
    """The parameters of a query as they were sent, in their order."""
    return parse_qsl(request["query"], keep_blank_values=True, strict_parsing=bool(request["query"]))


def same(ours, theirs):
    """Both must be the same request."""
    if ours != theirs:
        raise Wrong(f"the client sends {theirs}, and we send {ours}")
