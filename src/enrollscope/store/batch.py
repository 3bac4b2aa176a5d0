"""What a batch of commands makes of the rows it concerns: the rules of writing, without a database.

Commands apply in order, so two updates of one entity in one batch see each other. A command that is refused changes
nothing and leaves its neighbours alone, unless they are to be carried out together. What comes out is the *net* change
of each row and the whole log.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from enrollscope.odata.edm.layout import KEY, TYPE, VERSION, Layout, Record
from enrollscope.odata.errors import Conflict, ODataError, PreconditionFailed, ResourceNotFound
from enrollscope.odata.json.merge import create, difference, merge
from enrollscope.odata.plan.commands import Actor, Command, Create, Delete, LinkedTo, Update
from enrollscope.store.base import RefusedTogether, Written

Place: TypeAlias = tuple[str, str, str]
"""Tenant, stored set, key."""


@dataclass(frozen=True, slots=True)
class Together:
    """Commands that take effect as one: all of them, or none."""

    commands: tuple[Command, ...]


Unit: TypeAlias = Command | Together
"""What succeeds or fails by itself."""

Outcome: TypeAlias = Written | tuple[Written, ...] | ODataError | RefusedTogether
"""What a unit came to: `Written`, or one for each command that belongs together; or why nothing of it was done."""

_TO_LOWER = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}


def place_of(command: Command) -> Place:
    """Where the entity of a command lies."""
    return command.actor.tenant, command.stored, command.key


def commands_of(units: Iterable[Unit]) -> Iterator[Command]:
    """Every command of some units, in order."""
    for unit in units:
        if isinstance(unit, Together):
            yield from unit.commands
        else:
            yield unit


def ascii_lower(text: str) -> str:
    """Fold the letters A to Z alone, as `lower()` of both databases does under the collation we use."""
    return text.lower() if text.isascii() else text.translate(_TO_LOWER)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the change log, before it has a position."""

    actor: Actor
    stored: str
    kind: str
    before: Record | None
    after: Record | None

    @property
    def record(self) -> Record:
        """The entity after the change; before it, for a deletion."""
        record = self.after or self.before
        if record is None:
            raise ValueError("a change has a record on at least one side")
        return record


@dataclass(slots=True)
class RowChange:
    """What becomes of one row.

    Attributes:
        before: as it lies in the database; `None` where there is none.
        after: as it shall lie there; `None` for none.
        at: ticks, UTC, of the last change.
        created: ticks, UTC, of the creation, when it is part of the batch.
    """

    before: Record | None
    after: Record | None
    at: int = 0
    created: int | None = None


@dataclass(slots=True)
class Batch:
    """The rows under change, what each unit came to, and the log.

    Attributes:
        rows: what the commands concern, as it lies in the database.
    """

    layouts: Mapping[str, Layout]
    rows: dict[Place, RowChange]
    outcomes: list[Outcome] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)

    @classmethod
    def over(cls, layouts: Mapping[str, Layout], rows: Mapping[Place, Record | None]) -> "Batch":
        """Begin with the rows as they lie in the database; a place without a row maps to `None`."""
        return cls(layouts, {place: RowChange(record, record) for place, record in rows.items()})

    def apply(self, units: Sequence[Unit]) -> None:
        """Apply commands in order, adding an outcome for each unit."""
        for unit in units:
            try:
                self.outcomes.append(self._together(unit) if isinstance(unit, Together) else self._apply(unit))
            except (ODataError, RefusedTogether) as refusal:
                self.outcomes.append(refusal)

    def changed(self) -> list[tuple[Place, RowChange]]:
        """The rows that must be written."""
        return [(place, row) for place, row in self.rows.items() if row.after is not row.before]

    def _apply(self, command: Command) -> Written:
        match command:
            case Create():
                return self._create(command)
            case Update():
                return self._update(command)
            case Delete():
                return self._delete(command)
            case _:
                assert_never(command)

    def _together(self, unit: Together) -> tuple[Written, ...]:
        before = {place: replace(self.rows[place]) for place in map(place_of, unit.commands)}
        logged = len(self.log)
        written: list[Written] = []
        for number, command in enumerate(unit.commands):
            try:
                written.append(self._apply(command))
            except ODataError as refusal:
                self.rows.update(before)
                del self.log[logged:]
                raise RefusedTogether(number, refusal) from refusal
        return tuple(written)

    def _create(self, command: Create) -> Written:
        row = self.rows[place_of(command)]
        if row.after is not None:
            raise Conflict(f"'{command.stored}' has an entity with the key '{command.key}' already.")
        record = create(self.layouts[command.stored], command.key, command.type, command.values)
        row.created = command.actor.at
        self._log(command, row, "created", record)
        return Written(record)

    def _update(self, command: Update) -> Written:
        row, before = self._existing(command)
        if command.fit is not None:
            command.fit.check(before[TYPE])
        after = merge(self.layouts[command.stored], before, command.changes)
        if after is before:
            return Written(before, changed=False)
        self._log(command, row, "updated", after)
        return Written(after)

    def _delete(self, command: Delete) -> Written:
        row, before = self._existing(command)
        self._log(command, row, "deleted", None)
        return Written(before)

    def _existing(self, command: Update | Delete) -> tuple[RowChange, Record]:
        row = self.rows[place_of(command)]
        record = row.after
        if (
            record is None
            or record[TYPE] not in command.types
            or (command.links and not is_linked(self.layouts[command.stored], record, command.links))
        ):
            raise ResourceNotFound(f"There is no '{command.key}' here.")
        if not command.precondition.holds(record[VERSION]):
            raise PreconditionFailed(
                f"'{command.key}' has changed since it was read, or does not fit If-None-Match: read it again."
            )
        return row, record

    def _log(self, command: Command, row: RowChange, kind: str, after: Record | None) -> None:
        self.log.append(Entry(command.actor, command.stored, kind, row.after, after))
        row.after = after
        row.at = command.actor.at


def is_linked(layout: Layout, record: Record, links: tuple[LinkedTo, ...]) -> bool:
    """Tell whether a record fulfils what a navigation path demands (`plan.commands.LinkedTo`)."""
    for link in links:
        value = record[layout.index[link.property]]
        if value is None or ascii_lower(value) != ascii_lower(link.value):
            return False
    return True


def spelled(layouts: Mapping[str, Layout], entry: Entry) -> tuple[str, int, dict[str, object], dict[str, object]]:
    """Key, version, and the changed properties before and after, as the log keeps them."""
    before, after = difference(layouts[entry.stored], entry.before, entry.after)
    return entry.record[KEY], entry.record[VERSION], before, after
