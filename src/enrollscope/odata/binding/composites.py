"""Structured values and collections as wholes: as literals, compared, as arguments of functions.

URL conventions 4.01 §5.1.1.1 compares them, §5.1.1.5 and §5.1.1.6 have functions of collections, §5.1.1.13.2 the
literals, whose items may be expressions.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

from enrollscope.odata.binding.loose import Items, Loose, Members, Typed, is_collection, is_composite, is_null
from enrollscope.odata.binding.operands import ClauseFault, Word, type_name
from enrollscope.odata.binding.paths import Paths
from enrollscope.odata.binding.rows import Many, Structure, readable_inside
from enrollscope.odata.edm.functions import Function
from enrollscope.odata.edm.model import ComplexType, EnumType, Primitive, ValueType
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.expr import Call, Literal
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan.bound import (
    Bound,
    Built,
    Case,
    CollectionCall,
    Combine,
    Compare,
    Comparison,
    Composite,
    Joined,
    Listed,
    Logic,
    Not,
    Null,
    Parameter,
    Part,
    Present,
    Same,
    ScalarType,
    Size,
    Whole,
)
from enrollscope.odata.plan.promotion import INTEGERS, common_type

_OVERLOADED = frozenset({"concat", "contains", "endsWith", "indexOf", "length", "startsWith", "substring"})
"""Functions of strings that are functions of collections, too."""

_IN_A_ROW = 4

_Item: TypeAlias = Bound | Composite


class Composites(Paths, ABC):
    """Binds what speaks of composite values as wholes."""

    @abstractmethod
    def fix(self, operand: Loose, wanted: ScalarType | None, position: int) -> Bound:
        """Turn what is loose into a value."""

    def constant(self, *, truth: bool) -> Bound:
        """What is true, or false, whatever the row."""
        return self._operands.parameter(truth, Primitive.BOOLEAN)

    def same(self, operator: Comparison, left: Loose, right: Loose, position: int) -> Bound:
        """Bind a comparison of which at least one side is composite.

        Raises:
            ClauseFault: they do not go together, or are to be ordered.
            NotBuilt: there is something in them that cannot be compared.
        """
        if operator not in (Comparison.EQ, Comparison.NE):
            raise ClauseFault("Structured values and collections have no order; compare them with eq and ne.", position)
        equal = self.equal_wholes(left, right, position)
        if operator is Comparison.EQ:
            return equal
        return equal.operand if isinstance(equal, Not) else Not(equal)

    def equal_wholes(self, left: Loose, right: Loose, position: int) -> Bound:
        """Bind `eq` of which at least one side is composite; for the rest see `same`."""
        for one, other in ((left, right), (right, left)):
            if is_null(other):  # which no collection and no literal is
                return Not(Present(one.source)) if isinstance(one, Structure) else self.constant(truth=False)
            if not is_composite(other):
                if isinstance(one, Many):
                    self.fix(one, None, position)
                kind = type_name(self.fix(other, None, position).type)
                raise ClauseFault(f"A structured value or a collection is never equal to '{kind}'.", position)
        first, second = self._both(left, right, position)
        return Same(first.value, second.value)

    def one_of(self, left: Loose, items: Sequence[tuple[Loose, int]]) -> Bound:
        """Bind `in` with a composite value on the left, and several on the right."""
        equal = [self.equal_wholes(left, item, position) for item, position in items]
        return joined(Logic.OR, equal) if equal else self.constant(truth=False)

    def among(self, left: Loose, right: Typed, position: int) -> Bound:
        """Bind `in` with a collection on the right that was made."""
        one = self._array(Items(((left, position),)), right.type)
        return CollectionCall("contains", (right.value, one.value), Primitive.BOOLEAN)

    def cast_whole(self, operand: Loose, wanted: ValueType, position: int, *, collection: bool) -> Loose:
        """Bind `cast` of a composite value, or to a collection: it stays what it is, or is null (§5.1.1.10.1).

        Raises:
            NotBuilt: the items of a collection would become others.
        """
        null = Literal("null", None, position)
        if not is_composite(operand) or is_collection(operand) is not collection:
            return null
        kind = self._type_of(operand, literals=False) or self._type_of(operand, literals=True)
        if isinstance(operand, Items | Members) and (kind is None or isinstance(kind, ComplexType)):
            return self._whole(operand, wanted, position) if isinstance(wanted, ComplexType) else null
        if kind is wanted:
            return operand
        if isinstance(kind, ComplexType) or isinstance(wanted, ComplexType):
            return null
        raise NotBuilt("cast() of the items of a collection is not offered.", position=position)

    def takes_collections(self, function: Function, *, composite: bool) -> bool:
        """Whether a call means the overload of a function for collections; `composite`: an argument may be one."""
        return not function.signatures or (composite and function.name in _OVERLOADED)

    def call_of_collections(self, function: Function, call: Call, operands: Sequence[Loose]) -> Loose:
        """Bind a function of collections.

        Raises:
            ClauseFault: an argument that it does not take.
            NotBuilt: items that cannot be compared.
        """
        alone = function.name in ("length", "substring")
        collections = operands[:1] if alone else operands
        for operand, argument in zip(collections, call.arguments, strict=False):
            if isinstance(operand, Word):
                raise self.unknown(operand.name, operand.position)
            if not is_collection(operand) and not is_null(operand):
                wanted = "a collection" if alone else "two collections"
                either = " or strings" if function.signatures else ""
                raise ClauseFault(f"{function.name} takes {wanted}{either}.", argument.position)
        result = function.signatures[0].result if function.signatures else Primitive.BOOLEAN
        if any(map(is_null, collections)):
            return Null(None if function.name in ("concat", "substring") else result)
        if alone:
            return self._length(operands[0], call.position) if function.name == "length" else self._part(operands, call)
        first, second = self._both(operands[0], operands[1], call.position)
        if function.name == "concat":
            return Typed(Joined(first.value, second.value), first.type or second.type, collection=True)
        return CollectionCall(call.function, (first.value, second.value), result)

    def _length(self, operand: Loose, position: int) -> Bound:
        if isinstance(operand, Many):
            variable, condition = (self._operands.variable(), None) if operand.kept is None else operand.kept
            return Size(operand.source, variable, condition)
        return CollectionCall("length", (self._whole(operand, None, position).value,), Primitive.INT32)

    def _part(self, operands: Sequence[Loose], call: Call) -> Typed:
        whole = self._whole(operands[0], None, call.arguments[0].position)
        numbers: list[Bound] = []
        for operand, argument in zip(operands[1:], call.arguments[1:], strict=True):
            number = self.fix(operand, Primitive.INT32, argument.position)
            if number.type is not None and number.type not in INTEGERS:
                raise ClauseFault(
                    f"substring takes integers behind a collection, not '{type_name(number.type)}'.", argument.position
                )
            numbers.append(number)
        return Typed(Part(whole.value, *numbers), whole.type, collection=True)

    def _both(self, left: Loose, right: Loose, position: int) -> tuple[Typed, Typed]:
        """Two composite values that go together: literals in them take the type of the others."""
        pair = (left, right)
        known = (self._type_of(operand, literals) for literals in (False, True) for operand in pair)
        wanted = next((kind for kind in known if kind is not None), None)
        first, second = (self._whole(operand, wanted, position) for operand in pair)
        if first.collection is not second.collection or not _go_together(first.type, second.type):
            raise ClauseFault(f"'{_title(first)}' and '{_title(second)}' do not go together.", position)
        return first, second

    def _type_of(self, operand: Loose, literals: bool) -> ValueType | None:  # noqa: FBT001 - of no use outside
        """The type of a value or of the items of a collection, as far as it says so itself, by literals or without."""
        match operand:
            case Many(type=kind) | Structure(type=kind) | Typed(type=kind):
                return kind
            case Items(items=items):
                found = (
                    self._type_of(item, literals)
                    if is_composite(item)
                    else self.fix(item, None, position).type
                    if isinstance(item, Literal) is literals and not isinstance(item, Word)
                    else None
                    for item, position in items
                )
                return next((kind for kind in found if kind is not None), None)
            case _:
                return None

    def _whole(self, operand: Loose, wanted: ValueType | None, position: int) -> Typed:
        """A composite value, of the type that is wanted where it can be."""
        match operand:
            case Many(source=source, type=kind, kept=kept):
                _check_inside(kind, position)
                return Typed(Whole(source, collection=True, kept=kept), kind, collection=True)
            case Structure(source=source, type=kind):
                _check_inside(kind, position)
                return Typed(Whole(source, collection=False), kind, collection=False)
            case Typed():
                return operand
            case Items():
                return self._array(operand, wanted)
            case Members():
                complex_type = wanted if isinstance(wanted, ComplexType) else None
                return Typed(self._object(operand, complex_type), complex_type, collection=False)
            case _:
                raise TypeError(f"{type(operand).__name__} is not composite")

    def _array(self, array: Items, wanted: ValueType | None) -> Typed:
        """The items of an array, of one type."""
        if wanted is None:
            wanted = self._type_of(array, literals=False) or self._type_of(array, literals=True)
        items = tuple(self._item(item, wanted, position) for item, position in array.items)
        return Typed(Listed(items), wanted, collection=True)

    def _item(self, operand: Loose, wanted: ValueType | None, position: int) -> _Item:
        """One item of an array, or one member of an object."""
        if is_null(operand):
            return Null(None)
        if is_composite(operand):
            item = self._whole(operand, wanted, position)
            # An array in an array is of no type that a model has, but can be compared with another such.
            if item.collection or _go_together(item.type, wanted):
                return item.value
        elif not isinstance(wanted, ComplexType):
            bound = self.fix(operand, wanted, position)
            if _go_together(bound.type, wanted):
                return self._spelt(bound, position)
        raise ClauseFault(
            f"A value of type '{'null' if wanted is None else wanted.name_in_model}' is wanted.", position
        )

    def _spelt(self, item: Bound, position: int) -> Bound:
        """An item in the form in which it would be stored in a collection."""
        kind = item.type
        if kind is Primitive.BINARY:
            raise NotBuilt("Values of type 'Edm.Binary' are not offered in arrays and objects.", position=position)
        if self._operands.is_not_a_number(item):
            raise NotBuilt("NaN is not offered in arrays and objects; nothing equals it.", position=position)
        if not isinstance(kind, EnumType):
            return item
        names = {member.value: member.name for member in (*kind.hidden, *kind.members)}
        if isinstance(item, Parameter):
            self._operands.unshareable()
            number = self._operands.parameters[item.index]
            if self._operands.hidden_numbers(kind, number):
                raise NotBuilt(
                    f"'{names[number]}' stands for several members, and is not offered in arrays and objects.",
                    position=position,
                )
            return self._operands.text(names[number])
        branches = [
            (Compare(Comparison.EQ, item, self._operands.parameter(number, kind)), self._operands.text(name))
            for number, name in names.items()
        ]
        return Case(tuple(branches), Null(Primitive.STRING), Primitive.STRING)

    def _object(self, written: Members, wanted: ComplexType | None) -> Built:
        """The members of an object, by the names of its type where that is known."""
        members: dict[str, _Item] = {}
        for name, operand, position in written.members:
            if "@" in name:
                raise NotBuilt("Annotations in objects are not offered in expressions.", position=position)
            item = None if wanted is None else wanted.find(name)
            if wanted is not None and item is None:
                hint = near_name(name, [each.name for each in wanted.properties])
                raise ClauseFault(
                    f"Could not find a property named '{name[:200]}' on type '{wanted.name_in_model}'.{hint}", position
                )
            if item is None:
                members[name] = self._item(operand, None, position)
            elif item.collection is is_collection(operand):
                members[item.name] = self._item(operand, item.type, position)
            elif not is_null(operand):
                raise ClauseFault(f"'{item.name}' is {'a' if item.collection else 'no'} collection.", position)
            else:
                members[item.name] = Null(None)
        return Built(tuple(sorted(members.items(), key=lambda member: member[0])))


def _go_together(one: ValueType | None, other: ValueType | None) -> bool:
    if one is None or other is None or one is other:
        return True
    if isinstance(one, ComplexType) or isinstance(other, ComplexType):
        return False
    return common_type(one, other) is not None


def _title(value: Typed) -> str:
    name = "null" if value.type is None else value.type.name_in_model
    return f"Collection({name})" if value.collection else name


def _check_inside(kind: ValueType, position: int) -> None:
    """Refuse to compare what holds values that are stored there in another form than that of an operand."""
    waiting: list[ValueType] = [kind]
    seen: set[str] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, ComplexType):
            if found.name not in seen:
                seen.add(found.name)
                waiting += [item.type for item in found.properties]
        elif found is Primitive.DECIMAL or not readable_inside(found):
            raise NotBuilt(
                f"Values of type '{found.name_in_model}' inside of other values are not compared as a whole; "
                "ask for the single properties.",
                position=position,
            )


def joined(logic: Logic, conditions: list[Bound]) -> Bound:
    """Join conditions; many of them so that the result is not deep: what walks or hashes it does so by recursion."""
    if len(conditions) > _IN_A_ROW:
        middle = len(conditions) // 2
        return Combine(logic, joined(logic, conditions[:middle]), joined(logic, conditions[middle:]))
    found = conditions[0]
    for condition in conditions[1:]:
        found = Combine(logic, found, condition)
    return found
