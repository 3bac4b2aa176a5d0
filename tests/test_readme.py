"""What the README tells a new user to paste does what the README says, against a served process."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Served, environment, serving, sqlite_url

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block_and_next(word: str) -> tuple[str, str]:
    """The code block that holds a word, and the block after it, which shows what it prints."""
    blocks = [match[2] for match in BLOCK.finditer(README)]
    (place,) = [number for number, block in enumerate(blocks) if word in block]
    return blocks[place], blocks[place + 1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """What `make run` starts, on a free port and with a store of its own."""
    with serving(tmp_path_factory.mktemp("readme") / "events.db", "--sample") as served:
        yield served


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program named curl."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "curl"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.curl "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


def run_pasted(served: Served, *command: str, pasted: str, **more: str) -> str:
    """Run a block with the address changed and nothing else; the store is named by the environment."""
    commands = pasted.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    result = subprocess.run(
        [*command, commands.replace(ADDRESS, served.address)],
        cwd=ROOT,
        env=environment(ENROLLSCOPE_DATABASE=sqlite_url(served.database), **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("{machine}:{stand_in}", id="curl-where-there-is-one"),
        pytest.param("{stand_in}:{machine}", id="stand-in"),
    ],
)
def test_the_patch_of_the_readme_answers_as_it_says(served: Served, stand_in: Path, path: str) -> None:
    """Pasted into a shell it answers 200, and the event that is shown, name by name in its order."""
    pasted, shown = block_and_next("curl")
    search = path.format(machine=os.environ["PATH"], stand_in=stand_in)
    body, status = run_pasted(served, "sh", "-c", pasted=pasted, PATH=search).splitlines()
    assert status == "200"
    assert list(json.loads(body).items()) == list(json.loads(shown.replace(ADDRESS, served.address)).items())


def test_the_service_itself_says_what_to_paste(served: Served, stand_in: Path) -> None:
    """`make run` prints the same PATCH, complete with address and token; it works as it is."""
    pasted = served.log.read_text(encoding="utf-8").partition("hour:\n")[2]
    search = f"{os.environ['PATH']}:{stand_in}"
    assert json.loads(run_pasted(served, "sh", "-c", pasted=pasted, PATH=search))["failureReason"] == "0x80180002"


def test_the_python_of_the_readme_prints_what_it_says(served: Served) -> None:
    """The SDK's own example runs from creation to deletion, and prints what is shown."""
    pasted, shown = block_and_next("GraphServiceClient(")
    assert run_pasted(served, sys.executable, "-c", pasted=pasted, TOKEN=served.token()) == shown


def test_the_readme_names_every_command_of_make() -> None:
    """What the README tells to run is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"`?make ([a-z]+)`?$", README, re.MULTILINE))
    assert {"run", "test"} <= commands
    assert [command for command in commands if f"\n{command}:" not in makefile] == []
