"""`$select` bound: properties, parts of complex ones, computed ones (URL conventions 4.01 §5.1.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from enrollscope.odata.binding.picking import Picking
from enrollscope.odata.binding.rows import Many
from enrollscope.odata.edm.model import ComplexType, EntityType, Model, Property, visible_properties
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.grammar.clauses import AliasOption, ComputeOption, Option, SelectItem, SelectOption
from enrollscope.odata.grammar.expr import Name, Qualified, Segment, Star
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan.bound import Source
from enrollscope.odata.plan.requests import Picked, Projection, Selected, Shown

SELECT_FAULT = "Parsing OData Select and Expand failed"

_Tree: TypeAlias = dict[str, "_Tree | None"]
"""Names and, of each, what of it; `None`: all."""


class Selecting:
    """Binds the select list of one request.

    Args:
        computed: what the request computes, in the spelling of its aliases.
        picking: binds the options of collections; `None`: they are not offered.
    """

    def __init__(
        self, model: Model, declared: EntityType, computed: Sequence[Shown] = (), picking: Picking | None = None
    ) -> None:
        self._model = model
        self._declared = declared
        self._computed = computed
        self._picking = picking
        self._tree: _Tree = {}
        self._ends: set[tuple[str, ...]] = set()
        self._picked: dict[tuple[str, ...], Picked] = {}
        self._written: dict[str, None] = {}
        self._everything = False
        self._chosen: dict[str, None] = {}

    def bind(self, items: Sequence[SelectItem]) -> Projection:
        """Understand a select list.

        Raises:
            BadRequest: a name that nothing has.
            ClauseFault: something in the options of a collection is wrong.
            NotBuilt: valid OData that is not offered.
        """
        for item in items:
            self._item(item)
        shown = [item for item in self._computed if self._everything or item.path[0] in self._chosen]
        return Projection(
            None if self._everything else tuple(self._tree),
            ",".join(self._written),
            () if self._everything else _parts(self._tree),
            tuple(shown),
            tuple(self._picked.values()),
        )

    def _item(self, item: SelectItem) -> None:
        segments = item.path.segments
        match segments[0]:
            case Star(namespace=None):
                self._everything = True
                self._written["*"] = None
            case Qualified(name=cast, arguments=None) if len(segments) > 1:
                entity = self._cast(cast)
                self._property(entity, entity.all_properties, f"{entity.name_in_model}/", segments[1:], item)
            case Name(name=name, arguments=None):
                computed = next((each for each in self._computed if each.path[0].lower() == name.lower()), None)
                if computed is not None and len(segments) == 1 and not item.options:
                    self._chosen[computed.path[0]] = None
                    self._written[computed.path[0]] = None
                    return
                known = visible_properties(self._model, self._declared)
                self._property(self._declared, known, "", segments, item)
            case _:
                raise NotBuilt("$select takes the names of properties.", target="$select", position=item.path.position)

    def _cast(self, name: str) -> EntityType:
        entity = self._model.find_type(name)
        if not isinstance(entity, EntityType) or not entity.is_a(self._declared):
            raise BadRequest(
                f"{SELECT_FAULT}: '{name}' is not a type derived from '{self._declared.name_in_model}'.",
                target="$select",
            )
        return entity

    def _property(
        self,
        owner: EntityType,
        known: Sequence[Property],
        prefix: str,
        segments: tuple[Segment, ...],
        item: SelectItem,
    ) -> None:
        found = _find(owner, known, segments[0])
        spot = _Spot(self._tree, found, (found.name,))
        for segment in segments[1:]:
            spot = spot.go_into(segment)
        self._choose(spot, prefix, item)

    def _choose(self, spot: "_Spot", prefix: str, item: SelectItem) -> None:
        """Note a property that is selected, with what is said of it in parentheses."""
        picked = self._picked_out(spot, prefix, item)
        nested = [inner for option in item.options if isinstance(option, SelectOption) for inner in option.items]
        if picked is not None:
            self._picked[spot.path] = replace(picked, computed=_chosen_of(picked, nested)) if nested else picked
        if not nested:
            spot.tree[spot.found.name] = None
            self._written[prefix + "/".join(spot.path)] = None
            return
        for inner in nested:
            self._inside(spot, prefix, inner, () if picked is None else picked.computed)

    def _inside(self, spot: "_Spot", prefix: str, item: SelectItem, computed: Sequence[Shown]) -> None:
        """Note an item of the select list of a complex property."""
        kind = _complex(spot.found)
        first, *others = item.path.segments
        if isinstance(first, Star):
            _enter(spot.tree, spot.found.name).update(dict.fromkeys(kind.by_name))
            self._written[prefix + "/".join(spot.path)] = None
            return
        if not others and not item.options and (made := _computed(first, computed)) is not None:
            _enter(spot.tree, spot.found.name)
            self._written[prefix + "/".join((*spot.path, made.path[0]))] = None
            return
        for segment in item.path.segments:
            spot = spot.go_into(segment)
        self._choose(spot, prefix, item)

    def _picked_out(self, spot: "_Spot", prefix: str, item: SelectItem) -> Picked | None:
        """What options say of the items of a collection, if they say anything.

        Raises:
            BadRequest: they stand behind what is no collection, or behind one that is selected twice.
        """
        options = [option for option in item.options if not isinstance(option, SelectOption | AliasOption)]
        written = prefix + "/".join(spot.path)
        if spot.path in self._picked or (options and spot.path in self._ends):
            raise BadRequest(
                f"{SELECT_FAULT}: '{written}' is selected twice, and options say which of its items to show. "
                "Select it once.",
                target="$select",
                position=item.path.position,
            )
        self._ends.add(spot.path)
        if not options:
            return None
        position = options[0].position
        if self._picking is None:
            raise NotBuilt(
                "Inside of $select only $select itself is offered for the answer to a change.",
                target="$select",
                position=position,
            )
        if not spot.found.collection:
            raise _no_collection(spot.found, options[0])
        if spot.within_items:
            raise NotBuilt(
                "Options for a collection inside of the items of another collection are not offered.",
                target="$select",
                position=position,
            )
        source = Source(spot.path[0], spot.path[1:])
        return self._picking.pick(spot.path, Many(source, spot.found.type), item.options)


class _Spot(NamedTuple):
    """A property that a select list names.

    Attributes:
        tree: where its name belongs.
        path: names of properties, from the entity on.
        within_items: it is inside of the items of a collection.
    """

    tree: _Tree
    found: Property
    path: tuple[str, ...]
    within_items: bool = False

    def go_into(self, segment: Segment) -> "_Spot":
        """A property of this one."""
        kind = _complex(self.found)
        found = _find(kind, kind.properties, segment)
        inside = self.within_items or self.found.collection
        return _Spot(_enter(self.tree, self.found.name), found, (*self.path, found.name), inside)


def _computed(segment: Segment, computed: Sequence[Shown]) -> Shown | None:
    """The computed property that a segment names."""
    if not isinstance(segment, Name) or segment.arguments is not None:
        return None
    return next((each for each in computed if each.path[0].lower() == segment.name.lower()), None)


def _chosen_of(picked: Picked, items: Sequence[SelectItem]) -> tuple[Shown, ...]:
    """What a nested select list leaves of the computed properties."""
    first = [item.path.segments[0] for item in items]
    if any(isinstance(segment, Star) for segment in first):
        return picked.computed
    chosen = [_computed(segment, picked.computed) for segment in first]
    return tuple(each for each in picked.computed if each in chosen)


def _no_collection(found: Property, option: Option) -> BadRequest | NotBuilt:
    if isinstance(option, ComputeOption) and isinstance(found.type, ComplexType):
        return NotBuilt(
            "Inside of $select, $compute is offered for collections alone.", target="$select", position=option.position
        )
    return BadRequest(
        f"{SELECT_FAULT}: '{found.name}' is no collection; only $select can be said of it.",
        target="$select",
        position=option.position,
    )


def select_results(items: Sequence[SelectItem], results: Sequence[Shown]) -> tuple[Shown, ...]:
    """What a select list leaves of the rows of a grouping, in the order of the list.

    Raises:
        BadRequest: a name that the result does not have.
        NotBuilt: valid OData that is not offered.
    """
    found: dict[Shown, None] = {}
    for item in items:
        if isinstance(item.path.segments[0], Star):
            found.update(dict.fromkeys(results))
            continue
        if item.options or not all(isinstance(each, Name) for each in item.path.segments):
            raise NotBuilt("$select takes names alone behind $apply.", target="$select", position=item.path.position)
        path = tuple(each.name.lower() for each in item.path.segments if isinstance(each, Name))
        matching = [each for each in results if tuple(name.lower() for name in each.path[: len(path)]) == path]
        if not matching:
            shown = "/".join(each.name for each in item.path.segments if isinstance(each, Name))
            known = ["/".join(each.path) for each in results]
            raise BadRequest(
                f"{SELECT_FAULT}: Could not find a property named '{shown[:200]}' on the result of $apply."
                f"{near_name(shown, known)}",
                target="$select",
                position=item.path.position,
            )
        found.update(dict.fromkeys(matching))
    return tuple(found)


def _find(owner: EntityType | ComplexType, known: Sequence[Property], segment: Segment) -> Property:
    if not isinstance(segment, Name) or segment.arguments is not None:
        raise NotBuilt("$select takes the names of properties.", target="$select", position=segment.position)
    found = next((each for each in known if each.name.lower() == segment.name.lower()), None)
    if found is None:
        raise BadRequest(
            f"{SELECT_FAULT}: Could not find a property named '{segment.name[:200]}' on type '{owner.name_in_model}'."
            f"{near_name(segment.name, [each.name for each in known])}",
            target="$select",
            position=segment.position,
        )
    return found


def _complex(found: Property) -> ComplexType:
    if not isinstance(found.type, ComplexType):
        raise BadRequest(
            f"{SELECT_FAULT}: '{found.name}' has no properties of its own to select from.", target="$select"
        )
    return found.type


def _enter(tree: _Tree, name: str) -> _Tree:
    """The branch of a name; where all of it is selected already, one that changes nothing."""
    if name in tree and tree[name] is None:
        return {}
    branch = tree.setdefault(name, {})
    return {} if branch is None else branch


def _parts(tree: Mapping[str, "_Tree | None"]) -> tuple[Selected, ...]:
    return tuple(Selected(name, _inner(branch)) for name, branch in tree.items() if branch is not None)


def _inner(branch: "_Tree | None") -> tuple[Selected, ...] | None:
    return None if branch is None else tuple(Selected(name, _inner(inner)) for name, inner in branch.items())
