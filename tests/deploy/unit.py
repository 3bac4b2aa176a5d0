"""The systemd unit and its environment file, read into values."""

from dataclasses import dataclass
from pathlib import Path

from tests.deploy.containerfile import ROOT

UNIT = ROOT / "deploy" / "enrollscope.service"
RETENTION = UNIT.with_name("enrollscope-retention@.service")
ENVIRONMENT = ROOT / "deploy" / "enrollscope.env"


@dataclass(frozen=True, slots=True)
class Unit:
    """Section and name → what is assigned, in order. No value here spans lines or is quoted."""

    assigned: dict[tuple[str, str], list[str]]

    @classmethod
    def read(cls, path: Path = UNIT) -> "Unit":
        """Read a unit of this project."""
        assigned: dict[tuple[str, str], list[str]] = {}
        section = ""
        for line in map(str.strip, path.read_text(encoding="utf-8").splitlines()):
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                name, _, value = line.partition("=")
                assigned.setdefault((section, name), []).append(value)
        return cls(assigned)

    def service(self, name: str) -> str:
        """The one value of a name in [Service]."""
        (value,) = self.assigned["Service", name]
        return value
