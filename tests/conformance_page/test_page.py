"""The page about conformance says what the service does today."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.service import Service, serving, settings_for, store_of
from tests.conformance_page.asking import Asking, Probe, Unmet, encoded
from tests.conformance_page.page import PAGE, all_requirements, conformance_page
from tests.conformance_page.requirement import DoesNotApply

STANDARD = Path(__file__).parents[3] / "shared" / "odata" / "anchors.md"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own."""
    settings = settings_for(tmp_path_factory.mktemp("conformance"))
    with serving(settings, store_of(settings)) as service:
        yield service


@pytest.mark.slow
def test_the_page_is_what_the_requests_say(service: Service) -> None:
    """`make conformance` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == conformance_page(service)


def test_each_requirement_has_one_row() -> None:
    """Numbers are unique, texts are sentences that a table can hold, reasons too."""
    assert [number for number, count in Counter(item.number for item in all_requirements()).items() if count > 1] == []
    for item in all_requirements():
        assert re.fullmatch(r"(MUST|SHOULD|MAY|MUST NOT|SHOULD NOT|SHOULD/MUST|MUST/MAY)[u*]?", item.force), item.number
        texts = [item.text, *([item.answer.reason] if isinstance(item.answer, DoesNotApply) else [])]
        for text in texts:
            assert text.endswith("."), item.number
            assert text[0].isupper() or text[0] in "`$", item.number
            assert "|" not in text, item.number


def test_no_requirement_is_left_out() -> None:
    """Where the list of all requirements is at hand, the rows are those of the list."""
    if STANDARD.is_file():
        listed = re.findall(
            r"^\| ((?:40|401)[MIA]-[\d.]+[a-e]?|J-\d+) \| (\S[^|]*\S) \|", STANDARD.read_text("utf-8"), re.MULTILINE
        )
        assert len(listed) == 173
        assert [(item.number, item.force) for item in all_requirements()] == listed


def unmet(probe: Probe, service: Service) -> str:
    """What a probe says of a service that does not do what it wants."""
    client = service.client()
    with pytest.raises(Unmet) as found:
        probe(Asking(client, {}))
    return str(found.value)


def test_an_unmet_requirement_is_told_with_what_is_answered(service: Service) -> None:
    """Request, status and code; or what was wrong with the answer."""

    def another_status(ask: Asking) -> None:
        ask.get("/v1.0/deviceManagement/nowhere")

    def another_answer(ask: Asking) -> None:
        ask.finds("correlationId eq 'x'", "a")

    assert unmet(another_status, service) == "`GET /v1.0/deviceManagement/nowhere` answers `400 BadRequest`"
    assert unmet(another_answer, service) == "`GET beta…?$filter=correlationId eq 'x'` answers the events none"


def test_a_condition_is_sent_as_it_was_meant() -> None:
    """What a URL cannot hold is encoded, and only that."""
    assert encoded("a eq 'b+c & ü'") == "a%20eq%20'b%2Bc%20%26%20%C3%BC'"
