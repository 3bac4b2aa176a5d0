"""Every operator setting, once: type, default, limits and help."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import urlsplit

from enrollscope.settings.readers import (
    POSTGRESQL_PREFIX,
    SQLITE_PREFIX,
    audience_list,
    base_url,
    choice,
    database_url,
    host_name,
    is_loopback,
    issuer_url,
    origin_list,
    size,
    tenant_list,
    whole_number,
    yes_or_no,
)

VARIABLE_PREFIX = "ENROLLSCOPE_"


class SettingsError(Exception):
    """Settings that the service must not start with. The message is for the operator, one problem a line."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared beside a field of `Settings`.

    Args:
        help: what it does, for an operator, with the unit.
        read: text → value. A ValueError completes the sentence "'text' …" and says what would be right.
        shown_default: what the documentation says where the default is not the value itself.
        secret: the text may hold a password, so no message repeats it.
    """

    help: str
    read: Callable[[str], Any]
    shown_default: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator can set: `x_y` is read from the option `--x-y` and the variable ENROLLSCOPE_X_Y."""

    host: Annotated[
        str,
        Setting("Address to listen on. One that other machines can reach needs an `issuer`.", host_name),
    ] = "127.0.0.1"
    port: Annotated[int, Setting("Port to listen on; 0 takes a free one.", whole_number(0, 65535))] = 8080
    database: Annotated[
        str,
        Setting(
            "Where data are kept: `sqlite:///PATH` or `postgresql://…`. An absolute path makes four slashes.",
            database_url,
            shown_default="`enrollscope.db` in the user's data directory, such as `~/.local/share/enrollscope`",
            secret=True,
        ),
    ] = field(repr=False)
    workers: Annotated[
        int,
        Setting("Processes that answer requests. SQLite has one writer, so more need PostgreSQL.", whole_number(1, 64)),
    ] = 1
    prepared_statements: Annotated[
        bool,
        Setting(
            "Keep prepared statements on PostgreSQL: `no` for a pooler in transaction mode that cannot, such as"
            " PgBouncer before 1.21.",
            yes_or_no,
            shown_default="`yes`",
        ),
    ] = True
    public_url: Annotated[
        str | None,
        Setting(
            "Absolute URL at which clients reach the service, without a slash at its end; links begin with it.",
            base_url,
            shown_default="what the request says",
        ),
    ] = None
    issuer: Annotated[
        str | None,
        Setting(
            "Issuer of the access tokens, exactly as in their `iss`, with `{tenantid}` where the tenant stands.",
            issuer_url,
            shown_default="the embedded development issuer",
        ),
    ] = None
    audience: Annotated[
        tuple[str, ...],
        Setting(
            "Audiences (`aud`) to accept from `issuer`, between commas; as an option it may be repeated.",
            audience_list,
            shown_default="none",
        ),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Setting(
            "Origins, between commas, whose scripts may call from a browser, such as `https://portal.example`;"
            " `*` for all of them, `none` for none.",
            origin_list,
            shown_default="`*`",
        ),
    ] = ("*",)
    compress_from: Annotated[
        int,
        Setting(
            "Shortest answer to be compressed for clients that accept gzip, in bytes or with a unit.",
            size(2**9, 2**30),
            shown_default="`2KiB`",
        ),
    ] = 2 * 2**10
    tenants: Annotated[
        tuple[str, ...],
        Setting(
            "Tenants that may call, by their ids, between commas; as an option it may be repeated.",
            tenant_list,
            shown_default="every tenant of the issuer",
        ),
    ] = ()
    body_limit: Annotated[
        int,
        Setting("Longest request body, in bytes or with a unit.", size(2**10, 2**30), shown_default="`4MiB`"),
    ] = 4 * 2**20
    page_size: Annotated[
        int,
        Setting("Entities in a page when `$top` is absent, and the most that it can ask for.", whole_number(1, 10_000)),
    ] = 1000
    batch_limit: Annotated[
        int,
        Setting("Requests that one `$batch` may hold.", whole_number(1, 1000)),
    ] = 20
    write_queue: Annotated[
        int,
        Setting("Changes that may wait for the disk; beyond it the answer is 503.", whole_number(1, 1_000_000)),
    ] = 4096
    question_timeout: Annotated[
        int,
        Setting(
            "Seconds that the store may take to answer one question; beyond it the answer is 504.",
            whole_number(1, 3600),
        ),
    ] = 30
    request_timeout: Annotated[
        int, Setting("Seconds a client may take to send its request.", whole_number(1, 3600))
    ] = 30
    token_leeway: Annotated[
        int, Setting("Seconds by which the clock of an issuer may differ from ours.", whole_number(0, 300))
    ] = 60
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Setting(
            "Least severe log entry: `debug`, `info`, `warning` or `error`.",
            choice("debug", "info", "warning", "error"),
        ),
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"],
        Setting("Form of the log: `console` for people, `json` for programs.", choice("console", "json")),
    ] = "console"

    @property
    def sqlite_path(self) -> Path | None:
        """The file of an SQLite store; a relative path is relative to the working directory."""
        return Path(self.database.removeprefix(SQLITE_PREFIX)) if self.database.startswith(SQLITE_PREFIX) else None

    @property
    def shown_database(self) -> str:
        """The database for a log entry or a message: without user, password and parameters."""
        if self.sqlite_path is not None:
            return self.database
        parts = urlsplit(self.database)
        return f"{POSTGRESQL_PREFIX}{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def embedded_issuer(self) -> bool:
        """Whether tokens come from the development issuer of this service."""
        return self.issuer is None

    def check_serving(self) -> None:
        """Refuse settings that are right one by one and must not serve together.

        Raises:
            SettingsError: the embedded issuer would be reachable from other machines, or several processes would
                write one SQLite file.
        """
        problems = []
        if self.embedded_issuer and not is_loopback(self.host):
            problems.append(
                f"--host {self.host} can be reached from other machines, and there is no identity provider:"
                " the embedded issuer is for development only."
                " Name one with --issuer and --audience, or listen on 127.0.0.1."
            )
        if self.workers > 1 and self.sqlite_path is not None:
            problems.append(
                f"--workers {self.workers} needs PostgreSQL: an SQLite file has one writing process."
                f" Use --workers 1, or --database {POSTGRESQL_PREFIX}…"
            )
        if problems:
            raise SettingsError(*problems)


