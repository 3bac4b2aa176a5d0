"""Whether the body of an update suits the entity that it meets, as a command says it."""

from dataclasses import dataclass
from typing import Protocol

from enrollscope.odata.errors import ODataError


class Unfit(ODataError):
    """A body does not fit; whoever still has the `json.fit.Fit` knows why."""

    def __init__(self, stored_type: str) -> None:
        super().__init__(stored_type)
        self.stored_type = stored_type


class Fitness(Protocol):
    """Whether the body of an update suits the entity that it meets."""

    def check(self, stored_type: str) -> None:
        """Refuse a body that does not fit.

        Raises:
            ODataError: why it does not; or `Unfit`, where that is known elsewhere.
        """


@dataclass(frozen=True, slots=True)
class Judged:
    """A `json.fit.Fit` without the model and the words: what goes to another process.

    Attributes:
        unfit: the stored types that the body does not fit.
    """

    unfit: frozenset[str]

    def check(self, stored_type: str) -> None:
        """See `Fitness`; the failure is `Unfit`."""
        if stored_type in self.unfit:
            raise Unfit(stored_type)
