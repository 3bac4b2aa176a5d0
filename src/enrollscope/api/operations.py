"""What answers beside the OData surface: health, readiness, and the embedded issuer's keys and discovery documents."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from enrollscope.api.messages import Call, Reply
from enrollscope.auth.development import discovery_document, public_keys
from enrollscope.odata.errors import MethodNotAllowed, ResourceNotFound, ServiceUnavailable
from enrollscope.store.base import Store, StoreRefused

_DISCOVERY = re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration")
_KEYS = re.compile(r"/([^/]+)/discovery/v2\.0/keys")


@dataclass(frozen=True, slots=True)
class Operations:
    """Answers that need no token.

    Attributes:
        issuer_keys: the embedded issuer's key set; `None` where another identity provider is configured.
    """

    store: Store
    issuer_keys: str | None

    async def serve(self, path: str, call: Call) -> Reply:
        """Answer one request; `path` begins with a slash.

        Raises:
            ResourceNotFound: nothing answers there.
            MethodNotAllowed: something does, but only to GET.
            ServiceUnavailable: not ready; says why.
        """
        reply = await self._reply(path, call)
        if call.method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{path} is read with GET.", headers={"Allow": "GET, HEAD"})
        return reply

    async def _reply(self, path: str, call: Call) -> Reply:
        if path == "/healthz":
            return _json({"status": "ok"})
        if path == "/readyz":
            await self._check_store()
            return _json({"status": "ready"})
        if self.issuer_keys is not None:
            if discovery := _DISCOVERY.fullmatch(path):
                return _json(discovery_document(call.base_url, discovery[1]))
            if keys := _KEYS.fullmatch(path):
                return _json(public_keys(self.issuer_keys, keys[1]))
        version = path.lstrip("/").partition("/")[0]
        if not version:
            raise ResourceNotFound("Name a version: paths begin with /v1.0 or /beta.")
        raise ResourceNotFound(f"Invalid version: {version[:100]}")

    async def _check_store(self) -> None:
        try:
            await self.store.check()
        except StoreRefused as error:
            raise ServiceUnavailable(f"The store is not ready: {error}", headers={"Retry-After": "5"}) from error


def _json(content: Any) -> Reply:
    return Reply(200, msgspec.json.encode(content), "application/json")
