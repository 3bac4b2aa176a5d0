"""The requirements of OData 4.0 (Protocol 4.01 §12.1)."""

from tests.conformance_page import probes_protocol as protocol
from tests.conformance_page import probes_reading as reading
from tests.conformance_page import probes_writing as writing
from tests.conformance_page.requirement import Asked, DoesNotApply, Follows, Requirement

NO_ASYNC = DoesNotApply("Asynchronous requests are not offered.")
CONTAINED = DoesNotApply("All relations are containment: what is contained can be created and deleted, not linked.")
NO_UPSERT = "Graph creates with POST alone, so that a mistyped key is told and not stored."
PAGE_SIZE = "In Graph `$top` is the size of a page."

MINIMAL_40 = (
    Requirement(
        "40M-1", "MUST", "The service root is a document of what can be addressed.", Asked(protocol.service_document)
    ),
    Requirement("40M-2", "MUST", "Payloads are those of the JSON format.", Asked(protocol.payloads)),
    Requirement("40M-3", "MUST", "What an answer leaves out is behind its next link.", Asked(reading.pages)),
    Requirement("40M-4", "MUST", "`OData-Version` tells the version of an answer.", Asked(protocol.version_header)),
    Requirement(
        "40M-5",
        "MUST",
        "`Accept` and `OData-MaxVersion` are honoured, or the request fails.",
        Asked(protocol.negotiation),
    ),
    Requirement(
        "40M-6",
        "MUST",
        "Unknown system query options are refused, custom options and annotations are not.",
        Asked(protocol.extensibility),
    ),
    Requirement(
        "40M-7",
        "MUST",
        "Query options are parsed as the grammar says; what is valid and not offered is 501.",
        Asked(reading.grammar),
    ),
    Requirement("40M-8", "MUST", "Only types of CSDL are used.", Asked(protocol.known_types)),
    Requirement(
        "40M-9",
        "MUST NOT",
        "No header or annotation of our own is needed to be understood.",
        Asked(reading.no_special_headers),
    ),
    Requirement(
        "40M-10", "MUST NOT", "Changes mean nothing else than the standard says.", Asked(writing.update_semantics)
    ),
    Requirement("40M-11", "MUST NOT", "Nothing else is changed in its meaning.", Asked(reading.null_logic)),
    Requirement("40M-12", "SHOULD", "`$expand`.", Asked(reading.expanding())),
    Requirement("40M-13", "SHOULD", "`$metadata` in XML, and perhaps in JSON.", Asked(protocol.metadata_in_both)),
    Requirement(
        "40M-14", "MUST", "Headers and preferences are known by their prefixed names.", Asked(protocol.prefixed_names)
    ),
    Requirement(
        "40M-15",
        "MUST",
        "Enumeration and duration literals are known with their type in front.",
        Asked(reading.prefixed_literals),
    ),
    Requirement("40M-16", "MUST*", "What comes later is wrapped as `application/http`.", NO_ASYNC),
    Requirement("40M-17", "MAY*", "The header `AsyncResult`.", NO_ASYNC),
    Requirement("40M-18", "MUSTu", "What can be changed has an edit link.", Asked(writing.edit_link)),
    Requirement(
        "40M-19",
        "MUSTu",
        "POST to entity sets.",
        DoesNotApply("The one entity set is that of the users, who are kept by their directory."),
    ),
    Requirement("40M-20", "MUSTu", "POST to collections of related entities.", Asked(writing.create)),
    Requirement("40M-21", "MUSTu", "POST a reference to a collection.", CONTAINED),
    Requirement("40M-22", "MUSTu", "PUT a reference.", CONTAINED),
    Requirement("40M-23", "MUSTu", "PATCH at edit links.", Asked(writing.change)),
    Requirement("40M-24", "MUSTu", "DELETE at edit links.", Asked(writing.delete)),
    Requirement("40M-25", "MUSTu", "DELETE a reference.", CONTAINED),
    Requirement("40M-26", "MUSTu", "`If-Match` guards what has an entity tag.", Asked(writing.preconditions)),
    Requirement("40M-27", "MUSTu", "`Location` tells where a new entity is.", Asked(writing.location)),
    Requirement("40M-28", "MUSTu", "`OData-EntityId` tells it when the answer is empty.", Asked(writing.entity_id)),
    Requirement("40M-29", "MUSTu", "PATCH creates what is not there.", Asked(writing.upsert, as_graph=NO_UPSERT)),
    Requirement("40M-30", "SHOULDu", "PUT and PATCH of one property.", Asked(writing.update_property)),
    Requirement("40M-31", "SHOULDu", "DELETE of a property makes it null.", Asked(writing.delete_property)),
    Requirement(
        "40M-32",
        "SHOULDu",
        "Related entities are created together.",
        DoesNotApply("What can be created has no navigation property."),
    ),
    Requirement("40M-33", "MAYu", "All members of a set are changed or deleted at once.", Asked(writing.change_each)),
)

