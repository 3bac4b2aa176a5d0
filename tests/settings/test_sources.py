from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from enrollscope.settings import Settings, SettingsError, read_settings

HOME = {"HOME": "/home/ada"}


def read(
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, str | Sequence[str] | None] | None = None,
    platform: str = "linux",
) -> Settings:
    """Read settings for a user with a home directory."""
    return read_settings(HOME | dict(environ or {}), options, platform=platform)


def problems(
    environ: Mapping[str, str] | None = None, options: Mapping[str, str | Sequence[str] | None] | None = None
) -> tuple[str, ...]:
    """What is wrong with settings that must be refused."""
    with pytest.raises(SettingsError) as caught:
        read(environ, options)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_nothing_needs_to_be_set() -> None:
    """Every setting has a default, and the defaults may serve."""
    settings = read()
    assert settings == Settings(database="sqlite:////home/ada/.local/share/enrollscope/enrollscope.db")
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 1)
    assert (settings.body_limit, settings.page_size, settings.write_queue) == (4 * 1024 * 1024, 1000, 4096)
    settings.check_serving()


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        pytest.param("ENROLLSCOPE_HOST", "::1", "host", "::1", id="ipv6"),
        pytest.param("ENROLLSCOPE_HOST", "graph.example", "host", "graph.example", id="name"),
        pytest.param("ENROLLSCOPE_PORT", "0", "port", 0, id="lowest-port"),
        pytest.param("ENROLLSCOPE_PORT", "65535", "port", 65535, id="highest-port"),
        pytest.param("ENROLLSCOPE_DATABASE", "sqlite:///a.db", "database", "sqlite:///a.db", id="sqlite"),
        pytest.param("ENROLLSCOPE_DATABASE", "postgresql://h/d", "database", "postgresql://h/d", id="postgresql"),
        pytest.param(
            "ENROLLSCOPE_DATABASE", "postgresql://h:1,i:2/d", "database", "postgresql://h:1,i:2/d", id="several-hosts"
        ),
        pytest.param("ENROLLSCOPE_PREPARED_STATEMENTS", "no", "prepared_statements", False, id="no"),
        pytest.param("ENROLLSCOPE_WORKERS", "4", "workers", 4, id="workers"),
        pytest.param("ENROLLSCOPE_PUBLIC_URL", "https://g.example", "public_url", "https://g.example", id="public"),
        pytest.param("ENROLLSCOPE_PUBLIC_URL", "http://g:1/api", "public_url", "http://g:1/api", id="public-path"),
        pytest.param("ENROLLSCOPE_BODY_LIMIT", "65536", "body_limit", 65536, id="bytes"),
        pytest.param("ENROLLSCOPE_BODY_LIMIT", "64KiB", "body_limit", 65536, id="kibibytes"),
        pytest.param("ENROLLSCOPE_BODY_LIMIT", "1GiB", "body_limit", 2**30, id="largest-body"),
        pytest.param("ENROLLSCOPE_CORS_ORIGINS", "*", "cors_origins", ("*",), id="every-origin"),
        pytest.param("ENROLLSCOPE_CORS_ORIGINS", "none", "cors_origins", (), id="no-origin"),
        pytest.param(
            "ENROLLSCOPE_CORS_ORIGINS",
            "https://a.example, http://localhost:3000",
            "cors_origins",
            ("https://a.example", "http://localhost:3000"),
            id="two-origins",
        ),
        pytest.param("ENROLLSCOPE_COMPRESS_FROM", "16KiB", "compress_from", 16384, id="compression"),
        pytest.param("ENROLLSCOPE_PAGE_SIZE", "50", "page_size", 50, id="page"),
        pytest.param("ENROLLSCOPE_WRITE_QUEUE", "1", "write_queue", 1, id="queue"),
        pytest.param("ENROLLSCOPE_REQUEST_TIMEOUT", "5", "request_timeout", 5, id="timeout"),
        pytest.param("ENROLLSCOPE_TOKEN_LEEWAY", "0", "token_leeway", 0, id="no-leeway"),
        pytest.param("ENROLLSCOPE_LOG_LEVEL", "debug", "log_level", "debug", id="level"),
        pytest.param("ENROLLSCOPE_LOG_FORMAT", "json", "log_format", "json", id="format"),
    ],
)
def test_a_variable_and_an_option_are_the_same_setting(variable: str, text: str, name: str, value: object) -> None:
    """ENROLLSCOPE_X_Y and the option x_y are read alike."""
    assert getattr(read({variable: text}), name) == value
    assert getattr(read({}, {name: text}), name) == value


