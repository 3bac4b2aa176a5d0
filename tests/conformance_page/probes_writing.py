"""What requirements on changes are asked."""

from typing import Any

from tests.api.service import BETA_EVENTS, EVENTS
from tests.conformance_page.asking import EVENT, Asking
from tests.conformance_page.probes_reading import CAST

FULL = "application/json;odata.metadata=full"
NEW = {"OData-Version": "4.01"}


def create(ask: Asking) -> None:
    """POST to a collection that a navigation property holds."""
    body = ask.wants(ask("POST", EVENTS, {"osVersion": "10"}), 201).json()
    ask.holds(body["osVersion"] == "10", "something else")


def location(ask: Asking) -> None:
    """Where the new entity is."""
    reply = ask.wants(ask("POST", EVENTS, {"osVersion": "10"}), 201)
    ask.holds(ask.get(reply.headers["location"]).json()["id"] == reply.json()["id"], "another entity")


def entity_id(ask: Asking) -> None:
    """Where it is, when the answer is empty."""
    reply = ask.wants(ask("POST", EVENTS, {"osVersion": "10"}, Prefer="return=minimal"), 204)
    ask.get(reply.headers["odata-entityid"])


def change(ask: Asking) -> None:
    """PATCH changes what it names."""
    path = ask.new()
    ask.wants(ask("PATCH", path, {"failureReason": "after"}), 200, 204)
    body = ask.get(path).json()
    ask.holds((body["failureReason"], body["osVersion"]) == ("after", "1"), "something else")


def delete(ask: Asking) -> None:
    """DELETE, and it is gone."""
    path = ask.new()
    ask.wants(ask("DELETE", path), 204)
    ask.wants(ask("GET", path), 404)


def edit_link(ask: Asking) -> None:
    """The link that full metadata shows can be written to."""
    body = ask.get(ask.new(), Accept=FULL).json()
    ask.wants(ask("PATCH", body["@odata.editLink"], {"osVersion": "2"}), 200)


def preconditions(ask: Asking) -> None:
    """If-Match on PATCH and DELETE, If-None-Match on GET."""
    path = ask.new()
    old = ask.get(path).headers["etag"]
    ask.wants(ask("PATCH", path, {"osVersion": "2"}, If_Match=old), 200)
    ask.wants(ask("PATCH", path, {"osVersion": "3"}, If_Match=old), 412)
    ask.wants(ask("DELETE", path, If_Match=old), 412)
    ask.wants(ask("GET", path, If_None_Match=ask.get(path).headers["etag"]), 304)
    ask.wants(ask("DELETE", path, If_Match="*"), 204)


def update_semantics(ask: Asking) -> None:
    """Only what is named changes, null clears, keys and unknown annotations are ignored, collections are replaced."""
    path = ask.new().replace(EVENTS, BETA_EVENTS)
    first = {"additionalInformation": [{"name": "x", "value": "y"}], "troubleshootingErrorDetails": {"failure": "f"}}
    ask.wants(ask("PATCH", path, first), 200)
    second: dict[str, Any] = {"id": "other", "failureReason": None, "additionalInformation": [], "@vendor.note": 1}
    body = ask.wants(ask("PATCH", path, second | {"troubleshootingErrorDetails": {"context": "c"}}), 200).json()
    ask.holds(body["failureReason"] is None and body["additionalInformation"] == [], "something else")
    details = body["troubleshootingErrorDetails"]
    ask.holds((details["failure"], details["context"]) == ("f", "c"), "another complex value")
    ask.holds(body["id"] == path.rpartition("/")[2] and body["osVersion"] == "1", "another key or version")


def upsert(ask: Asking) -> None:
    """PATCH creates what is not there."""
    ask.wants(ask("PATCH", f"{EVENTS}/no-such-key", {"osVersion": "1"}), 200, 201, 204)


def update_property(ask: Asking) -> None:
    """PUT the bare value."""
    ask.wants(ask("PUT", f"{ask.new()}/failureReason", {"value": "after"}), 200, 204)


def delete_property(ask: Asking) -> None:
    """DELETE sets it to null."""
    ask.wants(ask("DELETE", f"{ask.new()}/failureReason"), 204)


def replace(ask: Asking) -> None:
    """PUT replaces the whole entity, complex values too."""
    body = {"@odata.type": EVENT, "eventDateTime": "2024-01-01T00:00:00Z", "osVersion": "2"}
    ask.wants(ask("PUT", ask.new().replace(EVENTS, BETA_EVENTS), body), 200, 204)