INTERMEDIATE_40 = (
    Requirement("40I-1", "MUST", "Everything of 4.0 Minimal.", Follows(("40M-",))),
    Requirement("40I-2", "MUST", "The whole grammar is accepted, or answered with 501.", Asked(reading.whole_grammar)),
    Requirement("40I-3", "MUST", "`$select`.", Asked(reading.select)),
    Requirement("40I-4", "MUST", "Casts to derived types, in paths and in expressions.", Asked(reading.casts)),
    Requirement("40I-5", "MUST", "`$top` limits what comes.", Asked(reading.top, as_graph=PAGE_SIZE)),
    Requirement("40I-6", "MUST", "`$value` of properties.", Asked(reading.value_segment)),
    Requirement("40I-7a", "MUST", "`$filter` with `eq` and `ne`.", Asked(reading.equality)),
    Requirement("40I-7b", "MUST", "Parameter aliases in `$filter`.", Asked(reading.aliases)),
    Requirement("40I-7c", "SHOULD/MUST", "All other operators, 501 for those not offered.", Asked(reading.operators)),
    Requirement(
        "40I-7d", "SHOULD/MUST", "All canonical functions, 501 for those not offered.", Asked(reading.functions)
    ),
    Requirement("40I-7e", "SHOULD", "`$filter` inside `$expand`.", Asked(reading.expanding("$filter=id ne null"))),
    Requirement("40I-8", "SHOULD", "`$metadata` in XML.", Asked(protocol.metadata_in_xml)),
    Requirement("40I-9", "SHOULD", "The JSON format.", Asked(protocol.payloads)),
    Requirement(
        "40I-10",
        "SHOULD",
        "Name and password, over TLS.",
        Asked(protocol.basic_authentication, as_graph="Graph takes access tokens alone."),
    ),
    Requirement("40I-11", "SHOULD", "`$search`.", Asked(reading.search)),
    Requirement("40I-12", "SHOULD", "`$skip`.", Asked(reading.skip)),
    Requirement("40I-13", "SHOULD", "`$count`.", Asked(reading.count)),
    Requirement("40I-14", "SHOULD", "`$expand`.", Asked(reading.expanding())),
    Requirement("40I-15", "SHOULD", "`any` and `all`.", Asked(reading.lambdas)),
    Requirement("40I-16", "SHOULD", "`/$count` behind collections.", Asked(reading.count_segment)),
    Requirement("40I-17", "SHOULD", "`$orderby`, either way.", Asked(reading.orderby)),
)

ADVANCED_40 = (
    Requirement("40A-1", "MUST", "Everything of 4.0 Intermediate.", Follows(("40I-",))),
    Requirement("40A-2", "MUST", "`$metadata` in XML.", Asked(protocol.metadata_in_xml)),
    Requirement("40A-3", "MUST", "The JSON format.", Asked(protocol.payloads)),
    Requirement("40A-4", "MUST", "`/$count` behind collections.", Asked(reading.count_segment)),
    Requirement("40A-5", "MUST", "`any` and `all`.", Asked(reading.lambdas)),
    Requirement("40A-6", "MUST", "`$skip`.", Asked(reading.skip)),
    Requirement("40A-7", "MUST", "`$count`.", Asked(reading.count)),
    Requirement("40A-8", "MUST", "`$orderby`.", Asked(reading.orderby)),
    Requirement(
        "40A-9.1", "MUST", "`$expand` of references.", Asked(reading.expanding_path("troubleshootingEvents/$ref"))
    ),
    Requirement("40A-9.2", "MUST", "`$filter` inside `$expand`.", Asked(reading.expanding("$filter=id ne null"))),
    Requirement(
        "40A-9.3",
        "MUST",
        "Casts inside `$expand`.",
        Asked(reading.expanding_path(f"troubleshootingEvents/{reading.CAST}")),
    ),
    Requirement("40A-9.4", "SHOULD", "`$orderby` inside `$expand`.", Asked(reading.expanding("$orderby=id"))),
    Requirement("40A-9.5", "SHOULD", "`$count` inside `$expand`.", Asked(reading.expanding("$count=true"))),
    Requirement(
        "40A-9.6", "SHOULD", "`$top` and `$skip` inside `$expand`.", Asked(reading.expanding("$top=1;$skip=1"))
    ),
    Requirement("40A-9.7", "SHOULD", "`$search` inside `$expand`.", Asked(reading.expanding("$search=Milk"))),
    Requirement("40A-9.8", "SHOULD", "`$levels`.", DoesNotApply("No type is related to itself.")),
    Requirement("40A-9.9", "MAY", "`$compute` inside `$expand`.", Asked(reading.expanding("$compute=length(id) as n"))),
    Requirement("40A-10", "MUST", "`$search`.", Asked(reading.search)),
    Requirement("40A-11", "MUST/MAY", "Batches as multipart, and perhaps in JSON.", Asked(protocol.batch_in_both)),
    Requirement("40A-12", "MUST", "Every form of address.", Asked(reading.resource_paths)),
    Requirement("40A-13", "SHOULD", "Asynchronous requests.", Asked(protocol.asynchronous)),
    Requirement("40A-14", "SHOULD", "Delta links.", Asked(protocol.change_tracking)),
    Requirement("40A-15", "SHOULD", "`$crossjoin`.", Asked(reading.crossjoin)),
    Requirement("40A-16", "MAY", "`$compute`.", Asked(reading.compute)),
)
