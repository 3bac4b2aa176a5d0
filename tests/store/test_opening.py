from pathlib import Path

import pytest

from enrollscope.store.base import StoreRefused
from enrollscope.store.opening import migrate_store, open_store
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LIBRARY


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("postgres://localhost/events", "postgresql://", id="short-for-postgresql"),
        pytest.param("mysql://localhost/events", "sqlite:///PATH", id="unknown-kind"),
        pytest.param("events.db", "sqlite:///PATH", id="a-path"),
        pytest.param("sqlite:events.db", "sqlite:///PATH", id="no-slashes"),
        pytest.param("sqlite://events.db", "names no file", id="two-slashes"),
        pytest.param("sqlite://", "names no file", id="nothing"),
        pytest.param("sqlite:///", "names no file", id="no-path"),
        pytest.param("sqlite:///:memory:", "would not be durable", id="memory"),
        pytest.param("sqlite:///folder/", "names no file", id="a-folder"),
        pytest.param("sqlite:///a.db?mode=ro", "cannot have", id="options"),
        pytest.param("sqlite:///a\0b", "cannot have", id="nul"),
    ],
)
def test_a_wrong_url_is_refused_with_a_right_one(url: str, says: str) -> None:
    """Whoever gives a URL that names no store learns which would."""
    with pytest.raises(StoreRefused) as refusal:
        open_store(url, LIBRARY)
    assert says in str(refusal.value)
    assert "sqlite:///" in str(refusal.value)


@pytest.mark.parametrize("slashes", [pytest.param("///", id="relative"), pytest.param("////", id="absolute")])
def test_a_path_is_relative_or_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slashes: str) -> None:
    """Three slashes begin a path in the working folder, four one at the root; nothing in it is decoded."""
    monkeypatch.chdir(tmp_path)
    name = "über %41 'x'.db"
    path = name if slashes == "///" else f"{tmp_path}/{name}"[1:]
    migrate_store(f"sqlite:{slashes}{path}", LIBRARY, history=SNAPSHOT)
    assert (tmp_path / name).is_file()


def test_migrating_says_what_it_did(tmp_path: Path) -> None:
    """The first time tables are created, the second time there is nothing to do."""
    url = f"sqlite:///{tmp_path}/new/folder/store.db"
    head = SNAPSHOT.revisions[-1]
    assert migrate_store(url, LIBRARY, history=SNAPSHOT) == f"The tables were created, at revision {head}."
    assert migrate_store(url, LIBRARY, history=SNAPSHOT) == f"The tables are up to date, at revision {head}."
