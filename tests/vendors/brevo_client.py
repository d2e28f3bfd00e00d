"""Brevo by its own client, generated from its OpenAPI: told to make the same call, it must send the same request.

python brevo_client.py REQUESTS
"""

import inspect
import re
from typing import get_type_hints
from urllib.parse import parse_qsl

import httpx
from brevo import Brevo
from pydantic import TypeAdapter
from verdicts import Wrong, parameters, same, verdicts

CALLS = {
    "/v3/contacts": lambda client: client.contacts.get_contacts,
    "/v3/emailCampaigns": lambda client: client.email_campaigns.get_email_campaigns,
    "/v3/smtp/statistics/events": lambda client: client.transactional_emails.get_email_event_report,
}


class Caught(Exception):
    """What the client would send, in the place of sending it."""


def catch(request):
    raise Caught(request)


CLIENT = Brevo(api_key="key", max_retries=0, httpx_client=httpx.Client(transport=httpx.MockTransport(catch)))


def snake(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def judge(request):
    if request["method"] != "GET" or request["path"] not in CALLS:
        raise Wrong("the client has no such call")
    call = CALLS[request["path"]](CLIENT)
    hints = get_type_hints(inspect.unwrap(call))
    given = parameters(request)
    if unknown := [name for name, _ in given if snake(name) not in hints]:
        raise Wrong(f"the call has no {unknown[0]}")
    try:
        call(**{snake(name): TypeAdapter(hints[snake(name)]).validate_python(value) for name, value in given})
    except Caught as caught:
        sent = caught.args[0]
        theirs = parse_qsl(sent.url.query.decode(), keep_blank_values=True)
        same(
            (request["method"], request["path"], sorted(given)),
            (sent.method, sent.url.path, sorted(theirs)),
        )


verdicts(judge)
