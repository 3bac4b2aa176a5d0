"""The requirements of the JSON format (OData JSON 4.01 §23)."""

from tests.conformance_page import probes_protocol as protocol
from tests.conformance_page import probes_reading as reading
from tests.conformance_page import probes_writing as writing
from tests.conformance_page.requirement import Asked, DoesNotApply, Follows, Requirement
from tests.conformance_page.rows_40 import NO_ASYNC

NO_FOREIGN_METADATA = DoesNotApply("Everything is described by the service's own metadata.")

JSON_FORMAT = (
    Requirement(
        "J-1",
        "MUST",
        "Answers with minimal metadata are understood.",
        DoesNotApply("The service reads no answers of others."),
    ),
    Requirement("J-2", "MUST", "Payloads with full metadata are understood.", Asked(writing.echo_of_full)),
    Requirement("J-3", "MUST", "Values of every type of the model are understood.", Asked(writing.every_type)),
    Requirement(
        "J-4", "MUST", "Control information is read as `OData-Version` says.", Asked(writing.bodies_by_version)
    ),
    Requirement("J-5", "MUST", "Annotations that are not known are ignored.", Asked(writing.unknown_annotations)),
    Requirement("J-6", "MUST NOT", "Nobody is asked for `streaming=true`.", Asked(protocol.streaming_is_optional)),
    Requirement("J-7", "MUST", "Payloads of 4.0 are understood in all their forms.", Asked(writing.bodies_of_40)),
    Requirement("J-8", "MAY", "Payloads of 4.01 are understood.", Asked(writing.bodies_of_401)),
    Requirement("J-9", "MUST", "Payloads of 4.0 are written as 4.0 has them.", Asked(protocol.answers_of_40)),
    Requirement("J-10", "MAY", "Payloads of 4.01 are written.", Asked(protocol.answers_of_401)),
    Requirement("J-11", "MUST", "At least 4.0 Minimal is met.", Follows(("40M-",))),
    Requirement("J-12", "MUST", "`application/json` is accepted in `Accept`.", Asked(protocol.json_accepted)),
    Requirement("J-13", "MUST", "All JSON is well formed.", Asked(protocol.well_formed)),
    Requirement("J-14", "MUST", "Full metadata on request.", Asked(protocol.full_metadata)),
    Requirement("J-15", "MUST", "A part of a collection has a next link.", Asked(reading.pages)),
    Requirement("J-16", "MUST", "Entities described elsewhere say where.", NO_FOREIGN_METADATA),
    Requirement("J-17", "MUST", "Properties described elsewhere say where.", NO_FOREIGN_METADATA),
    Requirement("J-18", "MUST NOT", "The rest of the format is kept.", Asked(protocol.json_rules)),
    Requirement("J-19", "SHOULD", "`$format`.", Asked(protocol.format_option)),
    Requirement("J-20", "MAY", "`streaming=true` is honoured.", Asked(protocol.streaming)),
    Requirement(
        "J-21",
        "MAY",
        "Metadata is always full.",
        Asked(protocol.always_full, as_graph="Graph answers with what is asked for, and so do we."),
    ),
    Requirement(
        "J-22", "MUST NOT", "Nulls are left out only where that is asked for, and told.", Asked(protocol.nulls)
    ),
    Requirement("J-23", "MUST", "`OData-MaxVersion: 4.0` is answered in 4.0.", Asked(protocol.old_version_on_request)),
    Requirement("J-24", "MUST", "Bodies of 4.0 are accepted.", Asked(writing.bodies_of_40)),
    Requirement("J-25", "MUST", "What comes later is wrapped as `application/http`.", NO_ASYNC),
    Requirement(
        "J-26", "SHOULD", "`OData-MaxVersion: 4.01` is answered in 4.01.", Asked(protocol.new_version_on_request)
    ),
    Requirement("J-27", "MUST", "Bodies of 4.01 are accepted.", Asked(writing.bodies_of_401)),
    Requirement("J-28", "MUST", "An entity tag within a body is a precondition.", Asked(writing.tag_in_body)),
    Requirement("J-29", "MUST", "What comes later is had as plain JSON, too.", NO_ASYNC),
)
