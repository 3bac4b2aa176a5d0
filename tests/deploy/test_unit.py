"""The systemd unit: systemd finds nothing wrong with it, it is confined, and what it starts serves and stops."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from enrollscope.settings import describe_settings
from enrollscope.store.postgres_connections import Target
from tests.deploy.asking import AUDIENCE, change_one_event, identity_provider
from tests.deploy.compose import FILLED, read_services, read_variables
from tests.deploy.confined import confined
from tests.deploy.filtered import filtered
from tests.deploy.image import Image
from tests.deploy.processes import run, started
from tests.deploy.unit import ENVIRONMENT, RETENTION, UNIT, Unit
from tests.faults.test_stop import GRACE
from tests.postgres import free_port
from tests.serving import run_command

PROGRAM = "/opt/enrollscope/bin/enrollscope"
EXPOSURE = 15
"""Tenths of the scale of `systemd-analyze security`, which ends at 10.0; a unit that sets nothing has 9.6."""


@pytest.fixture(scope="module")
def analyzer() -> str:
    """A program of systemd, which need not be what this machine was started with."""
    program = shutil.which("systemd-analyze")
    assert program is not None, "systemd-analyze is needed (Debian and Ubuntu: apt-get install systemd)"
    return program


def analyze(*command: str) -> subprocess.CompletedProcess[str]:
    """What systemd itself says."""
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The folder of the units, with a program that is there."""
    program = str(Path(sys.executable).with_name("enrollscope"))
    for unit in UNIT.parent.glob("enrollscope*.*er*"):
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, program)
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return tmp_path


UNITS = [
    pytest.param(UNIT.name, id="service"),
    pytest.param(RETENTION.name.replace("@", "@ba53f291-0c6c-40a3-b4b8-3a6238a11a85"), id="retention"),
]


@pytest.mark.parametrize("name", [*UNITS, pytest.param("enrollscope-retention@x.timer", id="timer")])
def test_systemd_finds_nothing_wrong(installed: Path, analyzer: str, name: str) -> None:
    """Every name is known, every value is of the right form."""
    result = analyze(analyzer, "verify", "--man=no", str(installed / name))
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_it_is_confined(installed: Path, analyzer: str, name: str) -> None:
    """What systemd thinks that the service could do to the machine is little."""
    unit = installed / re.sub("@.*[.]", "@.", name)
    result = analyze(analyzer, "security", "--offline=yes", f"--threshold={EXPOSURE}", "--no-pager", str(unit))
    assert result.returncode == 0, result.stdout


def test_retention_is_confined_as_the_service_is() -> None:
    """Both speak with the same database, and neither needs more than the other."""
    service, retention = Unit.read().assigned, Unit.read(RETENTION).assigned
    first = list(service).index(("Service", "NoNewPrivileges"))
    confinement = {key: service[key] for key in list(service)[first:] if key[0] == "Service"}
    assert len(confinement) > 20
    assert {key: retention.get(key) for key in confinement} == confinement


def test_retention_is_a_command_that_there_is() -> None:
    """With the tenant and the days that the unit has; it goes wrong for no other reason than the database."""
    days = Unit.read(RETENTION).service("Environment").partition("=")[2]
    line = (
        Unit.read(RETENTION)
        .service("ExecStart")
        .replace("${DAYS}", days)
        .replace("%i", "ba53f291-0c6c-40a3-b4b8-3a6238a11a85")
    )
    result = run_command(*line.split()[1:], "--database", "postgresql://u@127.0.0.1:1/d")
    assert (result.returncode, "can be reached from here" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("Type", "exec", id="it-does-not-tell-when-it-is-ready"),
        pytest.param("Restart", "on-failure", id="it-comes-back"),
        pytest.param("KillMode", "mixed", id="one-process-stops-the-others"),
        pytest.param("EnvironmentFile", "/etc/enrollscope/enrollscope.env", id="it-does-not-start-without-settings"),
        pytest.param("StateDirectory", "enrollscope", id="it-has-one-folder"),
    ],
)
def test_it_fits_what_serve_does(name: str, value: str) -> None:
    """What systemd cannot check for us."""
    assert Unit.read().service(name) == value


