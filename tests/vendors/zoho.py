"""Zoho CRM by its own client, which knows parameters, headers and their types: told to make the same call, it must send the same
request.

python zoho.py REQUESTS
"""

import logging
import re
from datetime import datetime

from verdicts import Wrong, parameters, same, verdicts
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.record import (
    Field,
    GetDeletedRecordsHeader,
    GetDeletedRecordsParam,
    GetRecordsHeader,
    GetRecordsParam,
    RecordOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.util import CommonAPIHandler, Utility

logging.disable(logging.CRITICAL)
# Fields that an organisation has made itself.
CUSTOM = {"SIREN", "SIRET", "NAF"}
# Headers that are not the call's own.
ALL_CALLS = {"accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}


class Caught(Exception):
    """What the client would send, in the place of sending it."""


def catch(handler, *_):
    inner = vars(handler)
    raise Caught(*(inner[f"_CommonAPIHandler__{name}"] for name in ("http_method", "api_path", "param", "header")))


CommonAPIHandler.api_call = catch
# Asks for the module's fields, to read answers with.
Utility.get_fields = lambda *_: None


def known(names, name):
    """The client's own object for a parameter or header, found by the name it has in requests."""
    for one in vars(names).values():
        if getattr(one, "name", "").lower() == name.lower():
            return one
    raise Wrong(f"{names.__name__} has no {name}")


def fields(module, names):
    """The fields must be those that the client knows of the module."""
    of = getattr(Field, module)
    there = {one.__func__(of).get_api_name() for one in vars(of).values() if isinstance(one, classmethod)}
    if unknown := set(names) - there - CUSTOM:
        raise Wrong(f"{module} has no {', '.join(sorted(unknown))}")


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def judge(request):
    path = re.fullmatch(r"/crm/v8/(\w+)(/deleted)?", request["path"])
    if not path:
        raise Wrong("no list of records")
    of = (GetDeletedRecordsParam, GetDeletedRecordsHeader) if path[2] else (GetRecordsParam, GetRecordsHeader)
    asked, headers = ParameterMap(), HeaderMap()
    given = dict(parameters(request))
    if "fields" in given:
        fields(path[1], given["fields"].split(","))
    for name, value in given.items():
        asked.add(known(of[0], name), int(value) if name in ("page", "per_page") else value)
    own = {name: value for name, value in request["headers"].items() if name not in ALL_CALLS}
    for name, value in own.items():
        headers.add(known(of[1], name), instant(value))
    operations = RecordOperations(path[1])
    try:
        if path[2]:
            operations.get_deleted_records(asked, headers)
        else:
            operations.get_records(asked, headers)
    except Caught as caught:
        method, url, sent, sent_headers = caught.args
        theirs = {name.lower(): instant(value) for name, value in sent_headers.request_headers.items()}
        same(
            (request["method"], request["path"], given, {name: instant(value) for name, value in own.items()}),
            (method, url, sent.request_parameters, theirs),
        )


verdicts(judge)
