"""`$search` as a condition: the text stands somewhere in a string of the entity.

A word or phrase matches where a string contains it, without regard to case by the rules of Unicode; strings inside of
complex values and collections count as well. URL conventions 4.01 §5.1.7 leaves all of that to the service.
"""

from collections.abc import Iterable
from typing import assert_never

from enrollscope.odata.binding.operands import Operands
from enrollscope.odata.binding.rows import Branch, Found, Many, Structure, StructureRow, element_of, members
from enrollscope.odata.edm.model import ComplexType, Primitive
from enrollscope.odata.grammar.expr import Search, SearchLogical, SearchNot, SearchPhrase, SearchRaw, SearchWord
from enrollscope.odata.plan.bound import Bound, Combine, Logic, Mentions, Not, Quantified, Quantifier


def mentions(search: Search, found: Iterable[Found], operands: Operands) -> Bound:
    """Bind a search over values; only strings among them, and inside of them, count.

    Raises:
        ClauseFault: text that no string can hold.
    """
    return _Searched(list(found), operands).bind(search)


class _Searched:
    def __init__(self, found: list[Found], operands: Operands) -> None:
        self._found = found
        self._operands = operands
        operands.unshareable()

    def bind(self, search: Search) -> Bound:
        match search:
            case SearchWord(text=text) | SearchPhrase(text=text):
                return self._anywhere(self._operands.text(text), self._found)
            case SearchRaw(text=text):
                # Somebody is still typing: each word counts, whatever it is.
                words = [SearchWord(word) for word in text.split()] or [SearchWord("")]
                return _joined(Logic.AND, [self.bind(word) for word in words])
            case SearchNot(operand=operand):
                return Not(self.bind(operand))
            case SearchLogical(operator=operator, operands=operands):
                logic = Logic.AND if operator == "AND" else Logic.OR
                return _joined(logic, [self.bind(item) for item in operands])
            case _:
                assert_never(search)

    def _anywhere(self, text: Bound, found: Iterable[Found]) -> Bound:
        strings: list[Bound] = []
        others: list[Bound] = []
        waiting = list(found)
        while waiting:
            match waiting.pop(0):
                case Structure() as structure:
                    waiting += members(StructureRow(structure))
                case Branch() as branch:
                    waiting += members(branch)
                case Many(type=ComplexType() | Primitive.STRING) as many:
                    variable = self._operands.variable()
                    inner = self._anywhere(text, [element_of(many, variable)])
                    others.append(Quantified(Quantifier.ANY, many.source, variable, inner))
                case Many():
                    pass
                case item:
                    if item.type is Primitive.STRING:
                        strings.append(item)
        return _joined(Logic.OR, [Mentions(text, tuple(strings)), *others])


def _joined(logic: Logic, conditions: list[Bound]) -> Bound:
    found, *others = conditions
    for other in others:
        found = Combine(logic, found, other)
    return found
