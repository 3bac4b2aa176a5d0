"""All requirements asked and answered, as a page of the documentation."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from tests.api.service import BETA_EVENTS, Client, Service
from tests.conformance_page.asking import STORED, Asking, Unmet
from tests.conformance_page.requirement import Asked, DoesNotApply, Finding, Follows, Requirement, Verdict
from tests.conformance_page.rows_40 import ADVANCED_40, INTERMEDIATE_40, MINIMAL_40
from tests.conformance_page.rows_401 import ADVANCED_401, INTERMEDIATE_401, MINIMAL_401
from tests.conformance_page.rows_json import JSON_FORMAT

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

GROUPS: Mapping[str, tuple[Requirement, ...]] = {
    "OData 4.0 Minimal": MINIMAL_40,
    "OData 4.0 Intermediate": INTERMEDIATE_40,
    "OData 4.0 Advanced": ADVANCED_40,
    "OData 4.01 Minimal": MINIMAL_401,
    "OData 4.01 Intermediate": INTERMEDIATE_401,
    "OData 4.01 Advanced": ADVANCED_401,
    "OData JSON format": JSON_FORMAT,
}

_INTRODUCTION = """\
# Conformance to OData

Each requirement of the conformance sections of OData Protocol 4.0 and 4.01 and of OData JSON Format 4.01, and whether
the service meets it. This page is written by `make conformance`, which makes the requests; a test makes them again and
compares.

- **yes**: the requests named were made, and answered as they must be;
- **not yet**: with what is answered instead;
- **no, as Graph**: where Microsoft Graph and OData differ, its clients come first;
- **does not apply**: with the reason.

`…` stands for `/v1.0/deviceManagement/troubleshootingEvents`, `beta…` for the same below `/beta`. `u` marks what is
required of services that can be written to, `*` of those that offer asynchronous requests.
"""


def conformance_page(service: Service) -> str:
    """Ask everything of a service, in a tenant of its own, and write the page."""
    found = find_all(service)
    parts = [_INTRODUCTION, _summary(found)]
    for title, findings in found.items():
        parts.append(f"## {title}\n\n{_table(findings)}")
    return "\n".join(parts)


def find_all(service: Service) -> dict[str, list[Finding]]:
    """Title of a group → what was found of its requirements."""
    client = service.client()
    keys = {}
    for event in STORED:
        reply = client.post(BETA_EVENTS, event)
        assert reply.status_code == 201, reply.text
        keys[event["correlationId"]] = reply.json()["id"]
    asked: dict[str, Finding] = {}
    for requirement in all_requirements():
        if not isinstance(requirement.answer, Follows):
            asked[requirement.number] = _find(requirement, client, keys)
    # A group may follow from groups that follow from others: the lower one comes first in the table.
    for requirement in all_requirements():
        if isinstance(requirement.answer, Follows):
            asked[requirement.number] = _follow(requirement, requirement.answer, asked)
    return {title: [asked[item.number] for item in group] for title, group in GROUPS.items()}


def all_requirements() -> Iterable[Requirement]:
    """Every requirement, in the order of the page."""
    for group in GROUPS.values():
        yield from group


def _find(requirement: Requirement, client: Client, keys: Mapping[str, str]) -> Finding:
    match requirement.answer:
        case DoesNotApply(reason):
            return Finding(requirement, Verdict.DOES_NOT_APPLY, reason)
        case Asked(probe, as_graph):
            ask = Asking(client, keys)
            try:
                probe(ask)
            except Unmet as unmet:
                if as_graph is not None:
                    return Finding(requirement, Verdict.AS_GRAPH, f"{unmet}. {as_graph}")
                return Finding(requirement, Verdict.NOT_YET, str(unmet))
            finally:
                _clean(client, set(keys.values()))
            return Finding(requirement, Verdict.YES, _evidence(ask.asked))
        case Follows():
            raise AssertionError(requirement.number)
        case _:
            assert_never(requirement.answer)


def _clean(client: Client, kept: set[str]) -> None:
    """Delete what a probe left, so that the next finds what it expects."""
    for event in client.get(f"{BETA_EVENTS}?$select=id").json()["value"]:
        if event["id"] not in kept:
            client.delete(f"{BETA_EVENTS}/{event['id']}")


def _evidence(asked: Sequence[str]) -> str:
    shown = list(dict.fromkeys(asked))
    more = len(shown) - 2
    return ", ".join(shown[:2]) + (f" and {more} more" if more > 0 else "")


def _follow(requirement: Requirement, answer: Follows, found: Mapping[str, Finding]) -> Finding:
    missing = []
    for other in all_requirements():
        if not other.binding or not other.number.startswith(answer.groups) or other is requirement:
            continue
        if answer.updating and "u" not in other.force:
            continue
        if found[other.number].verdict not in (Verdict.YES, Verdict.DOES_NOT_APPLY):
            missing.append(other.number)
    if missing:
        return Finding(requirement, Verdict.NOT_YET, f"for want of {', '.join(missing)}")
    return Finding(requirement, Verdict.YES, "every binding requirement is met")


def _table(findings: Iterable[Finding]) -> str:
    rows = ["| | | Requirement | | Asked, or why |", "|---|---|---|---|---|"]
    for item in findings:
        asked = item.requirement
        force = asked.force.replace("*", r"\*")
        rows.append(f"| {asked.number} | {force} | {asked.text} | {item.verdict.value} | {item.detail} |")
    return "\n".join(rows) + "\n"


def _summary(found: Mapping[str, Sequence[Finding]]) -> str:
    rows = ["| | " + " | ".join(verdict.value for verdict in Verdict) + " |", "|---|" + "--:|" * len(Verdict)]
    total: Counter[Verdict] = Counter()
    for title, findings in found.items():
        counted = Counter(item.verdict for item in findings)
        total += counted
        rows.append(f"| {title} | " + " | ".join(str(counted[verdict]) for verdict in Verdict) + " |")
    rows.append("| **together** | " + " | ".join(str(total[verdict]) for verdict in Verdict) + " |")
    return "\n".join(rows) + "\n"
