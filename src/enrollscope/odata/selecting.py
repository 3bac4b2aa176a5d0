"""`$select` bound: properties, parts of complex ones, computed ones (URL conventions 4.01 §5.1.3)."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from enrollscope.odata.clauses import SelectItem, SelectOption
from enrollscope.odata.edm import ComplexType, EntityType, Model, Property, visible_properties
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.expr import Name, Qualified, Segment, Star
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan import Projection, Selected, Shown

SELECT_FAULT = "Parsing OData Select and Expand failed"

_Tree: TypeAlias = dict[str, "_Tree | None"]
"""Names and, of each, what of it; `None`: all."""


class Selecting:
    """Binds the select list of one request.

    Args:
        computed: what the request computes, in the spelling of its aliases.
    """

    def __init__(self, model: Model, declared: EntityType, computed: Sequence[Shown] = ()) -> None:
        self._model = model
        self._declared = declared
        self._computed = computed
        self._tree: _Tree = {}
        self._written: dict[str, None] = {}
        self._everything = False
        self._chosen: dict[str, None] = {}

    def bind(self, items: Sequence[SelectItem]) -> Projection:
        """Understand a select list.

        Raises:
            BadRequest: a name that nothing has.
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
        tree = self._tree
        names = [found.name]
        for segment in segments[1:]:
            kind = _complex(found)
            tree = _enter(tree, found.name)
            found = _find(kind, kind.properties, segment)
            names.append(found.name)
        written = prefix + "/".join(names)
        if not item.options:
            tree[found.name] = None
            self._written[written] = None
            return
        kind = _complex(found)
        for inner in _nested(item):
            self._inside(kind, _enter(tree, found.name), inner, written)

    def _inside(self, kind: ComplexType, tree: _Tree, item: SelectItem, written: str) -> None:
        if isinstance(item.path.segments[0], Star):
            tree.update(dict.fromkeys(kind.by_name))
            self._written[written] = None
            return
        names: list[str] = []
        found: Property | None = None
        for segment in item.path.segments:
            if found is not None:
                kind, tree = _complex(found), _enter(tree, found.name)
            found = _find(kind, kind.properties, segment)
            names.append(found.name)
        written = "/".join([written, *names])
        if found is None:
            return
        if not item.options:
            tree[found.name] = None
            self._written[written] = None
            return
        for inner in _nested(item):
            self._inside(_complex(found), _enter(tree, found.name), inner, written)


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


def _nested(item: SelectItem) -> Sequence[SelectItem]:
    """The inner select list of an item, the only option that is offered there."""
    for option in item.options:
        if not isinstance(option, SelectOption):
            name = type(option).__name__.removesuffix("Option")
            raise NotBuilt(
                f"Inside of $select only $select itself is offered, not {name}.",
                target="$select",
                position=option.position,
            )
    return [inner for option in item.options if isinstance(option, SelectOption) for inner in option.items]


def _parts(tree: Mapping[str, "_Tree | None"]) -> tuple[Selected, ...]:
    return tuple(Selected(name, _inner(branch)) for name, branch in tree.items() if branch is not None)


def _inner(branch: "_Tree | None") -> tuple[Selected, ...] | None:
    return None if branch is None else tuple(Selected(name, _inner(inner)) for name, inner in branch.items())