@dataclass(frozen=True, slots=True)
class SettingDescription:
    """One setting as help and documentation show it; `default` is Markdown."""

    name: str
    option: str
    variable: str
    default: str
    help: str


def declared_settings() -> dict[str, Setting]:
    """Each field of `Settings` with what is declared beside it, in order."""
    hints = get_type_hints(Settings, include_extras=True)
    return {entry.name: hints[entry.name].__metadata__[0] for entry in fields(Settings)}


def describe_settings() -> tuple[SettingDescription, ...]:
    """Every setting, in the order of declaration."""
    defaults = {entry.name: entry.default for entry in fields(Settings)}
    return tuple(
        SettingDescription(
            name=name,
            option=option_name(name),
            variable=variable_name(name),
            default=setting.shown_default or f"`{defaults[name]}`",
            help=setting.help,
        )
        for name, setting in declared_settings().items()
    )


def option_name(name: str) -> str:
    """The command-line option of a setting."""
    return "--" + name.replace("_", "-")


def variable_name(name: str) -> str:
    """The environment variable of a setting."""
    return VARIABLE_PREFIX + name.upper()


def settings_table() -> str:
    """The Markdown table of all settings, for the documentation; it ends in a newline."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    rows += [f"| `{entry.variable}` | {entry.default} | {entry.help} |" for entry in describe_settings()]
    return "\n".join(rows) + "\n"
