"""Records to replies: the fifth stage."""

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from enrollscope.api.messages import Reply
from enrollscope.odata.cursors import CursorSigner
from enrollscope.odata.edm import Model
from enrollscope.odata.etags import etag
from enrollscope.odata.headers import JsonFormat, Preferences
from enrollscope.odata.layout import KEY, VERSION, Layout, Record
from enrollscope.odata.metadata import metadata_xml, service_document
from enrollscope.odata.plan import Page, Projection, ReadCollection, Scope
from enrollscope.odata.writer import EntityWriter, collection_body, context_url

_ODATA_VERSION = ("OData-Version", "4.0")
_MOST_WRITERS = 256
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PAGE_STATE = re.compile(r"(?i)(?:\$|%24)?skip(?:token)?=")


class Answering(msgspec.Struct, frozen=True):
    """How one request wants to be answered.

    Attributes:
        base: absolute URL of the version root, without a slash at the end.
        tenant: for which paging tokens are signed.
    """

    base: str
    tenant: str
    json_format: JsonFormat
    preferences: Preferences


class Renderer:
    """Renders the answers of one API version."""

    def __init__(self, model: Model, layouts: Mapping[str, Layout], cursors: CursorSigner) -> None:
        self._model = model
        self._layouts = layouts
        self._cursors = cursors
        self._metadata = metadata_xml(model)
        self._writers: dict[tuple[str, Projection, JsonFormat, bool], EntityWriter] = {}

    def entity(self, record: Record, scope: Scope, projection: Projection, how: Answering, *, status: int) -> Reply:
        """One entity, with its tag."""
        context = context_url(how.base, scope.context, projection, entity=True)
        writer = self._writer(scope, projection, how)
        body = writer.write(record, context=context, collection=f"{how.base}/{scope.path}")
        headers = [_ODATA_VERSION, ("ETag", etag(record[VERSION]))]
        return Reply(status, _ENCODER.encode(body), how.json_format.content_type, headers)

    def page(self, page: Page, plan: ReadCollection, query: str, how: Answering) -> Reply:
        """A page of entities, with the link to the next where there is one.

        Args:
            query: the request's own query string, still encoded, which the link goes on with.
        """
        scope, size = plan.scope, plan.page_size
        records = page.records[:size]
        link = None
        if records and len(page.records) > size:
            token = self._cursors.write(records[-1][-len(plan.query.order) :], plan.fingerprint, how.tenant)
            kept = [part for part in query.split("&") if part and not _PAGE_STATE.match(part)]
            link = f"{how.base}/{scope.path}{scope.cast}?{'&'.join([*kept, f'$skiptoken={token}'])}"
        writer = self._writer(scope, plan.projection, how)
        collection = f"{how.base}/{scope.path}"
        body = collection_body(
            (writer.write(record, collection=collection) for record in records),
            context=context_url(how.base, scope.context, plan.projection),
            json_format=how.json_format,
            count=page.total,
            next_link=link,
        )
        return Reply(200, _ENCODER.encode(body), how.json_format.content_type, [_ODATA_VERSION])

    def service_document(self, how: Answering) -> Reply:
        """What the version root has."""
        body = _ENCODER.encode(service_document(self._model, how.base))
        return Reply(200, body, how.json_format.content_type, [_ODATA_VERSION])

    def metadata(self) -> Reply:
        """The model in XML."""
        return Reply(200, self._metadata, "application/xml;charset=utf-8", [_ODATA_VERSION])

    def _writer(self, scope: Scope, projection: Projection, how: Answering) -> EntityWriter:
        include_unknown = how.preferences.include_unknown
        key = (scope.stored.name, projection, how.json_format, include_unknown)
        writer = self._writers.get(key)
        if writer is None:
            if len(self._writers) >= _MOST_WRITERS:
                self._writers.clear()
            writer = self._writers[key] = EntityWriter(
                self._model,
                self._layouts[scope.stored.name],
                projection=projection,
                json_format=how.json_format,
                include_unknown=include_unknown,
            )
        return writer


def location(record: Record, scope: Scope, how: Answering) -> str:
    """The absolute URL of an entity, its key as a segment, as Graph writes it."""
    return f"{how.base}/{scope.path}/{quote(record[KEY], safe='')}"


def applied(preferences: Preferences, *, writing: bool = False, paging: bool = False) -> list[tuple[str, str]]:
    """`Preference-Applied` for the preferences that an answer honoured, if there are any."""
    names = []
    if writing and preferences.representation is not None:
        names.append("return=representation" if preferences.representation else "return=minimal")
    if paging and preferences.page_size is not None:
        names.append(f"odata.maxpagesize={preferences.page_size}")
    if preferences.include_unknown:
        names.append("include-unknown-enum-members")
    return [("Preference-Applied", ", ".join(names))] if names else []