def test_an_option_beats_the_variable() -> None:
    """The variable is not even read where the option is given, so a wrong one does no harm."""
    assert read({"ENROLLSCOPE_PORT": "1"}, {"port": "2"}).port == 2
    assert read({"ENROLLSCOPE_PORT": "x"}, {"port": "2"}).port == 2


@pytest.mark.parametrize("absent", [pytest.param(None, id="none"), pytest.param((), id="empty-sequence")])
def test_an_option_that_was_not_given_leaves_the_variable(absent: Sequence[str] | None) -> None:
    """A command passes on every option it has, given or not."""
    provider = {"ENROLLSCOPE_ISSUER": "https://login.example", "ENROLLSCOPE_AUDIENCE": "a"}
    assert read(provider, {"audience": absent}).audience == ("a",)


def test_options_that_are_no_settings_are_a_defect() -> None:
    """A command that passes a wrong name on is broken, and is not blamed on the operator."""
    with pytest.raises(TypeError, match="colour"):
        read({}, {"colour": "red"})


@pytest.mark.parametrize(
    ("environ", "options"),
    [
        pytest.param({"ENROLLSCOPE_AUDIENCE": "api://one, two"}, {}, id="commas"),
        pytest.param({}, {"audience": ["api://one", "two"]}, id="repeated"),
        pytest.param({}, {"audience": "api://one,two"}, id="commas-in-the-option"),
    ],
)
def test_several_audiences(environ: dict[str, str], options: dict[str, Any]) -> None:
    """A list stands between commas, or the option is repeated."""
    issuer = {"issuer": "https://login.example/{tenantid}/v2.0"}
    assert read(environ, options | issuer).audience == ("api://one", "two")


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        pytest.param("HOST", "0.0.0.300", "not a host name or an IP address", id="not-quite-an-address"),
        pytest.param("HOST", "[::1]", "not a host name or an IP address", id="brackets"),
        pytest.param("HOST", "localhost:80", "the port is a setting of its own", id="host-with-port"),
        pytest.param("HOST", "http://localhost", "not a host name", id="host-with-scheme"),
        pytest.param("HOST", "a..b", "not a host name", id="empty-label"),
        pytest.param("PORT", "65536", "a whole number from 0 to 65535", id="port-too-high"),
        pytest.param("PORT", "-1", "a whole number", id="port-negative"),
        pytest.param("PORT", "80a", "'80a' is not a whole number", id="port-no-number"),
        pytest.param("PORT", "8_0", "a whole number", id="port-with-underscore"),
        pytest.param("PORT", "٨٠", "a whole number", id="port-in-other-digits"),
        pytest.param("PORT", "9" * 5000, "a whole number", id="port-endless"),
        pytest.param("WORKERS", "0", "a whole number from 1", id="no-workers"),
        pytest.param("BODY_LIMIT", "4MB", "write bytes, or a unit as in 4MiB", id="size-in-megabytes"),
        pytest.param("BODY_LIMIT", "1023", "a size from 1KiB to 1GiB", id="size-too-small"),
        pytest.param("BODY_LIMIT", "2GiB", "a size from 1KiB to 1GiB", id="size-too-large"),
        pytest.param("PAGE_SIZE", "0", "a whole number from 1", id="empty-pages"),
        pytest.param("TOKEN_LEEWAY", "301", "from 0 to 300", id="leeway-too-long"),
        pytest.param("LOG_LEVEL", "INFO", "not one of debug, info, warning, error", id="level-in-capitals"),
        pytest.param("LOG_FORMAT", "xml", "not one of console, json", id="format-unknown"),
        pytest.param("PUBLIC_URL", "https://g.example/", "ends in a slash", id="public-slash"),
        pytest.param("PUBLIC_URL", "g.example", "not an absolute http or https URL", id="public-relative"),
        pytest.param("PUBLIC_URL", "ftp://g.example", "not an absolute http or https URL", id="public-scheme"),
        pytest.param("PUBLIC_URL", "https://g.example?x", "without user, query and fragment", id="public-query"),
        pytest.param("PUBLIC_URL", "https://u@g.example", "without user, query and fragment", id="public-user"),
        pytest.param("PUBLIC_URL", "https://g.example:x", "not an absolute http or https URL", id="public-port"),
        pytest.param("PUBLIC_URL", "https://[::1", "not an absolute http or https URL", id="public-bracket"),
        pytest.param("PUBLIC_URL", "https://g .example", "not an absolute http or https URL", id="public-blank"),
        pytest.param("CORS_ORIGINS", "https://a.example/", "an entry that is no origin", id="origin-slash"),
        pytest.param("CORS_ORIGINS", "https://A.example", "an entry that is no origin", id="origin-capitals"),
        pytest.param("CORS_ORIGINS", "*,a.example", "not an absolute http or https URL", id="origin-relative"),
        pytest.param("COMPRESS_FROM", "10", "a size from 512 to 1GiB", id="compression-of-everything"),
        pytest.param("ISSUER", "http://login.example", "not an https URL", id="issuer-over-http"),
        pytest.param("AUDIENCE", "a,,b", "has an empty entry", id="audience-gap"),
        pytest.param("AUDIENCE", "a,https://graph.microsoft.com/", "Microsoft's own Graph", id="audience-graph"),
        pytest.param("AUDIENCE", "00000003-0000-0000-c000-000000000000", "only Microsoft", id="audience-graph-id"),
        pytest.param("DATABASE", "mysql://h/d", "does not begin with sqlite:/// or postgresql://", id="other-database"),
        pytest.param("DATABASE", "postgres://h/d", "does not begin with", id="postgres-short"),
        pytest.param("DATABASE", "/var/a.db", "does not begin with", id="bare-path"),
        pytest.param("DATABASE", "sqlite://a.db", "does not begin with", id="two-slashes"),
        pytest.param("DATABASE", "sqlite:///", "names no file", id="no-path"),
        pytest.param("DATABASE", "sqlite:////var/", "names no file", id="directory"),
        pytest.param("DATABASE", "sqlite:///:memory:", "names no file", id="memory"),
        pytest.param("DATABASE", "sqlite:///~/a.db", "only a shell replaces", id="tilde"),
        pytest.param("DATABASE", "sqlite:///a.db?mode=ro", "a question mark", id="sqlite-parameters"),
        pytest.param("DATABASE", "postgresql://h:1,i:x/d", "not of the form", id="postgresql-port-of-second-host"),
        pytest.param("PREPARED_STATEMENTS", "true", "not one of yes, no", id="neither-yes-nor-no"),
        pytest.param("DATABASE", "postgresql://h:x/d", "not of the form postgresql://user", id="postgresql-port"),
        *(pytest.param(name, "", "is empty", id=f"empty-{name}") for name in ("PORT", "ISSUER", "DATABASE")),
    ],
)
def test_what_is_wrong_is_refused_by_name(variable: str, text: str, message: str) -> None:
    """One problem, which begins with the name that the operator wrote and says what would be right."""
    (from_variable,) = problems({f"ENROLLSCOPE_{variable}": text})
    assert from_variable.startswith(f"ENROLLSCOPE_{variable}: ")
    assert message in from_variable
    (from_option,) = problems({}, {variable.lower(): text})
    assert from_option.startswith("--" + variable.lower().replace("_", "-") + ": ")
    assert message in from_option


