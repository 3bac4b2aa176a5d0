"""Command-line options made from the settings' declaration, and refusals told the same way by every command."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from enrollscope.settings import Settings, SettingsError, describe_settings, read_settings

_Command = TypeVar("_Command", bound=Callable[..., Any])

_REPEATED = frozenset({"audience", "tenants"})


def setting_options(names: Collection[str] | None = None) -> Callable[[_Command], _Command]:
    """Give a command the options of these settings, or of all. Each value arrives as text, `None` where not given."""

    def decorate(command: _Command) -> _Command:
        for setting in reversed(describe_settings()):
            if names is None or setting.name in names:
                option = click.option(
                    setting.option,
                    setting.name,
                    default=None,
                    metavar="TEXT",
                    multiple=setting.name in _REPEATED,
                    help=f"{setting.help} [{setting.variable}; default: {setting.default.replace('`', '')}]",
                )
                command = option(command)
        return command

    return decorate


def settings_from(options: dict[str, Any]) -> Settings:
    """Read the settings from options and environment; a refusal ends the command with status 1."""
    with refusing(SettingsError):
        return read_settings(os.environ, options)


@contextmanager
def refusing(*failures: type[Exception]) -> Iterator[None]:
    """Tell the operator of an expected failure in one message, and end the command with status 1."""
    try:
        yield
    except failures as error:
        raise click.ClickException(str(error)) from error
