"""The grammar of expressions (ABNF section 4): `$filter`, `$orderby`, and whatever else holds a commonExpr."""

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from enrollscope.odata.edm.functions import FUNCTIONS, Function
from enrollscope.odata.grammar.expr import (
    Alias,
    Array,
    Binary,
    BinaryOperator,
    Call,
    Case,
    Expr,
    ListExpr,
    Literal,
    Logical,
    Name,
    Object,
    Path,
    Segment,
    TypeCall,
    TypeName,
    Unary,
    Variable,
)
from enrollscope.odata.grammar.heights import height
from enrollscope.odata.grammar.lexer import MAX_DEPTH, MAX_HEIGHT, MAX_IDENTIFIER, MAX_NODES, NAME
from enrollscope.odata.grammar.members import MemberGrammar, starts_path
from enrollscope.odata.grammar.primitives import OPERAND, STRING, WORD, constant


class _Operator(NamedTuple):
    """An operator between two operands.

    Attributes:
        precedence: how tightly it binds (URL conventions 4.01 §5.1.1.17); the higher, the tighter.
        binary: its name, but for `and` and `or`.
    """

    precedence: int
    binary: BinaryOperator | None


_Part = TypeVar("_Part")

_OR = _Operator(1, None)
_AND = _Operator(2, None)
_OPERATORS: Mapping[str, _Operator] = MappingProxyType(
    {
        "or": _OR,
        "and": _AND,
        "eq": _Operator(3, "eq"),
        "ne": _Operator(3, "ne"),
        "gt": _Operator(4, "gt"),
        "ge": _Operator(4, "ge"),
        "lt": _Operator(4, "lt"),
        "le": _Operator(4, "le"),
        "has": _Operator(4, "has"),
        "in": _Operator(4, "in"),
        "add": _Operator(5, "add"),
        "sub": _Operator(5, "sub"),
        "mul": _Operator(6, "mul"),
        "div": _Operator(6, "div"),
        "divby": _Operator(6, "divby"),
        "mod": _Operator(6, "mod"),
    }
)
_NAMES_OF_OPERATORS = "|".join(sorted(_OPERATORS, reverse=True))
_OPERATOR = re.compile(rf"[ \t]+({_NAMES_OF_OPERATORS})\b([ \t]*)", re.ASCII | re.IGNORECASE)
_MEMBERSHIP = re.compile(r"[ \t]+(has|in)\b([ \t]*)", re.ASCII | re.IGNORECASE)
_WORD = re.compile(rf"{NAME}(?:\.{NAME})*+(?!-)", re.ASCII)
_JSON_STRING = re.compile(r'"(?:[^"\\\x00-\x1f\ud800-\udfff]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"')
_VARIABLES: Mapping[str, bool] = MappingProxyType({"$it": True, "$this": True, "$these": False, "$root": False})
_SETS = frozenset({"in", "has"})
_FEW_OPERATORS = MAX_DEPTH // 2  # as many can never make a tree too high
_LONGEST_CONSTANT = 5
_BLANK = frozenset(" \t")
_CONTINUES = frozenset("(/")
_NO_BARE_WORD = frozenset("'(/")
_VARIABLE = re.compile(r"\$[A-Za-z]+")


