"""Which properties of a stored set are indexed: one answer for the tables and for what writes them."""

from dataclasses import dataclass

from enrollscope.odata.edm.model import StoredSet
from enrollscope.odata.edm.schema import Schema


@dataclass(frozen=True, slots=True)
class Indexed:
    """The indexes of a stored set, each after the tenant and before the key.

    Attributes:
        order: the properties of the default order: an unfiltered page is a range of this index.
        links: the properties through which navigation reaches the set: each has an index with `order` behind it.
        apart: the properties that often change and are indexed apart from the rows, where that saves something: each
            with `order` behind it (`index_table.py`).
        rewritten: the properties whose texts often change, which are kept with those.
    """

    order: tuple[str, ...]
    links: tuple[str, ...]
    apart: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: Schema, stored: StoredSet) -> "Indexed":
        """Read the indexes off the model."""
        links = (
            item.link.property
            for entity in schema.entities
            for item in entity.navigation
            if item.stored_in == stored.name and item.link is not None
        )
        order = tuple(name.removeprefix("-") for name in stored.default_order)
        return cls(order, tuple(dict.fromkeys(links)), stored.often_changed, stored.often_rewritten)

    @property
    def properties(self) -> frozenset[str]:
        """Every property that some index of the rows themselves holds."""
        return frozenset((*self.order, *self.links))
