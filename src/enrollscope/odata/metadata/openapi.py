"""What a model says of itself in OpenAPI 3.1: an operation for every address and method that is answered."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from enrollscope.odata import errors
from enrollscope.odata.edm.model import EntityType, Model, NavigationProperty, Property, visible_properties
from enrollscope.odata.metadata.json_schema import Schema, Use, complex_schema, component_name, entity_schema, reference
from enrollscope.odata.metadata.openapi_parts import (
    BATCH_REQUEST,
    BATCH_RESPONSE,
    ERROR,
    HEADERS,
    PARAMETERS,
    SERVICE_DOCUMENT,
    error_response,
    header_references,
    json_body,
    parameter_reference,
)
from enrollscope.odata.protocol.capabilities import (
    COLLECTION_OPTIONS,
    COUNT_OPTIONS,
    METADATA_FORMATS,
    NOT_YET,
    OPENAPI_SEGMENT,
    is_sortable,
)

_EVERY_ERROR = (
    errors.BadRequest,
    errors.InvalidAuthenticationToken,
    errors.Forbidden,
    errors.ResourceNotFound,
    errors.NotAcceptable,
    errors.RequestTimeout,
    errors.Conflict,
    errors.PreconditionFailed,
    errors.RequestEntityTooLarge,
    errors.InternalServerError,
    errors.NotBuilt,
    errors.ServiceUnavailable,
    errors.GatewayTimeout,
)
_ALWAYS = ("BadRequest", "InvalidAuthenticationToken", "Forbidden", "NotAcceptable", "InternalServerError")
_STORE = ("NotImplemented", "ServiceUnavailable")
_QUESTION = (*_STORE, "GatewayTimeout")
_BODY = ("RequestTimeout", "RequestEntityTooLarge")


def openapi_document(model: Model, batch_limit: int) -> dict[str, Any]:
    """The OpenAPI document of a version, without `servers`: where it is, only a request tells.

    Args:
        batch_limit: how many requests a batch may hold.
    """
    writer = _Writer(model)
    paths = {
        "/": {"get": writer.document("readServiceDocument", "What there is.", SERVICE_DOCUMENT)},
        "/$metadata": {"get": writer.metadata()},
        f"/{OPENAPI_SEGMENT}": {"get": writer.document("readOpenApi", "This document.", {"type": "object"})},
        "/$batch": {"post": writer.batch()},
    }
    for address in _addresses(model):
        paths |= writer.paths(address)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{model.container} {model.version}",
            "version": model.version,
            "description": "An OData service. Paths, query options and bodies are those of OData 4.01 and of Graph.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "headers": HEADERS,
            "parameters": {name: item for name, item in PARAMETERS.items() if name not in NOT_YET},
            "responses": {item.code: error_response(item) for item in _EVERY_ERROR},
            "schemas": {
                "error": ERROR,
                "batchRequest": {
                    **BATCH_REQUEST,
                    "properties": {
                        "requests": BATCH_REQUEST["properties"]["requests"] | {"minItems": 1, "maxItems": batch_limit}
                    },
                },
                "batchResponse": BATCH_RESPONSE,
                **_schemas(model),
            },
        },
    }


@dataclass(frozen=True, slots=True)
class _Address:
    """A collection, or part of one, and how it is reached.

    Attributes:
        root: template of the collection's path, below the version root.
        cast: the segment that narrows it to a type, with its slash, or nothing.
        name: of the operations, without their verb.
        parameters: of the path.
        link: the property that the path fills in; only types that have it are met here.
    """

    root: str
    cast: str
    name: str
    parameters: tuple[Schema, ...]
    navigation: NavigationProperty
    declared: EntityType
    link: str | None

    def met(self, model: Model) -> list[EntityType]:
        """The types of the entities here."""
        return [item for item in model.concrete_types(self.declared) if self.link is None or self.link in item.by_name]


def _addresses(model: Model) -> Iterator[_Address]:
    """Every collection, whole and narrowed to each type that is met in it."""
    for whole in _collections(model):
        yield whole
        for kind in whole.met(model):
            if kind.name != whole.declared.name:
                name = f"{whole.name}.{kind.name}"
                yield replace(whole, cast=f"/{kind.name_in_model}", name=name, declared=kind)


def _collections(model: Model) -> Iterator[_Address]:
    for singleton in model.singletons:
        of_one = singleton.caller_in is not None
        yield from _behind(model, singleton.type, f"/{singleton.name}", singleton.name, (), of_one=of_one)
    for entity_set in model.entity_sets:
        key = _key_parameter(model.entity(entity_set.type))
        path = f"/{entity_set.name}/{{{key['name']}}}"
        yield from _behind(model, entity_set.type, path, entity_set.name, (key,), of_one=True)


def _behind(
    model: Model, type_name: str, path: str, name: str, parameters: tuple[Schema, ...], *, of_one: bool
) -> Iterator[_Address]:
    for ancestor in model.entity(type_name).lineage:
        for navigation in ancestor.navigation:
            yield _Address(
                root=f"{path}/{navigation.name}",
                cast="",
                name=f"{name}.{navigation.name}",
                parameters=parameters,
                navigation=navigation,
                declared=model.entity(navigation.target),
                link=navigation.link.property if navigation.link is not None and of_one else None,
            )


def _key_parameter(entity: EntityType) -> Schema:
    return {
        "name": f"{entity.name}-{entity.key_property.name}",
        "in": "path",
        "required": True,
        "description": entity.key_property.description or "The key.",
        "schema": {"type": "string", "minLength": 1},
    }


def _schemas(model: Model) -> dict[str, Schema]:
    """A component for each type and use, also with what paths fill in left out."""
    found: dict[str, Schema] = {}
    for kind in model.complexes:
        found |= {component_name(kind, use): complex_schema(kind, use) for use in Use}
    for address in _collections(model):
        for entity in address.met(model):
            for use in Use:
                omitted = None if use is Use.ANSWER else address.link
                found[component_name(entity, use, omitted)] = entity_schema(entity, use, omitted)
    return found


class _Writer:
    """Writes the operations of a model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def document(self, name: str, summary: str, schema: Schema) -> Schema:
        """An operation that reads a JSON document about the service."""
        return _open(_operation(name, summary, {"200": _answer(summary, json_body(schema))}, _ALWAYS))

    def metadata(self) -> Schema:
        """`$metadata` in its formats."""
        content: Schema = {media_type: {"schema": {}} for media_type in METADATA_FORMATS}
        summary = "The model in CSDL, as XML or as JSON."
        return _open(_operation("readMetadata", summary, {"200": _answer(summary, content)}, _ALWAYS))

    def batch(self) -> Schema:
        """`$batch`."""
        operation = _operation(
            "runBatch",
            "Carry out several requests.",
            {"200": _answer("The answers, one for each request.", json_body(reference("batchResponse")))},
            (*_ALWAYS, *_STORE, *_BODY),
        )
        return operation | {"requestBody": {"required": True, "content": json_body(reference("batchRequest"))}}

    def paths(self, address: _Address) -> dict[str, Schema]:
        """Everything that can be asked at a collection, its count and its members."""
        key = _key_parameter(self._model.entity(address.navigation.target))
        collection = f"{address.root}{address.cast}"
        own: Schema = {"parameters": list(address.parameters)} if address.parameters else {}
        return {
            collection: {**own, "get": self._list(address), "post": self._create(address)},
            f"{collection}/$count": {**own, "get": self._count(address)},
            f"{address.root}/{{{key['name']}}}{address.cast}": {
                "parameters": [*address.parameters, key],
                "get": self._read(address),
                "patch": self._update(address),
                "delete": self._delete(address),
            },
        }

    def _list(self, address: _Address) -> Schema:
        items = self._any_of(address, Use.ANSWER)
        schema: Schema = {
            "type": "object",
            "properties": {
                "@odata.context": {"type": "string"},
                "@odata.count": {"type": "integer", "minimum": 0},
                "@odata.nextLink": {"type": "string", "format": "uri"},
                "value": {"type": "array", "items": items},
            },
            "required": ["value"],
            "patternProperties": {"^@": {}},
            "additionalProperties": False,
        }
        operation = _operation(
            f"{address.name}.list",
            address.navigation.description or "List entities.",
            {"200": _answer("A page.", json_body(schema), "Preference-Applied")},
            (*_ALWAYS, *_QUESTION),
        )
        options = [*self._options(address, COLLECTION_OPTIONS), parameter_reference("preferPageSize")]
        return operation | {"parameters": options}

    def _count(self, address: _Address) -> Schema:
        answer = _answer("How many there are.", {"text/plain": {"schema": {"type": "integer", "minimum": 0}}})
        operation = _operation(f"{address.name}.count", "Count entities.", {"200": answer}, (*_ALWAYS, *_QUESTION))
        return operation | {"parameters": self._options(address, COUNT_OPTIONS)}

    def _create(self, address: _Address) -> Schema:
        content = json_body(self._any_of(address, Use.ANSWER))
        answers = {
            "201": _answer("The new entity.", content, "ETag", "Location", "Preference-Applied"),
            "204": _answer("Created; nothing else was asked for.", None, "ETag", "Location", "Preference-Applied"),
        }
        operation = _operation(
            f"{address.name}.create", "Create an entity.", answers, (*_ALWAYS, *_STORE, *_BODY, "Conflict")
        )
        return operation | {
            "parameters": [self._select(address), parameter_reference("preferReturn")],
            "requestBody": {"required": True, "content": json_body(self._any_of(address, Use.CREATE))},
        }

    def _read(self, address: _Address) -> Schema:
        answers = {
            "200": _answer("The entity.", json_body(self._any_of(address, Use.ANSWER)), "ETag"),
            "304": _answer("It has not changed.", None, "ETag"),
        }
        operation = _operation(
            f"{address.name}.get",
            "Read an entity.",
            answers,
            (*_ALWAYS, *_STORE, "ResourceNotFound", "PreconditionFailed"),
        )
        names = ("ifMatch", "ifNoneMatch")
        return operation | {"parameters": [self._select(address), *map(parameter_reference, names)]}

    def _update(self, address: _Address) -> Schema:
        content = json_body(self._any_of(address, Use.ANSWER))
        answers = {
            "200": _answer("The entity after the change.", content, "ETag", "Preference-Applied"),
            "204": _answer("Changed; nothing else was asked for.", None, "ETag", "Preference-Applied"),
        }
        operation = _operation(
            f"{address.name}.update",
            "Change an entity: what the body leaves out stays.",
            answers,
            (*_ALWAYS, *_STORE, *_BODY, "ResourceNotFound", "PreconditionFailed"),
        )
        names = ("ifMatch", "preferReturn")
        return operation | {
            "parameters": [self._select(address), *map(parameter_reference, names)],
            "requestBody": {"required": True, "content": json_body(self._any_of(address, Use.UPDATE))},
        }

    def _delete(self, address: _Address) -> Schema:
        operation = _operation(
            f"{address.name}.delete",
            "Delete an entity.",
            {"204": _answer("It is gone.", None)},
            (*_ALWAYS, *_STORE, "ResourceNotFound", "PreconditionFailed"),
        )
        return operation | {"parameters": [parameter_reference("ifMatch")]}

    def _any_of(self, address: _Address, use: Use) -> Schema:
        """Whatever can be met, or written, at an address."""
        omitted = None if use is Use.ANSWER else address.link
        found = [reference(component_name(item, use, omitted)) for item in address.met(self._model)]
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _options(self, address: _Address, offered: Iterable[str]) -> list[Schema]:
        """The query options in the order in which clients write them."""
        known = visible_properties(self._model, address.declared)
        made: Mapping[str, Schema] = {
            "filter": _filter_parameter(known),
            "orderby": _orderby_parameter(known),
            "select": self._select(address),
            **{name: parameter_reference(name) for name in ("search", "count", "skip", "top")},
        }
        return [made[name] for name in sorted(made.keys() & set(offered))]

    def _select(self, address: _Address) -> Schema:
        names = [item.name for item in visible_properties(self._model, address.declared)]
        return _list_parameter("$select", "The properties to show.", names)


