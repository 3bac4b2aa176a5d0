"""Paths of expressions that start at the root of the service, for values of one other entity.

The rule is URL conventions 4.01 §5.1.1.13.5.
"""

from enrollscope.odata.binding.operands import ClauseFault, Operands
from enrollscope.odata.binding.resources import Member, Resource, Resources
from enrollscope.odata.edm.model import Model, Primitive
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.grammar.expr import Name, Qualified, Segment
from enrollscope.odata.grammar.path import PathSegment
from enrollscope.odata.plan.bound import Bound, Column, Combine, Compare, Comparison, Logic, SameText, TypeIs
from enrollscope.odata.plan.requests import Scope


class Elsewhere:
    """Finds the entities that expressions about one stored set name by their addresses.

    Args:
        stored: the name of that set.
    """

    def __init__(self, model: Model, resources: Resources, stored: str) -> None:
        self._model = model
        self._resources = resources
        self._stored = stored

    def find(self, segments: tuple[Segment, ...], position: int) -> tuple[Member, tuple[Segment, ...]]:
        """The entity that the first segments of a path name, and the segments behind them.

        Raises:
            ClauseFault: they lead nowhere.
            NotBuilt: they lead to something else, or to an entity of another set.
        """
        found: Member | None = None
        taken = 0
        for place, segment in enumerate(segments, start=1):
            last = isinstance(segment, Name | Qualified) and (
                segment.arguments is not None if found is None else isinstance(segment, Qualified)
            )
            if not last:
                if found is not None:
                    break
                continue
            resource = self._resolve(segments[:place], position)
            if isinstance(resource, Member):
                found, taken = resource, place
        if found is None:
            raise NotBuilt("$root is offered for the properties of one entity, named by its key.", position=position)
        if found.scope.stored.name != self._stored:
            raise NotBuilt("$root is offered for entities of the same kind alone.", position=position)
        return found, segments[taken:]

    def _resolve(self, segments: tuple[Segment, ...], position: int) -> Resource | None:
        path = tuple(_segment(each) for each in segments)
        singleton = self._model.find_singleton(path[0].name)
        if singleton is not None and singleton.caller_in is not None:
            raise NotBuilt(f"'{singleton.name}' is not offered behind $root; name a key.", position=position)
        try:
            return self._resources.resolve(path, None)
        except BadRequest as error:
            raise ClauseFault(error.message, position) from error
        except NotBuilt:  # what is read on the way to it only, such as a user
            return None

    def condition(self, member: Member, operands: Operands) -> Bound:
        """What is true of the entity alone."""
        scope: Scope = member.scope
        key = Column(scope.declared.key_property.name, Primitive.STRING)
        found: Bound = Compare(Comparison.EQ, key, operands.parameter(member.key, Primitive.STRING))
        for link in scope.links:
            linked = SameText(Column(link.property, Primitive.STRING), operands.parameter(link.value, Primitive.STRING))
            found = Combine(Logic.AND, found, linked)
        if scope.types != self._model.stored_as(self._model.entity(scope.stored.type)):
            found = Combine(Logic.AND, found, TypeIs(scope.types))
        return found


def _segment(segment: Segment) -> PathSegment:
    if not isinstance(segment, Name | Qualified):
        raise NotBuilt("$root is offered for the properties of one entity.", position=segment.position)
    return PathSegment(segment.name, segment.name, segment.arguments)
