"""What requirements on documents, headers, batches and payloads are asked."""

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from typing import Any

from tests.api.service import BETA_EVENTS, EVENTS
from tests.conformance_page.asking import EVENT, Asking, Probe
from tests.conformance_page.probes_reading import pages

MINIMAL = "application/json;odata.metadata=minimal"
FULL = "application/json;odata.metadata=full"
NEW = {"OData-MaxVersion": "4.01"}
OLD = {"OData-MaxVersion": "4.0"}

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"


def service_document(ask: Asking) -> None:
    """What can be addressed."""
    items = ask.get("/v1.0").json()["value"]
    ask.holds({(item["name"], item["kind"]) for item in items} >= {("users", "EntitySet"), ("me", "Singleton")}, "less")
    ask.holds(all(item["url"] for item in items), "without addresses")


def payloads(ask: Asking) -> None:
    """Entity, collection, error."""
    ask.holds(next(iter(ask.get(ask.event("a")).json())) == "@odata.context", "without context first")
    ask.holds(isinstance(ask.get(EVENTS).json()["value"], list), "no collection")
    error = ask.wants(ask("GET", f"{EVENTS}/nowhere"), 404).json()["error"]
    ask.holds({"code", "message"} <= error.keys(), "another error")


def version_header(ask: Asking) -> None:
    """On success and on errors, whatever is asked for."""
    for headers, version in (({}, "4.0"), (OLD, "4.0"), (NEW, "4.01")):
        for path in (EVENTS, f"{EVENTS}/$count", f"{EVENTS}/nowhere"):
            ask.holds(ask("GET", path, **headers).headers["odata-version"] == version, "another version")


def negotiation(ask: Asking) -> None:
    """Formats and versions that there are not are refused."""
    ask.wants(ask("GET", EVENTS, Accept="application/xml"), 406)
    ask.wants(ask("GET", EVENTS, Accept="application/json;q=0"), 406)
    ask.wants(ask("GET", EVENTS, **{"OData-MaxVersion": "3.0"}), 400)
    ask.get(EVENTS, Accept="application/json;odata.metadata=none;q=0.5, text/plain;q=0.9", **OLD)


def extensibility(ask: Asking) -> None:
    """What the protocol reserves is refused when it is unknown, what it leaves to others is not."""
    ask.wants(ask("GET", f"{EVENTS}?$unheard=1"), 400)
    ask.get(f"{EVENTS}?unheard=1")
    ask.get(EVENTS, Prefer="unheard=1", X_Unheard="1")
    ask.wants(ask("POST", EVENTS, {"@vendor.unheard": 1}), 201)


def metadata_xml(ask: Asking) -> ET.Element:
    """The document, read."""
    reply = ask.get("/v1.0/$metadata", Accept="application/xml")
    ask.holds(reply.headers["content-type"].startswith("application/xml"), "another format")
    root = ET.fromstring(reply.text)  # noqa: S314 - of our own service
    ask.holds(root.tag == f"{_EDMX}Edmx", "another document")
    return root


def metadata_in_xml(ask: Asking) -> None:
    """CSDL XML."""
    metadata_xml(ask)


def metadata_json(ask: Asking) -> dict[str, Any]:
    """The document in JSON, read."""
    document: dict[str, Any] = ask.get("/v1.0/$metadata", Accept="application/json").json()
    ask.holds("$EntityContainer" in document, "another document")
    return document


def metadata_in_json(ask: Asking) -> None:
    """CSDL JSON, by `Accept` and by `$format`."""
    ask.holds(metadata_json(ask) == ask.get("/v1.0/$metadata?$format=json").json(), "another document")


def metadata_in_both(ask: Asking) -> None:
    """CSDL XML and CSDL JSON."""
    metadata_in_xml(ask)
    metadata_in_json(ask)


def known_types(ask: Asking) -> None:
    """Every type is one of CSDL or declared."""
    root = metadata_xml(ask)
    names = {
        item.get("Name") for kind in ("EntityType", "ComplexType", "EnumType") for item in root.iter(f"{_EDM}{kind}")
    }
    for item in root.iter(f"{_EDM}Property"):
        kind = re.sub(r"^Collection\((.*)\)$", r"\1", item.get("Type", ""))
        ask.holds(kind.startswith("Edm.") or kind.rpartition(".")[2] in names, f"the type {kind}")


