"""Whether the body of an update suits the entity that it meets.

The reader does not know the stored entity's type, and the store does not know what the client sees; so the reader says
which stored types its body fits, and whoever holds the row asks, in the transaction that holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from enrollscope.odata.edm.model import EntityType
from enrollscope.odata.errors import BadRequest, ODataError
from enrollscope.odata.json.faults import unknown_property
from enrollscope.odata.plan.commands import Judged


@dataclass(frozen=True, slots=True)
class Fit:
    """The stored types that a body fits.

    Attributes:
        names: the properties that the body changes.
        declared: the type that the body's `@odata.type` names; `None`: it names none.
        shown: stored type → the type that the client of this view sees in its place.
    """

    names: frozenset[str]
    declared: EntityType | None
    shown: Mapping[str, EntityType]

    def refusal(self, stored_type: str) -> ODataError | None:
        """Say why the body cannot change an entity of that stored type; `None`: it can."""
        if self._fits(stored_type):
            return None
        shown = self.shown[stored_type]
        if self.declared is not None and self.declared.name != shown.name:
            return BadRequest(
                f"The type of an entity cannot change: the body says '{self.declared.name_in_model}', "
                f"and this is a '{shown.name_in_model}'. Leave '@odata.type' out, or name that type.",
                target="@odata.type",
            )
        return unknown_property(min(self.names - shown.by_name.keys()), (shown,), "")

    def check(self, stored_type: str) -> None:
        """Refuse a body that does not fit.

        Raises:
            BadRequest: `@odata.type` names another type than the entity's (contract §12 row 5).
            ModelValidationFailure: the entity's type lacks a property of the body.
        """
        refusal = self.refusal(stored_type)
        if refusal is not None:
            raise refusal

    def __reduce__(self) -> tuple[type[Judged], tuple[frozenset[str]]]:
        """Go to another process without the model, which is a thousand times what it needs there."""
        return Judged, (frozenset(name for name in self.shown if not self._fits(name)),)

    def _fits(self, stored_type: str) -> bool:
        shown = self.shown[stored_type]
        return (self.declared is None or self.declared.name == shown.name) and self.names <= shown.by_name.keys()
