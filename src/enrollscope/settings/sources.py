"""From the command line and the environment to `Settings`."""

import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from enrollscope.settings.declared import (
    VARIABLE_PREFIX,
    Setting,
    Settings,
    SettingsError,
    declared_settings,
    option_name,
    variable_name,
)
from enrollscope.settings.readers import SQLITE_PREFIX


def read_settings(
    environ: Mapping[str, str],
    options: Mapping[str, str | Sequence[str] | None] | None = None,
    *,
    platform: str = sys.platform,
) -> Settings:
    """Read the settings; an option beats the variable of the same name.

    Args:
        environ: the environment, as `os.environ`.
        options: field name → text from the command line; None and an empty sequence mean "not given".
        platform: `sys.platform` of the machine, which decides where data are kept.

    Raises:
        SettingsError: with every problem found, each naming its option or variable.
        TypeError: `options` names something that is not a setting.
    """
    given = {name: text for name, text in (options or {}).items() if text == "" or text}
    declared = declared_settings()
    if strange := given.keys() - declared.keys():
        raise TypeError(f"Not settings: {', '.join(sorted(strange))}")
    problems = list(unknown_variables(environ))
    values: dict[str, Any] = {}
    for name, setting in declared.items():
        text = given[name] if name in given else environ.get(variable_name(name))
        if text is None:
            continue
        source = option_name(name) if name in given else variable_name(name)
        try:
            values[name] = read_one(setting, text if isinstance(text, str) else ",".join(text))
        except ValueError as error:
            problems.append(f"{source}: {error}")
    if problems:
        raise SettingsError(*problems)
    if "database" not in values:
        values["database"] = default_database(environ, platform)
    settings = Settings(**values)
    if incomplete := tuple(incomplete_issuer(settings)):
        raise SettingsError(*incomplete)
    return settings


def read_one(setting: Setting, text: str) -> object:
    """Read one value; a ValueError is a whole sentence about it."""
    if not text:
        raise ValueError("is empty; give it a value, or leave it out to have the default.")
    try:
        value: object = setting.read(text)
    except ValueError as error:
        shown = "the value" if setting.secret else repr(text[:80])
        # No cause for a secret: a traceback would show the text that the message leaves out.
        raise ValueError(f"{shown} {error}") from None
    return value


def unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """A problem for each variable with our prefix, in any case, that is not a setting."""
    known = {variable_name(name): name for name in declared_settings()}
    for variable in sorted(environ):
        if not variable.upper().startswith(VARIABLE_PREFIX) or variable in known:
            continue
        name = variable[len(VARIABLE_PREFIX) :].lower()
        near = difflib.get_close_matches(name, known.values(), n=1)
        hint = f"did you mean {variable_name(near[0])}?" if near else f"there are {', '.join(known)}."
        yield f"{variable}: there is no such setting; {hint}"


def incomplete_issuer(settings: Settings) -> Iterator[str]:
    """An identity provider is an issuer and an audience together."""
    if settings.issuer is not None and not settings.audience:
        yield "--issuer needs --audience: without one, tokens made for any other service would be accepted."
    if settings.issuer is None and settings.audience:
        yield "--audience needs --issuer: the embedded issuer has an audience of its own."


def default_database(environ: Mapping[str, str], platform: str) -> str:
    """The SQLite file in the user's data directory.

    Raises:
        SettingsError: the user has no home directory.
    """
    return SQLITE_PREFIX + str(user_data_directory(environ, platform) / "enrollscope" / "enrollscope.db")


def user_data_directory(environ: Mapping[str, str], platform: str) -> Path:
    """Where programs of this user keep data: XDG Base Directory Specification, and the custom of macOS and Windows.

    Raises:
        SettingsError: the user has no home directory.
    """
    if platform == "win32":
        local = environ.get("LOCALAPPDATA")
        return Path(local) if local else home_directory(environ) / "AppData" / "Local"
    if platform == "darwin":
        return home_directory(environ) / "Library" / "Application Support"
    # The specification: a relative path is invalid and is to be ignored.
    data = Path(environ.get("XDG_DATA_HOME", ""))
    return data if data.is_absolute() else home_directory(environ) / ".local" / "share"


def home_directory(environ: Mapping[str, str]) -> Path:
    """The home directory in `environ`, else the one in the user database."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if home:
        return Path(home)
    try:
        return Path.home()
    except RuntimeError as error:
        raise SettingsError(
            f"--database: this user has no home directory to keep a store in; name a file: {SQLITE_PREFIX}/PATH"
        ) from error