def distinct_names(ask: Asking) -> None:
    """No two names of one place differ only by case."""
    for owner in metadata_xml(ask).iter():
        names = Counter(child.get("Name", str(place)).lower() for place, child in enumerate(owner) if child.get("Name"))
        ask.holds(max(names.values(), default=1) == 1, "names that differ by case")


def announces(term: str) -> Probe:
    """A probe for an annotation of the container."""

    def probe(ask: Asking) -> None:
        document = metadata_json(ask)
        container = document["$EntityContainer"].rpartition(".")
        ask.holds(f"@{term}" in document[container[0]][container[2]], f"no {term}")

    return probe


def capabilities(ask: Asking) -> None:
    """Of the service and of the collection."""
    announces("Org.OData.Capabilities.V1.BatchSupport")(ask)
    announces("Org.OData.Capabilities.V1.FilterFunctions")(ask)
    document = metadata_json(ask)
    events = document["microsoft.graph"]["deviceManagement"]["troubleshootingEvents"]
    ask.holds("@Org.OData.Capabilities.V1.FilterRestrictions" in events, "nothing of filters")


def prefixed_names(ask: Asking) -> None:
    """Preferences and format parameters with `odata.`."""
    reply = ask.get(EVENTS, Prefer="odata.maxpagesize=2")
    ask.holds(reply.headers.get("preference-applied") == "odata.maxpagesize=2", "without Preference-Applied")
    ask.holds("@odata.id" in ask.get(ask.event("a"), Accept=FULL).json(), "without full metadata")


def both_names(ask: Asking) -> None:
    """With and without `odata.`."""
    prefixed_names(ask)
    ask.holds(len(ask.events(Prefer="maxpagesize=2")) == 2, "a longer page")
    ask.holds("@odata.id" in ask.get(ask.event("a"), Accept="application/json;metadata=full").json(), "without links")


def basic_authentication(ask: Asking) -> None:
    """A name and a password."""
    ask.wants(ask("GET", EVENTS, Authorization="Basic dXNlcjpzZWNyZXQ="), 200)


def asynchronous(ask: Asking) -> None:
    """An answer that comes later."""
    ask.wants(ask("GET", EVENTS, Prefer="respond-async,wait=0"), 202)


def change_tracking(ask: Asking) -> None:
    """A link to what changes from now on."""
    reply = ask.get(EVENTS, Prefer="odata.track-changes")
    ask.holds("@odata.deltaLink" in reply.json(), "without a delta link")


def batch_in_json(ask: Asking) -> None:
    """Several requests, one of them after another."""
    path = ask.event("a").removeprefix("/v1.0")
    parts = [{"id": "1", "method": "GET", "url": path}, {"id": "2", "method": "GET", "url": path, "dependsOn": ["1"]}]
    answers = ask.wants(ask("POST", "/v1.0/$batch", {"requests": parts}), 200).json()["responses"]
    ask.holds([answer["status"] for answer in answers] == [200, 200], "otherwise")


def batch_in_multipart(ask: Asking) -> None:
    """The older form."""
    body = f"--b\r\nContent-Type: application/http\r\n\r\nGET {ask.event('a')} HTTP/1.1\r\n\r\n\r\n--b--\r\n".encode()
    ask.wants(ask("POST", "/v1.0/$batch", body, Content_Type="multipart/mixed; boundary=b"), 200)


def batch_in_both(ask: Asking) -> None:
    """Either form."""
    batch_in_json(ask)
    batch_in_multipart(ask)


def answers_of_401(ask: Asking) -> None:
    """The newer names, throughout."""
    for accept in (MINIMAL, FULL):
        for path in (ask.event("a", root=BETA_EVENTS), f"{BETA_EVENTS}?$count=true&$top=1"):
            reply = ask.get(path, Accept=accept, **NEW)
            ask.holds("odata." not in reply.text and "@context" in reply.json(), "older names")


def default_version(ask: Asking) -> None:
    """4.01 without being asked."""
    ask.holds(ask.get(EVENTS).headers["odata-version"] == "4.01", "`OData-Version: 4.0`")


def answers_of_40(ask: Asking) -> None:
    """`@odata.` names, `#` before types, numbers without exponents."""
    body = ask.get(ask.event("a", root=BETA_EVENTS), Accept=FULL, **OLD).json()
    ask.holds(all(name.startswith("@odata.") for name in body if name.startswith("@")), "other names")
    types = [value for name, value in body.items() if name.endswith("@odata.type")]
    ask.holds(types and all(value.startswith("#") for value in types), "types without #")


