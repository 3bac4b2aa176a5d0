"""What the manual says of a deployment fits the files that it is about."""

import re
from pathlib import Path

import pytest

from tests.deploy.containerfile import CONTAINERFILE, ROOT, read_stages

MANUAL = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
FILES = sorted(path.name for path in (ROOT / "deploy").iterdir())


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in FILES])
def test_every_file_is_explained(name: str) -> None:
    """Nothing lies beside the service that an operator is not told of."""
    assert f"deploy/{name}" in MANUAL


def test_every_file_that_is_named_is_there() -> None:
    """What the commands take exists."""
    named = set(re.findall(r"\b(?:deploy|requirements)/[\w.@-]+\w", MANUAL))
    assert len(named) >= len(FILES)
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_grants_are_those_of_the_manual() -> None:
    """The role that the manual describes, whose rights are tested, is the one that Compose gets."""
    script = (ROOT / "deploy" / "roles.sql").read_text(encoding="utf-8")
    described = re.findall("^GRANT .*;$", MANUAL, re.MULTILINE)
    assert len(described) == 4
    assert re.findall("^GRANT .*;$", script, re.MULTILINE) == described


def test_the_user_and_the_volume_are_those_of_the_image() -> None:
    """Who mounts a folder of the machine must know whose it has to be."""
    final = read_stages(CONTAINERFILE.read_text(encoding="utf-8"))[-1]
    assert f"user {final.last('USER').text.partition(':')[0]}," in MANUAL.replace("\n", " ")
    (volume,) = final.last("VOLUME").words
    assert f"--volume enrollscope:{volume} " in MANUAL


def test_secrets_are_kept_out_of_the_history() -> None:
    """The file with the passwords is one that git does not see."""
    assert "/.env" in Path(ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
