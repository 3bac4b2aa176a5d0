"""The command line: `enrollscope serve`, `token`, `migrate`, `retention`.

Built on click itself, because the options of every command are generated from the settings' declaration. A command is
imported when it is asked for: what one of them needs must not slow the start of another.
"""

import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType

import click

from enrollscope import __version__

COMMANDS: Mapping[str, str] = MappingProxyType(
    {name: f"enrollscope.cli.{name}" for name in ("migrate", "retention", "serve", "token")}
)


class _Commands(click.Group):
    """Finds the command `name` as the attribute of that name in its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        found = getattr(importlib.import_module(COMMANDS[cmd_name]), cmd_name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name]}.{cmd_name} is not a command")
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="enrollscope")
def cli() -> None:
    """A self-hosted, Microsoft Graph-compatible service for device-enrollment failures."""


def main() -> None:
    """Run the command line; exits with 0, 1 for a refusal, 2 for wrong usage."""
    sys.exit(cli())