def old_version_on_request(ask: Asking) -> None:
    """4.0 where 4.01 is too new."""
    answers_of_40(ask)
    ask.holds(ask.get(EVENTS, **OLD).headers["odata-version"] == "4.0", "another version")


def new_version_on_request(ask: Asking) -> None:
    """4.01 where it is allowed."""
    answers_of_401(ask)
    ask.holds(ask.get(EVENTS, **NEW).headers["odata-version"] == "4.01", "another version")


def streaming_is_optional(ask: Asking) -> None:
    """With, without, and refused."""
    for parameter in ("", ";odata.streaming=true", ";odata.streaming=false"):
        ask.get(EVENTS, Accept=f"application/json{parameter}")


def streaming(ask: Asking) -> None:
    """The answer says that it is ordered for it."""
    reply = ask.get(EVENTS, Accept="application/json;odata.streaming=true")
    ask.holds("odata.streaming=true" in reply.headers["content-type"], "without it")
    ask.holds(next(iter(ask.get(ask.event("a")).json())) == "@odata.context", "in another order")


def json_accepted(ask: Asking) -> None:
    """By itself and with parameters."""
    for accept in ("application/json", "application/json;q=0.5", MINIMAL, FULL):
        ask.holds(ask.get(EVENTS, Accept=accept).headers["content-type"].startswith("application/json"), "otherwise")


def well_formed(ask: Asking) -> None:
    """UTF-8 without a mark, no name twice, no NaN."""
    made = ask.wants(ask("POST", EVENTS, {"failureReason": 'quote " back \\ line \n 🐍 \u0001 \u2028'}), 201)
    for content in (made.content, ask.get(EVENTS).content):

        def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            ask.holds(len({name for name, _ in pairs}) == len(pairs), "a name twice")
            return dict(pairs)

        def constant(name: str) -> Any:
            ask.fails(name)

        json.loads(content.decode("utf-8"), object_pairs_hook=once, parse_constant=constant)
    ask.holds(made.json()["failureReason"].endswith("🐍 \u0001 \u2028"), "another text")


def full_metadata(ask: Asking) -> None:
    """Types, links, tags."""
    body = ask.get(ask.event("a"), Accept=FULL).json()
    wanted = {
        "@odata.context",
        "@odata.type",
        "@odata.id",
        "@odata.editLink",
        "@odata.etag",
        "eventDateTime@odata.type",
    }
    ask.holds(wanted <= body.keys(), f"without {', '.join(sorted(wanted - body.keys()))}")


def format_option(ask: Asking) -> None:
    """It beats `Accept`."""
    ask.get(f"{EVENTS}?$format=json", Accept="application/xml")
    reply = ask.get(f"{EVENTS}?$format=application/json;odata.metadata=full", Accept=MINIMAL)
    ask.holds("metadata=full" in reply.headers["content-type"], "another level")
    ask.wants(ask("GET", f"{EVENTS}?$format=xml"), 400, 406)


def always_full(ask: Asking) -> None:
    """More than was asked for."""
    ask.holds("@odata.id" in ask.get(ask.event("a"), Accept=MINIMAL).json(), "minimal metadata")


def nulls(ask: Asking) -> None:
    """There, unless they may be left out."""
    ask.holds("failureReason" in ask.get(ask.event("d")).json(), "without nulls")
    reply = ask.get(ask.event("d"), Prefer="omit-values=nulls")
    told = reply.headers.get("preference-applied") == "omit-values=nulls"
    ask.holds(told == ("failureReason" not in reply.json()), "nulls left out without saying so")


def json_rules(ask: Asking) -> None:
    """Enumerations by name, times with zone, collections as arrays, types where they differ, links absolute."""
    body = ask.get(ask.event("a", root=BETA_EVENTS)).json()
    ask.holds(body["@odata.type"] == EVENT and body["failureCategory"] == "authentication", "other names")
    ask.holds(body["eventDateTime"] == "2024-01-01T10:00:00.5Z", "another time")
    ask.holds(ask.get(ask.event("d", root=BETA_EVENTS)).json()["additionalInformation"] == [], "no array")
    ask.holds("@odata.type" not in ask.get(ask.event("e")).json(), "a type that is the declared one")
    pages(ask)
