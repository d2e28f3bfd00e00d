"""HubSpot by its own client, generated from its OpenAPI: told to make the same call, it must send the same request.

python hubspot_client.py REQUESTS
"""

import importlib
import json
import re
from urllib.parse import urlsplit

from verdicts import Wrong, parameters, same, verdicts

# The types that the client has below `crm`; the others are below `crm.objects`.
OF_THEIR_OWN = {"contacts", "companies", "deals", "tickets", "products", "line_items"}


class Caught(Exception):
    """What the client would send, in the place of sending it."""


def client(package, api):
    """One of the client's APIs, which checks what its models allow and sends nothing."""
    configuration = package.Configuration()
    configuration.client_side_validation = True
    made = getattr(package, api)(package.ApiClient(configuration))

    def catch(method, url, query_params=None, body=None, **_):
        raise Caught(method, url, query_params or [], body)

    made.api_client.request = catch
    return made


def snake(name):
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), name)


def model(package, of, value):
    """A model of the client made of JSON. It has members of its own only, and checks the values of some."""
    if of.startswith("list["):
        if not isinstance(value, list):
            raise Wrong(f"{value} is no list")
        return [model(package, of[5:-1], one) for one in value]
    if of in ("str", "int", "bool"):
        if type(value).__name__ != of:
            raise Wrong(f"{value!r} is no {of}")
        return value
    made = getattr(package, of)
    names = {name: member for member, name in made.attribute_map.items()}
    if unknown := set(value) - set(names):
        raise Wrong(f"{of} has no {', '.join(sorted(unknown))}")
    members = {names[name]: model(package, made.openapi_types[names[name]], one) for name, one in value.items()}
    configuration = package.Configuration()
    configuration.client_side_validation = True
    return made(**members, local_vars_configuration=configuration)


def search(package, body):
    """The model of a search. Sorts are objects of HubSpot's reference, and texts in its OpenAPI."""
    sorts = body.get("sorts", [])
    for sort in sorts:
        if set(sort) != {"propertyName", "direction"} or sort["direction"] not in ("ASCENDING", "DESCENDING"):
            raise Wrong(f"no sort: {sort}")
    made = model(package, "PublicObjectSearchRequest", {**body, "sorts": []})
    made.sorts = sorts
    return made


def typed(name, value):
    """A parameter as the client takes it: texts with commas are lists."""
    if name == "limit":
        return int(value)
    if name == "archived":
        return {"true": True, "false": False}[value]
    return value.split(",") if name in ("properties", "propertiesWithHistory", "associations") else value


def judge(request):
    path = re.fullmatch(r"/crm/v3/(?:owners|objects/(?P<type>\w+)(?P<search>/search)?)/?", request["path"])
    if not path:
        raise Wrong("the client has no such path")
    kind = path["type"]
    where = "owners" if not kind else kind if kind in OF_THEIR_OWN else f"objects.{kind}"
    package = importlib.import_module(f"hubspot.crm.{where}")
    given = {name: typed(name, value) for name, value in parameters(request)}
    body = json.loads(request["body"]) if request["body"] else None
    try:
        if path["search"]:
            client(package, "SearchApi").do_search(search(package, body))
        else:
            api = client(package, "BasicApi" if kind else "OwnersApi")
            api.get_page(**{snake(name): value for name, value in given.items()})
    except Caught as caught:
        method, url, query, sent = caught.args
        sent_query = {}
        for name, value in query:
            sent_query.setdefault(name, []).append(str(value).lower() if isinstance(value, bool) else str(value))
        ours = {name: value.split(",") if isinstance(typed(name, value), list) else [value] for name, value in parameters(request)}
        same(
            (request["method"], request["path"].rstrip("/"), ours, body),
            (method, urlsplit(url).path.rstrip("/"), sent_query, sent),
        )


verdicts(judge)