def test_all_problems_are_reported_together() -> None:
    """An operator mends a configuration once, not once per line of it."""
    found = problems({"ENROLLSCOPE_PORT": "x", "ENROLLSCOPE_WORKERS": "y", "ENROLLSCOPE_COLOUR": "red"})
    assert [problem.partition(":")[0] for problem in found] == [
        "ENROLLSCOPE_COLOUR",
        "ENROLLSCOPE_PORT",
        "ENROLLSCOPE_WORKERS",
    ]


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        pytest.param("ENROLLSCOPE_DATABSE", "did you mean ENROLLSCOPE_DATABASE?", id="misspelt"),
        pytest.param("ENROLLSCOPE_PUBLICURL", "did you mean ENROLLSCOPE_PUBLIC_URL?", id="underscore-missing"),
        pytest.param("enrollscope_port", "did you mean ENROLLSCOPE_PORT?", id="small-letters"),
        pytest.param("ENROLLSCOPE_X", "there are ENROLLSCOPE_HOST, ENROLLSCOPE_PORT, ", id="nothing-near"),
        pytest.param("ENROLLSCOPE_", "there are ENROLLSCOPE_HOST", id="prefix-alone"),
    ],
)
def test_an_unknown_variable_is_refused_with_a_hint(variable: str, hint: str) -> None:
    """A misspelt variable must not leave a default in force unnoticed."""
    (problem,) = problems({variable: "1"})
    assert problem.startswith(f"{variable}: there is no such setting; {hint}")


