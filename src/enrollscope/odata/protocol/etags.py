"""Entity tags (RFC 9110 §8.8.3): the version of an entity, as clients see it."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Final

from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan.commands import Precondition, Wildcard

_FOREIGN: Final = -1
_TAG_NAMES: Final = ("@etag", "@odata.etag")
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7E\x80-\U0010FFFF]*)"')
_OURS: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


AROUND: Final = ('W/"', '"')
"""What stands before and behind the version in an entity tag."""


@lru_cache(1024)
def etag(version: int) -> str:
    """The entity tag of a version: weak, because the bytes of an answer depend on more than the entity."""
    return f'W/"{version}"'


def parse_etags(header: str, name: str = "If-Match") -> frozenset[int] | Wildcard:
    """Read `If-Match` or `If-None-Match`: `*`, or a list of entity tags, weak or strong, as versions.

    A tag that this service never gave out is version -1, which no entity has.

    Args:
        name: of the header, for the message.

    Raises:
        BadRequest: the header is neither.
    """
    text = header.strip(" \t")
    if text == "*":
        return Wildcard.ANY_VERSION
    versions: set[int] = set()
    # RFC 9110 §5.6.1: a recipient reads empty elements of a list and makes nothing of them.
    for element in _elements(text):
        tag = _TAG.fullmatch(element)
        if tag is None:
            raise BadRequest(
                f"{name} holds '{element[:80]}', which is no entity tag. "
                f'Expected * or tags such as W/"3", separated by commas.',
                target=name,
            )
        versions.add(int(tag[2]) if _OURS.fullmatch(tag[2]) else _FOREIGN)
    if not versions:
        raise BadRequest(f'{name} is empty. Expected * or entity tags such as W/"3".', target=name)
    return frozenset(versions)


def with_tag_of(body: object, precondition: Precondition) -> Precondition:
    """Add the entity tag that the body of an update carries: in OData 4.01 it is a precondition (contract §12 row 39).

    Raises:
        BadRequest: it is none.
    """
    name = next((name for name in _TAG_NAMES if isinstance(body, dict) and name in body), None)
    if name is None or not isinstance(body, dict):
        return precondition
    sent = body[name]
    if not isinstance(sent, str):
        raise BadRequest(f"'{name}' must be an entity tag such as W/\"3\", as text.", target=name)
    tags, asked = parse_etags(sent, name), precondition.match
    if asked is None or asked is Wildcard.ANY_VERSION:
        return replace(precondition, match=tags)
    return precondition if tags is Wildcard.ANY_VERSION else replace(precondition, match=asked & tags)


def _elements(text: str) -> list[str]:
    """Split a list at its commas, but not at those inside of quotes."""
    parts = re.findall(r'(?:[^",]|"[^"]*"?)+', text)
    return [part.strip(" \t") for part in parts if part.strip(" \t")]