def _filter_parameter(known: Iterable[Property]) -> Schema:
    name = next(item.name for item in known if is_sortable(item))
    return {
        "name": "$filter",
        "in": "query",
        "description": "A condition (OData URL conventions 4.01 §5.1.1).",
        "schema": {"type": "string", "minLength": 1},
        "examples": {"comparison": {"value": f"{name} ne null"}, "negation": {"value": f"not ({name} eq null)"}},
    }


def _orderby_parameter(known: Iterable[Property]) -> Schema:
    names = [item.name for item in known if is_sortable(item)]
    orders = [f"{name}{direction}" for name in names for direction in ("", " desc")]
    return _list_parameter("$orderby", "The order: properties, each with `desc` or without.", orders)


def _list_parameter(name: str, description: str, items: list[str]) -> Schema:
    """A query option that takes several things, between commas."""
    return {
        "name": name,
        "in": "query",
        "description": description,
        "style": "form",
        "explode": False,
        "schema": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": items}},
    }


def _open(operation: Schema) -> Schema:
    """An operation for everyone: a token may be sent, and is then verified."""
    return operation | {"security": [{}, {"bearer": []}]}


def _operation(name: str, summary: str, answers: dict[str, Schema], codes: Iterable[str]) -> Schema:
    status = {item.code: str(item.status) for item in _EVERY_ERROR}
    failures = {status[code]: {"$ref": f"#/components/responses/{code}"} for code in codes}
    return {"operationId": name, "summary": summary, "responses": dict(sorted((answers | failures).items()))}


def _answer(description: str, content: Schema | None, *headers: str) -> Schema:
    found: Schema = {"description": description, "headers": header_references(*headers)}
    return found if content is None else found | {"content": content}