class ExpressionGrammar(MemberGrammar):
    """Reads expressions; operators, functions and keywords in any case (protocol 4.01 §11.2.1)."""

    __slots__ = ()

    def expression(self) -> Expr:
        """commonExpr, by operator precedence; one pass, so that a long chain is not a deep recursion."""
        values = [self.operand()]
        match = _OPERATOR.match(self.text, self.position)
        if match is None:
            return values[0] if self.operators <= _FEW_OPERATORS else self._not_too_high(values[0])
        pending: list[tuple[_Operator, int]] = []
        while match is not None:
            word = match[1]
            operator = _OPERATORS.get(word) or _OPERATORS[word.lower()]
            binary = operator.binary
            while pending and (
                pending[-1][0].precedence > operator.precedence
                or (binary is not None and pending[-1][0].precedence == operator.precedence)
            ):
                _reduce(values, pending)
            self.position = match.end()
            if not match[2]:
                raise self.expected("a blank and an expression")
            pending.append((operator, match.start(1)))
            if binary is None:
                values.append(self.operand())
            else:
                self.operators += 1
                values.append(self.operand() if binary not in _SETS else self._right_operand(binary))
            match = _OPERATOR.match(self.text, self.position)
        while pending:
            _reduce(values, pending)
        return values[0] if self.operators <= _FEW_OPERATORS else self._not_too_high(values[0])

    def _not_too_high(self, node: Expr) -> Expr:
        """Refuse an outermost expression that a chain such as `1 add 1 add 1` makes higher than its nesting."""
        if not self.depth and height(node) > MAX_HEIGHT:
            raise self.refused(f"the expression has more than {MAX_HEIGHT} levels; use parentheses to balance it", 0)
        return node

    def _right_operand(self, operator: BinaryOperator) -> Expr:
        if operator == "in":
            return self._collection()
        if operator == "has":
            return self.enum_literal()
        return self.operand()

    def operand(self) -> Expr:
        """What stands between operators."""
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH or self.nodes > MAX_NODES:  # enter(), without the call
            raise self.too_much()
        start = self.position
        match = _WORD.match(self.text, start)
        if match is not None:
            self.position = match.end()
            node = self._word(match[0], start)
        elif (match := OPERAND.match(self.text, start)) is None:
            node = self._marked(start)
        else:
            self.position = match.end()
            kind = match.lastindex or WORD
            if kind == WORD:
                node = self._word(match[0], start)
            elif kind == STRING:
                text = match[STRING]
                node = Literal("string", text.replace("''", "'") if "'" in text else text, start)
            else:
                node = self.plain_literal(kind, match[0], start)
        self.depth -= 1
        return node

    def _marked(self, start: int) -> Expr:
        """An operand that begins with neither a letter nor a digit."""
        match self.peek():
            case "(":
                return self._paren()
            case "[":
                return self.array()
            case "{":
                return self.object()
            case "@":
                return self._alias_or_annotation(start)
            case "$":
                return self._variable(start)
            case "-":
                self.position += 1
                self.blanks()
                return Unary("-", self.operand(), start)
            case "'":
                raise self.unclosed("'")
            case _:
                raise self.expected("an expression")

    def _word(self, word: str, start: int) -> Expr:
        """An operand that begins with a name."""
        follows = self.text[self.position : self.position + 1]
        if follows == "'":
            return self.prefixed_literal(word, start)
        if follows == "(":
            special = self._call(word, start)
            if special is not None:
                return special
        elif follows != "/" and len(word) <= _LONGEST_CONSTANT:
            found = constant(word)
            if found is not None:
                return Literal(found[0], found[1], start)
            if follows in _BLANK and word.lower() == "not":
                return self._not(start)
        if len(word) > MAX_IDENTIFIER or not word.isascii():
            self.check_name(word, start)
        if follows not in _CONTINUES and "." not in word:
            return Path((Name(word, None, start),), start)
        segments: list[Segment] = [self.name_segment(word, start)]
        if self.text.startswith("/", self.position):
            self.rest_of_path(segments)
        return Path(tuple(segments), start)

    def _not(self, start: int) -> Unary:
        """notExpr; `in` and `has` bind tighter, so that `not a in (1,2)` is what it says."""
        self.blanks()
        operand = self.operand()
        while (match := _MEMBERSHIP.match(self.text, self.position)) is not None:
            self.position = match.end()
            if not match[2]:
                raise self.expected("a blank and an expression")
            self.operators += 1
            operator: BinaryOperator = "in" if match[1].lower() == "in" else "has"
            operand = Binary(operator, operand, self._right_operand(operator), match.start(1))
        return Unary("not", operand, start)

    def _paren(self) -> Expr:
        self.need("(")
        self.blanks()
        inner = self.expression()
        self.blanks()
        self.need(")")
        return inner

    def _collection(self) -> Expr:
        """The right side of `in`: literals in parentheses, or any expression."""
        start = self.position
        if self.peek() != "(":
            return self.operand()
        self.enter()
        self.position += 1
        self.blanks()
        if self.skip(")"):
            self.depth -= 1
            return ListExpr((), start)
        items = [self.expression()]
        if isinstance(items[0], Literal) or (self.names is None and _is_bare_word(items[0])):
            while self.comma():
                self.nodes += 1
                items.append(self._listed())
        self.blanks()
        self.need(")")
        self.depth -= 1
        return ListExpr(tuple(items), start) if isinstance(items[0], Literal) or len(items) > 1 else items[0]

    def _listed(self) -> Expr:
        """An item of a list: a literal or, beyond the ABNF, the bare name of an enumeration member (contract §4.4).

        Where the declared names are given, the ABNF alone counts.
        """
        if self.names is not None:
            return self.primitive_literal()
        start = self.position
        match = _WORD.match(self.text, start)
        if match is None or "." in match[0] or self.text[match.end() : match.end() + 1] in _NO_BARE_WORD:
            return self.primitive_literal()
        if constant(match[0]) is not None:
            return self.primitive_literal()
        self.position = match.end()
        self.check_name(match[0], start)
        return Path((Name(match[0], None, start),), start)

    def _variable(self, start: int) -> Path:
        """`$it`, `$this`, `$these`, `$root`; the last two only at the head of a longer path."""
        match = _VARIABLE.match(self.text, start)
        name = match[0] if match is not None else ""
        if name not in _VARIABLES:
            raise self.expected("an expression")
        self.position += len(name)
        segments: list[Segment] = [_variable(name, start)]
        if not _VARIABLES[name] and self.peek() != "/":
            raise self.expected("'/'")
        self.rest_of_path(segments)
        return Path(tuple(segments), start)

    def _alias_or_annotation(self, start: int) -> Path:
        """`@name`: an alias, unless a namespace or a qualifier shows that it is an annotation."""
        annotation = self.annotation()
        segments: list[Segment] = [annotation]
        if "." not in annotation.term and annotation.qualifier is None:
            segments = [Alias(annotation.term, start)]
        self.rest_of_path(segments)
        return Path(tuple(segments), start)

    def _call(self, word: str, start: int) -> Expr | None:
        """A canonical function, `case`, `cast` or `isof`; None for any other name, which is then a member."""
        lower = word.lower()
        function = FUNCTIONS.get(lower)
        if function is not None:
            return self._function_call(lower, function, start)
        match lower:
            case "not":
                return self._not(start)
            case "case":
                return self._case(start)
            case "cast" | "isof":
                return self.type_call(lower, start)
            case "any" | "all" | "aggregate":
                raise self.expected(f"an operator; {lower}(…) must follow a collection and '/'")
            case _:
                return None

    def _function_call(self, key: str, function: Function, start: int) -> Call:
        self.position += 1
        self.blanks()
        arguments: list[Expr] = []
        while len(arguments) < function.maximum:
            if arguments and not self.comma():
                break
            if not arguments and function.minimum == 0 and self.peek() == ")":
                break
            arguments.append(self.expression())
        self.blanks()
        if len(arguments) < function.minimum:
            raise self.expected("',' and another argument")
        if key == "isdefined" and not starts_path(arguments[0]):
            raise self.refused("isdefined takes a path", arguments[0].position)
        if not self.skip(")"):
            raise self.expected("')'" if len(arguments) == function.maximum else "',' or ')'")
        return Call(key, tuple(arguments), start)

    def _case(self, start: int) -> Case:
        self.need("(")
        branches: list[tuple[Expr, Expr]] = []
        while True:
            self.blanks()
            condition = self.expression()
            self.blanks()
            self.need(":")
            self.blanks()
            branches.append((condition, self.expression()))
            self.blanks()
            if not self.skip(","):
                break
        self.need(")")
        return Case(tuple(branches), start)

    def type_call(self, function: str, start: int) -> TypeCall:
        """castExpr, isofExpr, from the parenthesis on; the type may be quoted, as scripts for Graph write it."""
        self.need("(")
        self.blanks()
        operand: Expr | None = None
        name = None if self.text.startswith("Collection(", self.position) else self._type_alone()
        if name is None and not self.text.startswith("Collection(", self.position):
            operand = self.expression()
            if not self.comma():
                raise self.expected("',' and a type")
        if name is None:
            name = self.type_name()
        self.blanks()
        self.need(")")
        return TypeCall("cast" if function == "cast" else "isof", operand, name, start)

    def _type_alone(self) -> TypeName | None:
        """A type up to the closing parenthesis; None, and nothing read, where the operand comes first."""
        start = self.position
        match = OPERAND.match(self.text, start)
        if match is not None and match.lastindex in (WORD, STRING):
            self.position = match.end()
            self.blanks()
            closed = self.peek() == ")"
            self.position = start
            if closed:
                return self.type_name()
        return None

    def type_name(self) -> TypeName:
        """optionallyQualifiedTypeName, or the same in quotes."""
        start = self.position
        quoted = self.skip("'")
        name = self._unquoted_type_name(start)
        if quoted:
            self.need("'")
        return name

    def _unquoted_type_name(self, start: int) -> TypeName:
        if self.skip("Collection("):
            name = TypeName(self.dotted("a type"), collection=True, position=start)
            self.need(")")
            return name
        return TypeName(self.dotted("a type"), collection=False, position=start)

    def array(self) -> Array:
        """array: JSON, whose items may be expressions."""
        start = self.position
        return Array(tuple(self._json_parts("[", "]", self.value_in_url)), start)

    def object(self) -> Object:
        """object: JSON, whose values may be expressions."""
        start = self.position
        members = self._json_parts("{", "}", self._json_member)
        if len({name for name, _ in members}) < len(members):
            raise self.refused("a member of the object is given twice", start)
        return Object(tuple(members), start)

    def _json_parts(self, opening: str, closing: str, read: Callable[[], _Part]) -> list[_Part]:
        self.need(opening)
        self.blanks()
        parts: list[_Part] = []
        if self.peek() != closing:
            parts.append(read())
            while self.comma():
                parts.append(read())
        self.blanks()
        self.need(closing)
        return parts

    def _json_member(self) -> tuple[str, Expr]:
        name = self.json_string().value
        self.blanks()
        self.need(":")
        self.blanks()
        return str(name), self.value_in_url()

    def value_in_url(self) -> Expr:
        """ValueInUrl: what an array or object holds."""
        self.nodes += 1
        return self.json_string() if self.peek() == '"' else self.expression()

    def json_string(self) -> Literal:
        """stringInUrl: text in double quotes, with the escapes of JSON."""
        start = self.position
        match = _JSON_STRING.match(self.text, start)
        if match is None:
            raise self.unclosed('"')
        value = json.loads(match[0])
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise self.refused("half of a surrogate pair is not a character", start)
        self.position = match.end()
        return Literal("string", value, start)


def _reduce(values: list[Expr], pending: list[tuple[_Operator, int]]) -> None:
    """Apply the last operator to the last values; a run of `and` or `or` becomes one node."""
    operator, position = pending.pop()
    if operator.binary is not None:
        right = values.pop()
        values[-1] = Binary(operator.binary, values[-1], right, position)
        return
    count = 2
    while pending and pending[-1][0] is operator:
        position = pending.pop()[1]
        count += 1
    operands = tuple(values[-count:])
    values[-count:] = [Logical("and" if operator is _AND else "or", operands, position)]


def _is_bare_word(node: Expr) -> bool:
    match node:
        case Path(segments=(Name(arguments=None),)):
            return True
        case _:
            return False


def _variable(name: str, start: int) -> Variable:
    match name:
        case "$it":
            return Variable("$it", start)
        case "$this":
            return Variable("$this", start)
        case "$these":
            return Variable("$these", start)
        case _:
            return Variable("$root", start)
