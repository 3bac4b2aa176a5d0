"""The image that the Containerfile describes, made in a folder: its steps, in their order, as they are written there.

Each folder that the Containerfile names lies below that folder instead of below /; Python is the one of the tests.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.containerfile import CONTAINERFILE, ROOT, Instruction, Stage, is_ignored, read_stages

BUILD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Image:
    """What was made."""

    root: Path
    stages: tuple[Stage, ...]

    @classmethod
    def at(cls, root: Path) -> "Image":
        """The image in a folder, made or not."""
        return cls(root, tuple(read_stages(CONTAINERFILE.read_text(encoding="utf-8"))))

    @property
    def final(self) -> Stage:
        """The stage that becomes the image."""
        return self.stages[-1]

    @property
    def user(self) -> int:
        """The number of the user."""
        return int(self.final.last("USER").text.partition(":")[0])

    @property
    def volume(self) -> Path:
        """Where the volume is here."""
        return Path(self.here(self.final.last("VOLUME").words[0]))

    @property
    def environment(self) -> dict[str, str]:
        """What a process in the image finds in its environment."""
        return self._environment(self.final)

    def here(self, text: str) -> str:
        """A text in which the folders of the image are those of this machine."""
        named = [instruction.text for stage in self.stages for instruction in stage.all("WORKDIR")]
        named += [word for instruction in self.final.all("VOLUME") for word in instruction.words]
        named += [word for instruction in self.final.all("COPY") for word in instruction.words[-1:]]
        folders = "|".join(re.escape(folder.rstrip("/")) for folder in {*named} if folder.startswith("/"))
        return re.sub(rf"(?:{folders})\b", lambda found: f"{self.root}{found[0]}", text)

    def build(self) -> None:
        """Take every step."""
        for stage in self.stages:
            if self.root.exists():
                self.root.rename(self._former)
            self.root.mkdir(parents=True)
            self._take(stage)
        shutil.rmtree(self._former)

    @property
    def _former(self) -> Path:
        return self.root.with_name(f"{self.root.name}.former")

    def _take(self, stage: Stage) -> None:
        folder = self.root
        for instruction in stage.instructions:
            match instruction.word:
                case "WORKDIR":
                    folder = Path(self.here(instruction.text))
                    folder.mkdir(parents=True, exist_ok=True)
                case "COPY" if "from" in instruction.options:
                    self._copy_from_former(instruction)
                case "COPY":
                    self._copy(instruction, folder)
                case "RUN":
                    self._run(instruction, folder, self._environment(stage))
                case _:  # what a process in the image will find
                    pass

    def _copy_from_former(self, instruction: Instruction) -> None:
        """The former stage is needed no more, so what is copied may as well move."""
        source, target = instruction.words
        place = Path(self.here(target))
        place.parent.mkdir(parents=True, exist_ok=True)
        (self._former / source.lstrip("/")).rename(place)

    def _copy(self, instruction: Instruction, folder: Path) -> None:
        *sources, target = instruction.words
        place = folder / self.here(target)
        for source in map(Path, sources):
            if is_ignored(source):
                raise FileNotFoundError(f"{source} is kept away from the build")
            into = place / source.name if target.endswith("/") else place
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, ignore=_ignored_below)
            else:
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, into)

    def _run(self, instruction: Instruction, folder: Path, environment: Mapping[str, str]) -> None:
        # Whoever runs the tests stands for the user of the image (`confined`), so nothing is given away.
        command = re.sub(r"--(owner|group)=\d+ ", "", self.here(instruction.text))
        result = subprocess.run(
            ["sh", "-euc", command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
        if result.returncode:
            raise RuntimeError(f"{instruction.text}\n{result.stdout}\n{result.stderr}")

    def _environment(self, stage: Stage) -> dict[str, str]:
        """This machine's, in which the Python of the tests comes first, and what the stage sets."""
        ours = re.compile("(?!ENROLLSCOPE_|PG|PYTHON|VIRTUAL_ENV)")
        kept = {name: value for name, value in os.environ.items() if ours.match(name)}
        kept["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {name: self.here(value).replace("$PATH", kept["PATH"]) for name, value in stage.environment.items()}
        # What is in the machine's cache need not be fetched again.
        return {name: value for name, value in (kept | own).items() if name != "PIP_NO_CACHE_DIR"}


def _ignored_below(folder: str, names: list[str]) -> set[str]:
    place = Path(folder).relative_to(ROOT)
    return {name for name in names if is_ignored(place / name)}