def test_it_never_migrates() -> None:
    """A migration needs a role that a service must not have."""
    assert not {name for _, name in Unit.read().assigned} & {"ExecStartPre", "ExecStartPost", "ExecCondition"}


def test_it_has_time_to_stop() -> None:
    """Longer than requests under way and the search for a lost commit may take; as long as in a container."""
    seconds = int(Unit.read().service("TimeoutStopSec"))
    assert seconds >= GRACE + Target("postgresql://").settle_seconds + Target("postgresql://").lease_seconds
    assert seconds == read_services(FILLED)["service"].seconds("stop_grace_period")


def test_its_settings_exist() -> None:
    """Those that the template sets and those that it offers; without an identity provider it sets nothing up."""
    offered = set(re.findall(r"^#?(ENROLLSCOPE_\w+)=", ENVIRONMENT.read_text(encoding="utf-8"), re.MULTILINE))
    assert offered <= {setting.variable for setting in describe_settings()}
    assert {"ENROLLSCOPE_ISSUER", "ENROLLSCOPE_AUDIENCE", "ENROLLSCOPE_WORKERS"} <= offered
    empty = {name for name, value in read_variables(ENVIRONMENT).items() if not value}
    assert empty == {"ENROLLSCOPE_ISSUER", "ENROLLSCOPE_AUDIENCE"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        pytest.param("import socket; socket.socket(socket.AF_NETLINK)", True, id="socket-of-the-kernel"),
        pytest.param("import socket; socket.socket(socket.AF_INET6)", False, id="socket-of-the-network"),
        pytest.param("import mmap; mmap.mmap(-1, 4096, prot=7)", True, id="memory-to-write-and-run"),
        pytest.param("import mmap; mmap.mmap(-1, 4096, prot=3)", False, id="memory-to-write"),
        pytest.param("import os; os.nice(1)", True, id="priority"),
        pytest.param("import os; os.chroot('/')", True, id="another-root"),
    ],
)
def test_what_its_filters_refuse(analyzer: str, statement: str, refused: bool) -> None:
    """Little is allowed; the next test shows that it is enough."""
    result = run([*filtered(Unit.read(), analyzer), sys.executable, "-c", statement], {})
    assert result.returncode == (1 if refused else 0), result.stderr
    assert ("Operation not permitted" in result.stderr) == refused


@pytest.mark.slow
def test_what_it_starts_serves_and_stops(image: Image, analyzer: str, tmp_path: Path) -> None:
    """ExecStart with the environment file: ready, a PATCH is answered, the signal of a stop ends it with status 0.

    With the unit's filters in force, on a disk of which only the state directory can be written to.
    """
    unit, port = Unit.read(), free_port()
    state = tmp_path / "state"
    state.mkdir()
    with identity_provider() as (issuer, token):
        filled = read_variables(ENVIRONMENT) | {
            "ENROLLSCOPE_ISSUER": issuer,
            "ENROLLSCOPE_AUDIENCE": AUDIENCE,
            "ENROLLSCOPE_PORT": str(port),
        }
        folder = f"/var/lib/{unit.service('StateDirectory')}"
        settings = {name: value.replace(folder, str(state)) for name, value in filled.items()}
        # systemd sets no more of an environment than this.
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        } | settings
        launcher = confined(image.root, state, 61_234)
        command = [image.here(word) for word in unit.service("ExecStart").split()]
        health = [image.here(word) for word in image.final.health_command]
        health[0] = sys.executable
        with started(
            [*launcher, *filtered(unit, analyzer), *command], environment, health, tmp_path / "log"
        ) as service:
            change_one_event(port, token)
            assert service.stop(signal.SIGTERM, int(unit.service("TimeoutStopSec"))) == 0
    assert (state / "enrollscope.db").is_file()
