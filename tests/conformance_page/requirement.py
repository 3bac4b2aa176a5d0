"""Requirements of OData 4.01, and what is found of each."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tests.conformance_page.asking import Probe


class Verdict(Enum):
    """What the page says of a requirement."""

    YES = "yes"
    NOT_YET = "not yet"
    AS_GRAPH = "no, as Graph"
    DOES_NOT_APPLY = "does not apply"


@dataclass(frozen=True, slots=True)
class Asked:
    """To be found out by requests.

    Attributes:
        as_graph: why the service does otherwise on purpose, where it does; the page then says so in place of "not yet".
    """

    probe: Probe
    as_graph: str | None = None


@dataclass(frozen=True, slots=True)
class Follows:
    """Met where every binding requirement of other groups is.

    Attributes:
        groups: beginnings of numbers, such as `40M-`.
        updating: only the requirements on services that can be written to.
    """

    groups: tuple[str, ...]
    updating: bool = False


@dataclass(frozen=True, slots=True)
class DoesNotApply:
    """Not a question for this model.

    Attributes:
        reason: a sentence.
    """

    reason: str


Answer: TypeAlias = Asked | Follows | DoesNotApply


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement.

    Attributes:
        number: group and place in the conformance section of its document.
        force: `MUST`, `SHOULD`, `MAY`; `u`: of services that can be written to; `*`: of those that answer later.
        text: in our words.
    """

    number: str
    force: str
    text: str
    answer: Answer

    @property
    def binding(self) -> bool:
        """Whether conformance hangs on it."""
        return self.force.startswith("MUST") or self.force.endswith("MUST")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        detail: Markdown: what was asked, what was answered instead, or why it does not apply.
    """

    requirement: Requirement
    verdict: Verdict
    detail: str
