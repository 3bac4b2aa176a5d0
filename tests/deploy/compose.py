"""compose.yaml read into values, with the variables of a .env filled in as Compose does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.deploy.containerfile import ROOT

COMPOSE = ROOT / "compose.yaml"
NEEDED = ("OWNER_PASSWORD", "SERVICE_PASSWORD", "ISSUER", "AUDIENCE")
FILLED = dict.fromkeys(NEEDED, "x")
"""A .env with which everything starts."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


class MissingVariable(Exception):
    """A variable without which nothing starts has no value."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service as declared; names are those of the Compose specification."""

    name: str
    declared: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        """What is set for it; a variable without a value is not."""
        return {name: str(value) for name, value in self.declared.get("environment", {}).items() if value is not None}

    @property
    def conditions(self) -> dict[str, str]:
        """What has to be true of which service before this one starts."""
        return {name: needed["condition"] for name, needed in self.declared.get("depends_on", {}).items()}

    @property
    def health_command(self) -> list[str]:
        """The command whose status says whether it is healthy."""
        words: list[str] = self.declared["healthcheck"]["test"]
        assert words[0] == "CMD"
        return words[1:]

    def seconds(self, name: str) -> int:
        """A length of time in whole seconds or minutes."""
        number, unit = re.fullmatch(r"(\d+)([sm])", self.declared[name]).groups()  # type: ignore[union-attr] # the format
        return int(number) * {"s": 1, "m": 60}[unit]


def read_compose() -> dict[str, Any]:
    """The file as it is, with what its aliases stand for."""
    document: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text(encoding="utf-8"))
    return document


def read_services(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services by name, in an order in which each comes after those it depends on.

    Raises:
        MissingVariable: one that is needed is absent or empty.
    """
    services = {
        name: Service(name, filled(declared, variables)) for name, declared in read_compose()["services"].items()
    }
    ordered: dict[str, Service] = {}
    while len(ordered) < len(services):
        ready = [
            name for name in services if name not in ordered and services[name].conditions.keys() <= ordered.keys()
        ]
        assert ready, "services that wait for each other"
        ordered.update({name: services[name] for name in ready})
    return ordered


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """A part of the document with its variables filled in."""
    match value:
        case dict():
            return {name: filled(each, variables) for name, each in value.items()}
        case list():
            return [filled(each, variables) for each in value]
        case str():
            return _VARIABLE.sub(lambda found: _value_of(found, variables), value)
        case _:
            return value


def _value_of(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, text = found.groups()
    if value := variables.get(name):
        return value
    if kind == "-":
        return str(text)
    raise MissingVariable(f"{name} {text or ''}")


def read_variables(path: Path) -> dict[str, str]:
    """The assignments of an environment file, as Compose and systemd both read them when nothing is quoted."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
