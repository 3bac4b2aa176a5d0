"""The rules of the ABNF by name, each with the method that reads it.

Rules that only give an identifier another name are read as identifiers: which one it is, the model decides.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from enrollscope.odata.edm.functions import FUNCTIONS
from enrollscope.odata.edm.literals import read_duration
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.grammar.apply import TRANSFORMATIONS
from enrollscope.odata.grammar.clauses import AliasOption, Option, SelectItem
from enrollscope.odata.grammar.contexts import context_fragment, select_list
from enrollscope.odata.grammar.expr import (
    Array,
    Call,
    Case,
    Expr,
    Lambda,
    ListExpr,
    Literal,
    Name,
    Object,
    Path,
    Qualified,
    SearchWord,
    Star,
    TypeCall,
    Unary,
)
from enrollscope.odata.grammar.primitives import OPERAND, STRING, WORD
from enrollscope.odata.grammar.selection import OptionGrammar
from enrollscope.odata.grammar.transformations import Transformation

Rule: TypeAlias = Callable[[OptionGrammar], object]

_SHAPES = ("Collection", "LineString", "MultiLineString", "MultiPoint", "MultiPolygon", "Point", "Polygon")
_OPTIONS = (
    *("apply", "compute", "expand", "filter", "format", "id", "index", "levels"),
    *("orderby", "schemaversion", "search", "select", "skip", "top"),
)
_IDENTIFIERS = (
    *("odataIdentifier", "action", "actionImport", "annotationQualifier", "namespacePart", "parameterName"),
    *("entitySetName", "singletonEntity", "entityTypeName", "complexTypeName", "typeDefinitionName"),
    *("enumerationTypeName", "enumerationMember", "termName", "computedProperty", "expressionAlias", "customAggregate"),
    *("primitiveProperty", "primitiveKeyProperty", "primitiveNonKeyProperty", "primitiveColProperty"),
    *("complexProperty", "complexColProperty", "streamProperty", "navigationProperty", "entityNavigationProperty"),
    *("entityColNavigationProperty", "keyPropertyAlias", "lambdaVariableExpr", "function", "entityFunction"),
    *("entityColFunction", "complexFunction", "complexColFunction", "primitiveFunction", "primitiveColFunction"),
    *("entityFunctionImport", "entityColFunctionImport", "complexFunctionImport", "complexColFunctionImport"),
    *("primitiveFunctionImport", "primitiveColFunctionImport"),
)
_TYPE_NAMES = (
    *("singleTypeName", "singleQualifiedTypeName", "qualifiedEntityTypeName", "qualifiedComplexTypeName"),
    *("qualifiedTypeDefinitionName", "qualifiedEnumTypeName", "optionallyQualifiedEntityTypeName"),
    *("optionallyQualifiedComplexTypeName",),
)
_MEMBER_PATHS = (
    *("firstMemberExpr", "memberExpr", "directMemberExpr", "propertyPathExpr", "annotationExpr", "functionExpr"),
    *("boundFunctionExpr", "rootExpr", "inscopeVariableExpr", "implicitVariableExpr", "currCollectionExpr"),
)


_PRIMITIVE_TYPES = frozenset(
    {
        *(each.value for each in Primitive),
        "Edm.Stream",
        *(f"Edm.{family}{shape}" for family in ("Geography", "Geometry") for shape in ("", *_SHAPES)),
    }
)
_PREDICATES = frozenset({"contains", "endswith", "geo.intersects", "hassubsequence", "hassubset", "startswith"})

_METHOD_CALLS: Mapping[str, str] = MappingProxyType(
    {
        "fractionalsecondsMethodCallExpr": "fractionalseconds",
        "totalsecondsMethodCallExpr": "totalseconds",
        "distanceMethodCallExpr": "geo.distance",
        "intersectsMethodCallExpr": "geo.intersects",
        "geoLengthMethodCallExpr": "geo.length",
        **{f"{function.name}MethodCallExpr": key for key, function in FUNCTIONS.items() if "." not in key},
    }
)
_TRANSFORMATIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **{f"{name}Trafo": frozenset({name}) for name in TRANSFORMATIONS if name != "addnested"},
        "nestTrafo": frozenset({"nest", "addnested"}),
    }
)


def _member_path(grammar: OptionGrammar) -> Path:
    node = grammar.operand()
    if not isinstance(node, Path):
        raise grammar.expected("a member", node.position)
    return node


def _negation(operator: str, grammar: OptionGrammar) -> Unary:
    node = grammar.expression()
    if not isinstance(node, Unary) or node.operator != operator:
        raise grammar.expected(f"'{operator}'", 0)
    return node


def _type_call(function: str, grammar: OptionGrammar) -> TypeCall:
    node = grammar.operand()
    if not isinstance(node, TypeCall) or node.function != function:
        raise grammar.expected(f"'{function}('", 0)
    return node


def _any_method_call(grammar: OptionGrammar) -> Call | Case:
    node = grammar.operand()
    if not isinstance(node, Call | Case):
        raise grammar.expected(f"'case' or one of the functions {', '.join(sorted(FUNCTIONS))}", 0)
    return node


def _case(grammar: OptionGrammar) -> Case:
    node = grammar.operand()
    if not isinstance(node, Case):
        raise grammar.expected("'case('", 0)
    return node


def _parenthesis(grammar: OptionGrammar) -> Expr:
    if grammar.peek() != "(":
        raise grammar.expected("'('")
    return grammar.operand()


def _list(grammar: OptionGrammar) -> ListExpr:
    """Literals in parentheses."""
    grammar.need("(")
    grammar.blanks()
    items: list[Expr] = []
    if grammar.peek() != ")":
        items.append(grammar.primitive_literal())
        while grammar.comma():
            items.append(grammar.primitive_literal())
        grammar.blanks()
    grammar.need(")")
    return ListExpr(tuple(items), 0)


def _array_or_object(grammar: OptionGrammar) -> Array | Object:
    grammar.blanks()
    if grammar.peek() not in ("[", "{"):
        raise grammar.expected("'[' or '{'")
    return grammar.array() if grammar.peek() == "[" else grammar.object()


def _search_word(grammar: OptionGrammar) -> SearchWord:
    node = grammar.search_word()
    if not isinstance(node, SearchWord):
        raise grammar.expected("the end behind 'NOT'", len("NOT"))
    return node


def _name_and_value(grammar: OptionGrammar) -> AliasOption:
    name = grammar.identifier("the name of a parameter")
    grammar.need("=")
    return AliasOption(name, grammar.expression(), 0)


def _select_property(grammar: OptionGrammar) -> SelectItem:
    """A property or annotation: no operation, and no type or `*` in front."""
    item = grammar.select_item()
    for place, segment in enumerate(item.path.segments):
        if isinstance(segment, Star) or (isinstance(segment, Qualified) and not place):
            raise grammar.expected("a property", segment.position)
        if isinstance(segment, Name | Qualified) and segment.arguments is not None:
            raise grammar.expected("a query option in the parentheses", segment.position)
    return item


def _primitive_type(grammar: OptionGrammar) -> str:
    name = grammar.dotted("a primitive type")
    if name not in _PRIMITIVE_TYPES:
        raise grammar.expected("a primitive type such as 'Edm.String'", 0)
    return name


def _method_call(names: frozenset[str], grammar: OptionGrammar) -> Call:
    node = grammar.operand()
    if not isinstance(node, Call) or node.function not in names:
        raise grammar.expected(f"one of the functions {', '.join(sorted(names))}", 0)
    return node


def _transformation(names: frozenset[str], grammar: OptionGrammar) -> Transformation:
    return grammar.transformation(names)


def _quantified(quantifier: str, grammar: OptionGrammar) -> Lambda:
    if grammar.identifier(f"'{quantifier}('").lower() != quantifier:
        raise grammar.expected(f"'{quantifier}('", 0)
    return grammar.quantified(quantifier, 0)


def _geo(family: str, shape: str, grammar: OptionGrammar) -> Literal:
    if grammar.identifier(f"'{family}'").lower() != family:
        raise grammar.expected(f"'{family}'", 0)
    return Literal("geo", grammar.geo(family, shape), 0)


def _full_shape(shape: str, grammar: OptionGrammar) -> Literal:
    return Literal("geo", grammar.full_shape("geography", shape), 0)


def _prefixed(prefix: str, grammar: OptionGrammar) -> Literal:
    """A literal in quotes behind a word; the one of durations may be left out."""
    if grammar.peek() == "'" and prefix == "duration":
        return grammar.prefixed_literal(prefix, 0)
    start = grammar.position
    if not grammar.word(prefix):
        raise grammar.expected(f"{prefix}'…'", start)
    if grammar.peek() != "'":
        raise grammar.expected("text in '")
    return grammar.prefixed_literal(prefix, 0)


def _string_literal(grammar: OptionGrammar) -> Literal:
    return Literal("string", grammar.quoted(), 0)


def _primitive_value(grammar: OptionGrammar) -> Literal:
    """primitiveValue: the first form that fits all of the text; whatever fits no other is an enum member."""
    if grammar.word("SRID="):
        grammar.position = 0
        return Literal("geo", grammar.full_shape("geography"), 0)
    match = OPERAND.fullmatch(grammar.text)
    if match is not None and match.lastindex not in (WORD, STRING):
        return grammar.primitive_literal()
    if grammar.text.lower() in ("true", "false"):
        return grammar.boolean()
    duration = grammar.text.upper().lstrip("-")
    if duration.startswith("P"):
        try:
            value = read_duration(grammar.text)
        except ValueError:
            return grammar.enum_value()
        grammar.position = len(grammar.text)
        return Literal("duration", value, 0)
    if not grammar.text or grammar.text.endswith("="):
        return grammar.binary()
    return grammar.enum_value()


def _option(names: tuple[str, ...], grammar: OptionGrammar) -> Option:
    """One query option, name and all."""
    start = grammar.position
    dollar = grammar.skip("$")
    name = grammar.identifier(f"${names[0]}" if len(names) == 1 else "a query option").lower()
    if name not in names or (name in ("skiptoken", "deltatoken") and not dollar):
        raise grammar.expected(" or ".join(f"${each}" for each in names), start)
    grammar.need("=")
    return grammar.option(name, start)


def _integers() -> Mapping[str, Rule]:
    rules: dict[str, Rule] = {}
    for name, digits in (("sbyte", 3), ("int16", 5), ("int32", 10), ("int64", 19)):
        rules[f"{name}Value"] = partial(OptionGrammar.integer, digits=digits)
    return rules


VALUE_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "binaryValue": OptionGrammar.binary,
        "booleanValue": partial(OptionGrammar.boolean, exact=True),
        "byteValue": partial(OptionGrammar.integer, digits=3, signed=False),
        "dateValue": OptionGrammar.date,
        "dateTimeOffsetValue": OptionGrammar.date_time_offset,
        "decimalValue": OptionGrammar.decimal,
        "doubleValue": OptionGrammar.decimal,
        "durationValue": OptionGrammar.duration,
        "enumValue": OptionGrammar.enum_value,
        "guidValue": OptionGrammar.guid,
        "primitiveValue": _primitive_value,
        "singleValue": OptionGrammar.decimal,
        "stringValue": _string_literal,
        "timeOfDayValue": OptionGrammar.time_of_day,
        **_integers(),
        **{f"full{shape}Literal": partial(_full_shape, shape) for shape in _SHAPES},
    }
)
"""Read as they are: these forms occur in bodies, headers and CSDL, where nothing is percent-encoded."""

URL_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        **dict.fromkeys(_IDENTIFIERS, OptionGrammar.identifier),
        **dict.fromkeys(("namespace", *_TYPE_NAMES), OptionGrammar.dotted),
        **dict.fromkeys(("qualifiedTypeName", "optionallyQualifiedTypeName"), OptionGrammar.type_name),
        "primitiveTypeName": _primitive_type,
        **dict.fromkeys(
            (
                "commonExpr",
                "boolCommonExpr",
                "lambdaPredicateExpr",
                "collectionExpr",
                "aggregatableExpr",
                "parameterValue",
            ),
            OptionGrammar.expression,
        ),
        **dict.fromkeys(_MEMBER_PATHS, _member_path),
        # Literals
        "primitiveLiteral": OptionGrammar.primitive_literal,
        "keyPropertyValue": OptionGrammar.primitive_literal,
        "null": OptionGrammar.null,
        "nullValue": OptionGrammar.null,
        "boolean": OptionGrammar.boolean,
        "guid": OptionGrammar.guid,
        "date": OptionGrammar.date,
        "dateTimeOffsetLiteral": OptionGrammar.date_time_offset,
        "dateTimeOffsetValueInUrl": OptionGrammar.date_time_offset,
        "timeOfDayLiteral": OptionGrammar.time_of_day,
        "timeOfDayValueInUrl": OptionGrammar.time_of_day,
        "decimalLiteral": OptionGrammar.decimal,
        "doubleLiteral": OptionGrammar.decimal,
        "singleLiteral": OptionGrammar.decimal,
        "byte": partial(OptionGrammar.integer, digits=3, signed=False),
        **{name.replace("Value", "Literal"): rule for name, rule in _integers().items()},
        "stringLiteral": _string_literal,
        "stringInUrl": OptionGrammar.json_string,
        "durationLiteral": partial(_prefixed, "duration"),
        "binaryLiteral": partial(_prefixed, "binary"),
        "enumLiteral": OptionGrammar.enum_literal,
        **{
            f"{family}{shape}": partial(_geo, family, shape)
            for family in ("geography", "geometry")
            for shape in _SHAPES
        },
        "keyPredicate": partial(OptionGrammar.arguments, literal=True),
        "simpleKey": partial(OptionGrammar.arguments, literal=True),
        "compoundKey": partial(OptionGrammar.arguments, literal=True),
        "array": OptionGrammar.array,
        "arrayOrObject": _array_or_object,
        "valueInUrl": OptionGrammar.value_in_url,
        "object": OptionGrammar.object,
        "parameterAlias": OptionGrammar.alias,
        "annotationInQuery": OptionGrammar.annotation,
        "functionExprParameters": OptionGrammar.arguments,
        "functionParameters": partial(OptionGrammar.arguments, literal=True),
        # Operators and functions
        "notExpr": partial(_negation, "not"),
        "negateExpr": partial(_negation, "-"),
        "isofExpr": partial(_type_call, "isof"),
        "castExpr": partial(_type_call, "cast"),
        "anyExpr": partial(_quantified, "any"),
        "allExpr": partial(_quantified, "all"),
        "methodCallExpr": _any_method_call,
        "boolMethodCallExpr": partial(_method_call, _PREDICATES),
        "caseMethodCallExpr": _case,
        "parenExpr": _parenthesis,
        "listExpr": _list,
        **{rule: partial(_method_call, frozenset({key})) for rule, key in _METHOD_CALLS.items()},
        "isdefinedExpr": partial(_method_call, frozenset({"isdefined"})),
        # Query options and their parts
        "systemQueryOption": partial(_option, (*_OPTIONS, "count", "deltatoken", "skiptoken")),
        "inlinecount": partial(_option, ("count",)),
        **{name: partial(_option, (name,)) for name in (*_OPTIONS, "deltatoken", "skiptoken")},
        "orderbyItem": OptionGrammar.order_by_item,
        "computeItem": OptionGrammar.compute_item,
        "computeExpr": OptionGrammar.compute_item,
        "selectItem": OptionGrammar.select_item,
        "expandItem": OptionGrammar.expand_item,
        "expandPath": OptionGrammar.expand_item,
        "selectProperty": _select_property,
        "selectOption": OptionGrammar.select_option,
        "expandOption": OptionGrammar.expand_option,
        "searchExpr": OptionGrammar.search_expr,
        "searchPhrase": OptionGrammar.search_phrase,
        "searchWord": _search_word,
        "aliasAndValue": OptionGrammar.alias_option,
        "nameAndValue": _name_and_value,
        # Context URLs
        "contextFragment": context_fragment,
        "selectList": select_list,
        # Data aggregation
        "applyExpr": OptionGrammar.transformations,
        "applyTrafo": OptionGrammar.transformation,
        **{rule: partial(_transformation, names) for rule, names in _TRANSFORMATIONS.items()},
        "preservingTrafos": OptionGrammar.preserving_transformations,
        "aggregateExpr": partial(OptionGrammar.aggregate_item, aliased=True),
        "aggregateFunctionExpr": partial(OptionGrammar.aggregate_item, aliased=False),
        "groupingProperty": OptionGrammar.plain_path,
        "groupingProperties": OptionGrammar.grouping_properties,
        "groupbyElement": OptionGrammar.grouping_element,
    }
)
"""Read from a URL: percent-encoded characters are decoded first."""