def change_each(ask: Asking) -> None:
    """PATCH all that match."""
    path = f"{EVENTS}/$filter(correlationId%20eq%20'new')/$each"
    ask.wants(ask("PATCH", path, {"osVersion": "2"}), 200, 204)


def change_collection(ask: Asking) -> None:
    """PATCH and DELETE of a collection."""
    path = f"{EVENTS}/$filter(correlationId%20eq%20'new')/$each"
    ask.wants(ask("DELETE", path), 204)
    change_each(ask)


def change_through_cast(ask: Asking) -> None:
    """The same behind a type segment."""
    path = f"{EVENTS}/{CAST}/$filter(correlationId%20eq%20'new')/$each"
    ask.wants(ask("PATCH", path, {"osVersion": "2"}), 200, 204)


def delta_payload(ask: Asking) -> None:
    """PATCH a collection with the changes of several entities."""
    ask.wants(ask("PATCH", EVENTS, {"@context": "#$delta", "value": []}, **NEW), 200, 204)


def append(ask: Asking) -> None:
    """POST an item to a collection-valued property."""
    path = f"{ask.new().replace(EVENTS, BETA_EVENTS)}/additionalInformation"
    ask.wants(ask("POST", path, {"name": "n", "value": "v"}), 200, 201, 204)


def select_on_writes(ask: Asking) -> None:
    """`$select` shapes the answer to a change."""
    body = ask.wants(ask("POST", f"{EVENTS}?$select=osVersion", {"osVersion": "1"}), 201).json()
    ask.holds({name for name in body if "@" not in name} == {"osVersion"}, "other properties")
    path = f"{ask.new()}?$select=failureReason"
    body = ask.wants(ask("PATCH", path, {"failureReason": "x"}), 200).json()
    ask.holds({name for name in body if "@" not in name} == {"failureReason"}, "other properties")


def tag_in_body(ask: Asking) -> None:
    """`@etag` in a 4.01 body is a precondition."""
    path = ask.new()
    ask.wants(ask("PATCH", path, {"@etag": 'W/"99"', "osVersion": "2"}, **NEW), 412)


def unknown_annotations(ask: Asking) -> None:
    """Annotations that nobody knows are no reason to refuse."""
    body = {"osVersion": "1", "@vendor.note": {"a": [1]}, "osVersion@vendor.unit": "x", "@odata.unheard": True}
    ask.wants(ask("POST", EVENTS, body), 201)
    ask.wants(ask("PATCH", ask.new(), body), 200)


def every_type(ask: Asking) -> None:
    """Values of every type of the model: strings, enumerations, times, complex values, collections of them."""
    sent = ask.get(ask.event("a", root=BETA_EVENTS)).json()
    made = ask.wants(ask("POST", BETA_EVENTS, {name: sent[name] for name in sent if name != "id"}), 201).json()
    ask.holds({name: made[name] for name in made if name != "id" and "@" not in name}.items() <= sent.items(), "others")


def echo_of_full(ask: Asking) -> None:
    """A body with everything that full metadata has."""
    path = ask.new()
    ask.wants(ask("PATCH", path, ask.get(path, Accept=FULL).json()), 200)


def bodies_of_40(ask: Asking) -> None:
    """`@odata.` names, `#` before types, annotations before and behind what they annotate."""
    early = {
        "@odata.type": EVENT,
        "eventDateTime@odata.type": "#DateTimeOffset",
        "eventDateTime": "2024-01-01T00:00:00Z",
    }
    late = {"osVersion": "1", "osVersion@odata.type": "#String", "@odata.type": EVENT}
    for body in (early, late):
        made = ask.wants(ask("POST", EVENTS, body, **{"OData-Version": "4.0"}), 201).json()
        ask.holds(made["@odata.type"] == EVENT, "another type")


def bodies_of_401(ask: Asking) -> None:
    """Names without prefix, types without `#`."""
    for name in (EVENT, EVENT.removeprefix("#")):
        body = {
            "@type": name,
            "@context": "x",
            "eventDateTime@type": "DateTimeOffset",
            "eventDateTime": "2024-01-01T00:00:00Z",
        }
        made = ask.wants(ask("POST", EVENTS, body, **NEW), 201).json()
        ask.holds(made["@odata.type"] == EVENT, "another type")


def bodies_by_version(ask: Asking) -> None:
    """Each in the version that it says it is in."""
    bodies_of_40(ask)
    bodies_of_401(ask)