def test_variables_of_others_are_not_ours() -> None:
    """Only the prefix makes a variable ours."""
    assert read({"MY_ENROLLSCOPE_PORT": "1", "ENROLLSCOPEX": "1"}).port == 8080


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        pytest.param({"issuer": "https://login.example"}, "--issuer needs --audience", id="issuer-alone"),
        pytest.param({"audience": "a"}, "--audience needs --issuer", id="audience-alone"),
    ],
)
def test_an_identity_provider_is_named_whole(options: dict[str, str], needed: str) -> None:
    """An issuer without an audience would accept tokens that were made for others."""
    (problem,) = problems({}, options)
    assert needed in problem


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("postgresql://u:hunter2@h:x/d", id="bad-port"),
        pytest.param("mysql://u:hunter2@h/d", id="other-database"),
        pytest.param("postgresql://u:hunter2@[h/d", id="bad-host"),
    ],
)
def test_a_password_stays_out_of_messages(text: str) -> None:
    """A problem with the database, and the causes that a traceback would print, never repeat its URL."""
    with pytest.raises(SettingsError) as caught:
        read({"ENROLLSCOPE_DATABASE": text})
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in str(error)
        error = error.__cause__ if error.__suppress_context__ else error.__context__


@pytest.mark.parametrize(
    ("platform", "environ", "directory"),
    [
        pytest.param("linux", {"HOME": "/h"}, "/h/.local/share", id="linux"),
        pytest.param("linux", {"HOME": "/h", "XDG_DATA_HOME": "/data"}, "/data", id="xdg"),
        pytest.param("linux", {"HOME": "/h", "XDG_DATA_HOME": "data"}, "/h/.local/share", id="xdg-relative-is-invalid"),
        pytest.param("darwin", {"HOME": "/h"}, "/h/Library/Application Support", id="macos"),
        pytest.param("win32", {"LOCALAPPDATA": "/h/local"}, "/h/local", id="windows"),
        pytest.param("win32", {"USERPROFILE": "/h"}, "/h/AppData/Local", id="windows-without-localappdata"),
    ],
)
def test_the_store_is_in_the_user_data_directory(platform: str, environ: dict[str, str], directory: str) -> None:
    """Without --database the file lies where the platform keeps the data of a user."""
    settings = read_settings(environ, platform=platform)
    assert settings.sqlite_path == Path(directory, "enrollscope", "enrollscope.db")


def test_a_user_without_a_home_must_name_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container often runs as a user that no user database knows."""

    def no_home(_: type[Path]) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(no_home))
    with pytest.raises(SettingsError, match="--database: this user has no home directory"):
        read_settings({})
    assert read_settings({}, {"database": "sqlite:///a.db"}).sqlite_path == Path("a.db")
