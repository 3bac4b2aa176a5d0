"""The command line: `enrollscope serve`, `token`, `migrate`.

Built on click itself, because the options of every command are generated from the settings' declaration.
"""

import sys

import click

from enrollscope import __version__
from enrollscope.cli.migrate import migrate
from enrollscope.cli.serve import serve
from enrollscope.cli.token import token


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="enrollscope")
def cli() -> None:
    """A self-hosted, Microsoft Graph-compatible service for device-enrollment failures."""


cli.add_command(serve)
cli.add_command(token)
cli.add_command(migrate)


def main() -> None:
    """Run the command line; exits with 0, 1 for a refusal, 2 for wrong usage."""
    sys.exit(cli())


__all__ = ["cli", "main"]
