import re
from pathlib import Path
from typing import Any

import pytest

from enrollscope.settings import Settings, SettingsError, describe_settings, read_settings, settings_table
from enrollscope.settings.readers import is_loopback

README = Path(__file__).parents[2] / "README.md"
SQLITE = "sqlite:////var/a.db"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        pytest.param("127.0.0.1", True, id="ipv4"),
        pytest.param("127.8.9.10", True, id="whole-network"),
        pytest.param("::1", True, id="ipv6"),
        pytest.param("localhost", True, id="name"),
        pytest.param("0.0.0.0", False, id="every-address"),
        pytest.param("::", False, id="every-ipv6-address"),
        pytest.param("10.0.0.1", False, id="private"),
        pytest.param("localhost.example", False, id="name-that-begins-like-it"),
        pytest.param("127.0.0.1.example", False, id="name-that-begins-like-an-address"),
    ],
)
def test_the_embedded_issuer_is_for_this_machine_alone(host: str, loopback: bool) -> None:
    """Without an identity provider the service refuses to listen where other machines reach it."""
    assert is_loopback(host) == loopback
    alone = Settings(host=host, database=SQLITE)
    if loopback:
        alone.check_serving()
    else:
        with pytest.raises(SettingsError, match=f"--host {host} .* --issuer and --audience"):
            alone.check_serving()
    Settings(host=host, database=SQLITE, issuer="https://login.example", audience=("a",)).check_serving()


def test_several_processes_need_postgresql() -> None:
    """An SQLite file has one writer, so more workers are refused and not ignored."""
    with pytest.raises(SettingsError, match="--workers 2 needs PostgreSQL"):
        Settings(database=SQLITE, workers=2).check_serving()
    Settings(database="postgresql://h/d", workers=2).check_serving()


def test_contradictions_are_reported_together() -> None:
    """Both are named at once."""
    with pytest.raises(SettingsError) as caught:
        Settings(host="::", database=SQLITE, workers=2).check_serving()
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("database", "path", "shown"),
    [
        pytest.param("sqlite:////var/a.db", Path("/var/a.db"), "sqlite:////var/a.db", id="absolute"),
        pytest.param("sqlite:///a b.db", Path("a b.db"), "sqlite:///a b.db", id="relative-with-blank"),
        pytest.param("postgresql://u:hunter2@h:5/d", None, "postgresql://h:5/d", id="password"),
        pytest.param("postgresql://u:p@ss@h/d", None, "postgresql://h/d", id="at-sign-in-password"),
        pytest.param("postgresql://h/d?password=hunter2", None, "postgresql://h/d", id="password-as-parameter"),
        pytest.param("postgresql:///d", None, "postgresql:///d", id="socket"),
    ],
)
def test_a_database_is_shown_without_its_password(database: str, path: Path | None, shown: str) -> None:
    """What is logged names the database and gives nothing away; the settings themselves print without it."""
    settings = Settings(database=database)
    assert settings.sqlite_path == path
    assert settings.shown_database == shown
    assert "hunter2" not in repr(settings)


def test_settings_cannot_change_while_the_service_runs() -> None:
    """They are read once: every part sees the same."""
    name: Any = "port"
    with pytest.raises(AttributeError):
        setattr(Settings(database=SQLITE), name, 1)


def test_documented_defaults_are_the_real_ones() -> None:
    """A default in the table, read as a value, gives the default that is in force."""
    defaults = read_settings({"HOME": "/h"}, platform="linux")
    for entry in describe_settings():
        if literal := re.fullmatch("`([^`]+)`", entry.default):
            assert read_settings({"HOME": "/h"}, {entry.name: literal[1]}, platform="linux") == defaults, entry.name
        else:
            assert getattr(defaults, entry.name) in {None, (), "sqlite:////h/.local/share/enrollscope/enrollscope.db"}


def test_each_setting_is_explained() -> None:
    """Help is one or more sentences, and nothing in it breaks a table."""
    for entry in describe_settings():
        assert entry.help[0].isupper(), entry.name
        assert entry.help.endswith("."), entry.name
        assert "|" not in entry.help + entry.default, entry.name
        assert entry.option == "--" + entry.name.replace("_", "-")
        assert entry.variable == "ENROLLSCOPE_" + entry.name.upper()


def test_the_readme_holds_the_table_of_settings() -> None:
    """The documentation is generated: `python -m enrollscope.settings` prints what belongs between the markers."""
    text = README.read_text(encoding="utf-8")
    begin, end = "<!-- settings:begin -->\n", "<!-- settings:end -->"
    assert (text.count(begin), text.count(end)) == (1, 1)
    assert text.partition(begin)[2].partition(end)[0] == settings_table()
