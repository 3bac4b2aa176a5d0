"""The parts of an OpenAPI document that are the same for every model."""

from typing import Any

from enrollscope.odata import errors
from enrollscope.odata.metadata.json_schema import Schema, reference

HEADERS: dict[str, Schema] = {
    "request-id": {
        "description": "Names this request in the service's log.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "client-request-id": {
        "description": "The client's own name for the request, or the service's where it sent none.",
        "required": True,
        "schema": {"type": "string"},
    },
    "ETag": {"description": "The version of the entity.", "schema": {"type": "string"}},
    "Location": {"description": "The address of the entity.", "schema": {"type": "string", "format": "uri"}},
    "Preference-Applied": {"description": "The preferences that were honoured.", "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds to wait before another attempt.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
}
_OF_EVERY_ANSWER = ("request-id", "client-request-id")
_OF_ERRORS = {
    errors.InvalidAuthenticationToken: ("WWW-Authenticate",),
    errors.ServiceUnavailable: ("Retry-After",),
    errors.GatewayTimeout: ("Retry-After",),
}

# As many digits as the parser of options takes.
_NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_ENTITY_TAG = r'^(\*|(W/)?"[!#-~]*")$'


def _query(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": schema}


PARAMETERS: dict[str, Schema] = {
    "count": _query("$count", "Whether to count everything that matches.", {"type": "boolean"}),
    "search": {
        **_query("$search", "Words to look for.", {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9]+$"}),
        "examples": {"word": {"value": "password"}},
    },
    "skip": _query("$skip", "How many to leave out.", _NUMBER),
    "top": _query("$top", "How many a page holds.", _NUMBER),
    "ifMatch": _header(
        "If-Match", "Do it only at this version, `*` for any.", {"type": "string", "pattern": _ENTITY_TAG}
    ),
    "ifNoneMatch": _header(
        "If-None-Match", "Answer only when the version is another.", {"type": "string", "pattern": _ENTITY_TAG}
    ),
    "preferReturn": _header(
        "Prefer",
        "Whether the answer holds the entity.",
        {"type": "string", "enum": ["return=representation", "return=minimal"]},
    ),
    "preferPageSize": _header(
        "Prefer",
        "How many a page holds at most.",
        {"type": "string", "pattern": "^odata\\.maxpagesize=[1-9][0-9]{0,3}$"},
    ),
}

_TEXT: Schema = {"type": "string"}

ERROR: Schema = {
    "title": "error",
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string", "minLength": 1},
                "message": {"type": "string", "minLength": 1},
                "target": _TEXT,
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"code": _TEXT, "message": _TEXT, "target": _TEXT},
                        "required": ["code", "message"],
                    },
                },
                "innerError": {
                    "type": "object",
                    "properties": {"date": _TEXT, "request-id": _TEXT, "client-request-id": _TEXT},
                    "required": ["date", "request-id", "client-request-id"],
                },
            },
            "required": ["code", "message", "innerError"],
        }
    },
    "required": ["error"],
}

SERVICE_DOCUMENT: Schema = {
    "type": "object",
    "properties": {
        "@odata.context": _TEXT,
        "value": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": _TEXT, "kind": {"enum": ["EntitySet", "Singleton"]}, "url": _TEXT},
                "required": ["name", "url"],
            },
        },
    },
    "required": ["value"],
}

_NAME: Schema = {"type": "string", "minLength": 1}

BATCH_REQUEST: dict[str, Any] = {
    "title": "batchRequest",
    "type": "object",
    "required": ["requests"],
    "properties": {
        "requests": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "method", "url"],
                "additionalProperties": False,
                "properties": {
                    "id": _NAME | {"description": "Unique within the batch, in any case of its letters."},
                    "method": {"type": "string", "enum": ["GET", "POST", "PATCH", "DELETE"]},
                    "url": _NAME | {"description": "Relative to the version root, or absolute below it."},
                    "headers": {
                        "type": "object",
                        "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9-]*$"},
                        "additionalProperties": {"type": "string", "pattern": "^[ -~]*$"},
                    },
                    "body": {"description": "JSON, or base64 of it. It needs a Content-Type among the headers."},
                    "dependsOn": {"type": "array", "items": _TEXT},
                    "atomicityGroup": _NAME,
                },
            },
        }
    },
}

BATCH_RESPONSE: Schema = {
    "title": "batchResponse",
    "type": "object",
    "required": ["responses"],
    "properties": {
        "responses": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "status", "headers"],
                "properties": {
                    "id": _TEXT,
                    "status": {"type": "integer", "minimum": 100, "maximum": 599},
                    "headers": {"type": "object", "additionalProperties": _TEXT},
                    "body": {"description": "JSON, or base64 of another format."},
                    "atomicityGroup": _TEXT,
                },
                "additionalProperties": False,
            },
        }
    },
    "additionalProperties": False,
}


def error_response(kind: type[errors.ODataError]) -> Schema:
    """The answer that an error class becomes."""
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    return {
        "description": summary,
        "headers": header_references(*_OF_ERRORS.get(kind, ())),
        "content": json_body(reference("error")),
    }


def json_body(schema: Schema) -> Schema:
    """The content of a JSON body."""
    return {"application/json": {"schema": schema}}


def header_references(*names: str) -> Schema:
    """The headers of an answer: those of every answer, and some more."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_OF_EVERY_ANSWER, *names)}


def parameter_reference(name: str) -> Schema:
    """Point to a parameter."""
    return {"$ref": f"#/components/parameters/{name}"}
