"""As much of a Containerfile as ours uses, read into values; and what its ignore file keeps away from a build."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "Containerfile"
IGNORED = ROOT / ".containerignore"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `text` is what follows the word and the options."""

    word: str
    options: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments of the JSON form, or else what stands between spaces."""
        if self.text.startswith("["):
            words: list[str] = json.loads(self.text)
            return words
        return self.text.split()


@dataclass(frozen=True, slots=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[Instruction]:
        """Every instruction of a kind."""
        return [instruction for instruction in self.instructions if instruction.word == word]

    def last(self, word: str) -> Instruction:
        """The one that is in force."""
        return self.all(word)[-1]

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets, as it is written."""
        pairs = [pair for instruction in self.all("ENV") for pair in instruction.words]
        return dict(pair.split("=", 1) for pair in pairs)

    @property
    def health_command(self) -> list[str]:
        """What HEALTHCHECK runs, in its JSON form."""
        command: list[str] = json.loads(self.last("HEALTHCHECK").text.removeprefix("CMD "))
        return command


def read_stages(text: str) -> list[Stage]:
    """Read a file whose comments have lines of their own."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages: list[tuple[str, str, list[Instruction]]] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        instruction = read_instruction(line)
        if instruction.word == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            stages.append((base, name, []))
        else:
            stages[-1][2].append(instruction)
    return [Stage(base, name, tuple(instructions)) for base, name, instructions in stages]


def read_instruction(line: str) -> Instruction:
    """Read one joined line."""
    word, _, rest = line.partition(" ")
    options = {}
    while option := re.match(r"--([a-z-]+)=(\S+) +", rest):
        options[option[1]] = option[2]
        rest = rest[option.end() :]
    return Instruction(word, options, rest.strip())


def is_ignored(path: Path) -> bool:
    """Whether the ignore file keeps a path away; of the patterns that match it or its folders, the last counts."""
    ignored = False
    for line in IGNORED.read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            wanted = pattern.removeprefix("!")
            if any(_matches(place, wanted) for place in (path, *path.parents)):
                ignored = not pattern.startswith("!")
    return ignored


def _matches(path: Path, pattern: str) -> bool:
    expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return path != Path() and re.fullmatch(expression, path.as_posix()) is not None
