"""The image: its file is well made, and what it describes runs, as a user without rights, on a disk it cannot write."""

import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from enrollscope.settings import describe_settings
from tests.deploy.asking import AUDIENCE, change_one_event, identity_provider, read_reason
from tests.deploy.confined import confined
from tests.deploy.containerfile import CONTAINERFILE, IGNORED, ROOT, is_ignored, read_stages
from tests.deploy.image import Image
from tests.deploy.processes import run, started
from tests.postgres import free_port
from tests.serving import STOP_SECONDS

STAGES = read_stages(CONTAINERFILE.read_text(encoding="utf-8"))
FINAL = STAGES[-1]


def test_the_linter_finds_nothing() -> None:
    """Not even what it merely remarks."""
    linter = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([linter, "--no-color", CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_every_stage_has_the_same_base() -> None:
    """An environment that one stage makes runs in another only on the same Python, which must be one we support."""
    (base,) = {stage.base for stage in STAGES}
    version = re.fullmatch(r"docker\.io/library/python:(\d+\.\d+)-slim-\w+", base)
    assert version is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={version[1]}"


def test_nothing_is_installed_without_its_hash() -> None:
    """One step downloads, what the lock names and in the form that it names; the others have no index to ask."""
    steps = [step for stage in STAGES for run in stage.all("RUN") for step in run.text.split(" && ") if " pip " in step]
    download, *others = steps
    assert "--require-hashes --requirement=requirements/run.lock" in download
    assert len(others) == 2
    assert [step for step in others if "--no-index" not in step] == []


def test_what_is_copied_is_there_and_reaches_the_build() -> None:
    """The ignore file lets through what the steps copy; the two names under which engines look for it are one file."""
    copied = [
        Path(source) for stage in STAGES for copy in stage.all("COPY") if not copy.options for source in copy.words[:-1]
    ]
    assert len(copied) >= 5
    assert [path for path in copied if is_ignored(path) or not (ROOT / path).exists()] == []
    assert (ROOT / ".dockerignore").resolve() == IGNORED.resolve()


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.strip("."))
        for path in (".env", ".git", ".venv", "tests", "enrollscope.db", "deploy/compose.env", "src/a/__pycache__")
    ],
)
def test_what_is_no_part_of_the_image_is_kept_away(path: str) -> None:
    """Secrets, data and history do not even reach the build."""
    assert is_ignored(Path(path))


def test_it_runs_as_a_number_that_owns_the_volume() -> None:
    """Orchestrators can see that it is not root, and a new volume belongs to it."""
    user, group = FINAL.last("USER").text.split(":")
    assert int(user) >= 10_000
    (volume,) = FINAL.last("VOLUME").words
    made = [run.text for run in FINAL.all("RUN")]
    assert made == [f"install --directory --owner={user} --group={group} --mode=0700 {volume}"]


@pytest.mark.parametrize("word", [pytest.param(word, id=word) for word in ("ENTRYPOINT", "CMD", "VOLUME")])
def test_no_shell_stands_between(word: str) -> None:
    """A signal to the container reaches the service."""
    assert FINAL.last(word).text.startswith("[")


def test_it_sets_only_settings() -> None:
    """A variable with our prefix that is none is refused by the service."""
    known = {setting.variable for setting in describe_settings()}
    assert {name for name in FINAL.environment if name.startswith("ENROLLSCOPE_")} <= known


@pytest.mark.slow
def test_it_serves_from_its_volume(image: Image, tmp_path: Path) -> None:
    """Started twice with the same volume it has what it had; the health command of the image says when it is ready."""
    port = free_port()
    command = [*image.final.last("ENTRYPOINT").words, *image.final.last("CMD").words]
    launcher = confined(image.root, image.volume, image.user)
    stop_signal = signal.Signals[image.final.last("STOPSIGNAL").text]
    health_command = [image.here(word) for word in image.final.health_command]
    with identity_provider() as (issuer, token):
        environment = image.environment | {
            "ENROLLSCOPE_PORT": str(port),
            "ENROLLSCOPE_ISSUER": issuer,
            "ENROLLSCOPE_AUDIENCE": AUDIENCE,
        }
        with started([*launcher, *command], environment, health_command, tmp_path / "first") as service:
            path = change_one_event(port, token)
            assert service.stop(stop_signal, STOP_SECONDS) == 0
            assert service.health() == 1
        with started([*launcher, *command], environment, health_command, tmp_path / "second") as service:
            assert read_reason(port, token, path) == "0x80180002"
            assert service.stop(stop_signal, STOP_SECONDS) == 0
    assert (image.volume / "enrollscope.db").is_file()


@pytest.mark.slow
def test_it_refuses_to_serve_everybody_with_tokens_of_its_own(image: Image) -> None:
    """Without an identity provider it does not start, and says what it lacks."""
    result = run(["enrollscope", "serve"], image.environment)
    assert result.returncode == 1
    assert "--issuer" in result.stderr


@pytest.mark.slow
def test_it_holds_what_runs_and_nothing_that_built_it(image: Image) -> None:
    """Neither pip nor the build back end, nor a file of the build."""
    packages = {path.name.partition("-")[0] for path in image.root.rglob("*.dist-info")}
    assert {"enrollscope", "asyncpg", "uvicorn"} <= packages
    assert not packages & {"pip", "hatchling", "pytest"}
    assert sorted(path.name for path in image.root.iterdir()) == ["opt", "var"]
