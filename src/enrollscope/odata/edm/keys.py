"""Keys of new entities: UUID version 7 (RFC 9562 §5.7), so that what is new lies together in every index."""

import secrets
import uuid

from enrollscope.odata.edm.values import Instant


def new_key(now: Instant) -> str:
    """Make a key that nobody can guess and that sorts after the keys of earlier milliseconds."""
    milliseconds = int(now.unix_seconds() * 1000) & ((1 << 48) - 1)
    number = (milliseconds << 80) | secrets.randbits(80)
    number = (number & ~(0xF << 76)) | (0x7 << 76)  # version
    number = (number & ~(0x3 << 62)) | (0x2 << 62)  # variant
    return str(uuid.UUID(int=number))
