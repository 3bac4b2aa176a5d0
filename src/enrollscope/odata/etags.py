"""Entity tags (RFC 9110 §8.8.3): the version of an entity, as clients see it."""

import re
from typing import Final

from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan import Wildcard

_FOREIGN: Final = -1
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7E\x80-\U0010FFFF]*)"')
_OURS: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


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
                f"The header {name} holds '{element[:80]}', which is no entity tag. "
                f'Expected * or tags such as W/"3", separated by commas.',
                target=name,
            )
        versions.add(int(tag[2]) if _OURS.fullmatch(tag[2]) else _FOREIGN)
    if not versions:
        raise BadRequest(f'The header {name} is empty. Expected * or entity tags such as W/"3".', target=name)
    return frozenset(versions)


def _elements(text: str) -> list[str]:
    """Split a list at its commas, but not at those inside of quotes."""
    parts = re.findall(r'(?:[^",]|"[^"]*"?)+', text)
    return [part.strip(" \t") for part in parts if part.strip(" \t")]
