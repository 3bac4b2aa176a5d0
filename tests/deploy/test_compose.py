"""compose.yaml: well made, without a password, and as a whole it works: a database, its tables, a role, the service."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from enrollscope.settings import describe_settings
from tests.deploy.asking import AUDIENCE, change_one_event, identity_provider
from tests.deploy.compose import (
    COMPOSE,
    FILLED,
    NEEDED,
    MissingVariable,
    Service,
    read_compose,
    read_services,
    read_variables,
)
from tests.deploy.confined import confined
from tests.deploy.containerfile import ROOT
from tests.deploy.image import Image
from tests.deploy.processes import run, started
from tests.postgres import SETTINGS, Server, binaries, free_port, own_folder

OURS = ("migrate", "service")
CONFINED = (*OURS, "grant")


def test_it_is_what_the_specification_says() -> None:
    """Every name and every form is one of the Compose specification."""
    checker = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")
    result = subprocess.run([*checker, COMPOSE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in NEEDED])
@pytest.mark.parametrize("value", [pytest.param("", id="empty"), pytest.param(None, id="absent")])
def test_nothing_starts_while_a_value_is_missing(name: str, value: str | None) -> None:
    """There is no default password, and no default identity provider."""
    variables = {key: text for key, text in (FILLED | {name: value}).items() if text is not None}
    with pytest.raises(MissingVariable, match=name):
        read_services(variables)


def test_the_template_of_the_variables_names_them_all() -> None:
    """It gives none of them a value that would let anything start."""
    assert read_variables(ROOT / "deploy" / "compose.env") == dict.fromkeys(NEEDED, "")


def test_passwords_are_variables() -> None:
    """Wherever a password stands, it is one that an operator chose; none is in a URL."""
    environments = {name: each.get("environment", {}) for name, each in read_compose()["services"].items()}
    passwords = {
        value
        for environment in environments.values()
        for name, value in environment.items()
        if name.endswith("PASSWORD")
    }
    assert passwords == {f"${{{name}:?is missing in .env}}" for name in ("OWNER_PASSWORD", "SERVICE_PASSWORD")}
    urls = [environments[name]["ENROLLSCOPE_DATABASE"] for name in OURS]
    assert urls == [
        "postgresql://enrollscope_owner@database/enrollscope",
        "postgresql://enrollscope_service@database/enrollscope",
    ]


def test_each_waits_for_what_it_needs() -> None:
    """Tables come after the database, the role after the tables, the service after the role."""
    assert {name: service.conditions for name, service in read_services(FILLED).items()} == {
        "database": {},
        "migrate": {"database": "service_healthy"},
        "grant": {"migrate": "service_completed_successfully"},
        "service": {"database": "service_healthy", "grant": "service_completed_successfully"},
    }


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in CONFINED])
def test_it_has_no_right_that_it_does_not_need(name: str) -> None:
    """No capability, no way to gain one, and nothing but memory to write to."""
    declared = read_services(FILLED)[name].declared
    assert declared["read_only"] is True
    assert declared["cap_drop"] == ["ALL"]
    assert declared["security_opt"] == ["no-new-privileges:true"]
    assert declared["tmpfs"]


def test_only_the_service_can_be_reached() -> None:
    """From this machine alone, where a proxy has to speak TLS for it; the database has a network without exit."""
    document = read_compose()
    assert document["networks"] == {"default": {}, "data": {"internal": True}}
    services = read_services(FILLED)
    assert {name: service.declared["ports"] for name, service in services.items() if "ports" in service.declared} == {
        "service": ["127.0.0.1:8080:8080"]
    }
    assert services["database"].declared["networks"] == ["data"]


def test_what_runs_on_comes_back() -> None:
    """After a crash and after a restart of the machine; what runs once does not."""
    restarts = {name: service.declared["restart"] for name, service in read_services(FILLED).items()}
    assert restarts == {"database": "unless-stopped", "migrate": "no", "grant": "no", "service": "unless-stopped"}


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in OURS])
def test_it_sets_only_settings(name: str) -> None:
    """A variable with our prefix that is none is refused by the service."""
    known = {setting.variable for setting in describe_settings()}
    environment = read_compose()["services"][name]["environment"]
    assert {variable for variable in environment if variable.startswith("ENROLLSCOPE_")} <= known


@contextmanager
def database_of(service: Service) -> Iterator[Server]:
    """What the image of PostgreSQL makes of its variables, running: an owner with a password, and a database."""
    declared = service.environment
    owner = declared["POSTGRES_USER"]
    with own_folder() as folder:
        password = folder / "password"
        password.write_text(declared["POSTGRES_PASSWORD"], encoding="utf-8")
        options = (f"--username={owner}", f"--pwfile={password}", "--auth-host=scram-sha-256")
        with Server.create(folder / "server", SETTINGS, *options).running() as server:
            by_socket = ("--host", str(server.folder), "--port", str(server.port), "--username", owner)
            server.program("createdb", *by_socket, declared["POSTGRES_DB"])
            yield server


class Engine:
    """Starts the services of compose.yaml on this machine, as a container engine does in containers.

    Names of hosts become this machine, mounted files what is mounted; all else is as it is declared.
    """

    def __init__(self, image: Image, server: Server) -> None:
        self._image = image
        self._server = server

    def environment(self, service: Service) -> dict[str, str]:
        """What a process of a service finds in its environment."""
        host = f"127.0.0.1:{self._server.port}"
        declared = {
            name: "127.0.0.1" if value == "database" else value.replace("@database/", f"@{host}/")
            for name, value in service.environment.items()
        }
        environment = self._image.environment | declared | {"PGPORT": str(self._server.port)}
        return environment | {"PATH": f"{environment['PATH']}:{binaries()}"}

    def command(self, service: Service) -> list[str]:
        """What a service runs: its own words, or those of the image."""
        final = self._image.final
        entrypoint = service.declared.get("entrypoint", final.last("ENTRYPOINT").words)
        words = [*entrypoint, *service.declared.get("command", [])]
        mounts = dict(reversed(volume.split(":")[:2]) for volume in service.declared.get("volumes", []))
        for inside, outside in mounts.items():
            words = [word.replace(inside, str(ROOT / outside)) for word in words]
        if service.declared.get("image") != "enrollscope":
            return words
        return [*confined(self._image.root, self._image.volume, self._image.user), *words]

    def health_command(self, service: Service) -> list[str]:
        """How it is asked for its health."""
        return [self._image.here(word) for word in service.health_command]

    def ask(self, sql: str, of: Service) -> str:
        """What the database answers to whom a service is there."""
        return run(["psql", "-XAtc", sql], self.environment(of)).stdout.strip()


@pytest.mark.slow
def test_all_of_it_together(image: Image, tmp_path: Path) -> None:
    """In the order of the file: healthy, migrated, granted, served; a PATCH is answered; a stop ends it with status 0.

    The steps that run once run twice here, as they do with every update.
    """
    with identity_provider() as (issuer, token):
        variables: dict[str, Any] = FILLED | {"SERVICE_PASSWORD": "y'$ @/", "ISSUER": issuer, "AUDIENCE": AUDIENCE}
        services = read_services(variables)
        with database_of(services["database"]) as server:
            engine = Engine(image, server)
            health = engine.health_command(services["database"])
            assert run(health, engine.environment(services["database"])).returncode == 0
            for name in ("migrate", "grant") * 2:
                result = run(engine.command(services[name]), engine.environment(services[name]))
                assert result.returncode == 0, result.stderr
            service, port = services["service"], free_port()
            environment = engine.environment(service) | {"ENROLLSCOPE_PORT": str(port)}
            wrong = run(engine.command(service), environment | {"PGPASSWORD": "wrong"})
            assert (wrong.returncode, "Check user and password" in wrong.stderr) == (1, True)
            health = engine.health_command(service)
            with started(engine.command(service), environment, health, tmp_path / "log") as process:
                change_one_event(port, token)
                of = services["grant"]
                roles = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'enrollscope'"
                assert engine.ask(roles, of) == "enrollscope_service"
                kinds = "SELECT string_agg(kind, ',' ORDER BY position) FROM changes"
                assert engine.ask(kinds, of) == "created,updated"
                assert process.stop(signal.SIGTERM, service.seconds("stop_grace_period")) == 0
