"""The requirements that OData 4.01 adds (Protocol 4.01 §12.2)."""

from tests.conformance_page import probes_protocol as protocol
from tests.conformance_page import probes_reading as reading
from tests.conformance_page import probes_writing as writing
from tests.conformance_page.requirement import Asked, DoesNotApply, Follows, Requirement
from tests.conformance_page.rows_40 import CONTAINED, NO_ASYNC

NO_OPERATIONS = DoesNotApply("The model has no actions and no functions.")
NO_SINGLE_RELATION = DoesNotApply("No navigation property leads to a single entity.")
NO_RELATIONS = DoesNotApply("What can be changed has no navigation property.")

MINIMAL_401 = (
    Requirement("401M-1", "MUST", "Everything of 4.0 Minimal.", Follows(("40M-",))),
    Requirement("401M-2", "MUST", "Answers in the JSON format of 4.01.", Asked(protocol.answers_of_401)),
    Requirement("401M-3", "MUST", "The header `AsyncResult`, if asynchronous requests are offered.", NO_ASYNC),
    Requirement(
        "401M-4", "MUST", "Headers and preferences are known with prefix and without.", Asked(protocol.both_names)
    ),
    Requirement(
        "401M-5",
        "MUST",
        "A `$schemaversion` that does not fit is refused.",
        DoesNotApply("No version of the schema is announced."),
    ),
    Requirement("401M-6", "MUST", "System query options are known without `$`.", Asked(reading.without_dollar)),
    Requirement("401M-7", "MUST", "Options, operators and functions are known in any case.", Asked(reading.any_case)),
    Requirement("401M-8", "MUST", "Names come back as `$metadata` spells them.", Asked(reading.canonical_names)),
    Requirement(
        "401M-9.1", "MUST", "Text in a URL becomes the type that is wanted.", Asked(reading.text_for_other_types)
    ),
    Requirement(
        "401M-9.2",
        "MUST",
        "Enumeration and duration literals are known with their type and without.",
        Asked(reading.bare_literals),
    ),
    Requirement("401M-9.3", "MUST", "Function imports are called without parentheses.", NO_OPERATIONS),
    Requirement("401M-9.4", "MUST", "Actions without parameters take an empty body.", NO_OPERATIONS),
    Requirement("401M-9.5", "MUST", "Operations of a default namespace are called by their bare names.", NO_OPERATIONS),
    Requirement("401M-9.6", "MUST", "Parameter aliases stand for keys.", Asked(reading.key_alias)),
    Requirement("401M-9.7", "SHOULD", "Parameters of functions are aliases of themselves.", NO_OPERATIONS),
    Requirement("401M-9.8", "SHOULD", "A relation is compared with null.", NO_SINGLE_RELATION),
    Requirement("401M-9.9", "SHOULD", "`in`.", Asked(reading.membership_in_arrays)),
    Requirement("401M-9.10", "SHOULD", "`divby`.", Asked(reading.decimal_division)),
    Requirement("401M-9.11", "SHOULD", "`substring` counts from the end, too.", Asked(reading.negative_index)),
    Requirement("401M-9.12", "MAY", "Keys as segments, and in parentheses all the same.", Asked(reading.keys)),
    Requirement("401M-9.13", "MAY", "Filtered counts in expressions.", Asked(reading.filtered_count)),
    Requirement("401M-9.14", "MAY", "Structured values are compared.", Asked(reading.structural)),
    Requirement("401M-10", "SHOULD", "`$metadata` in XML and in JSON.", Asked(protocol.metadata_in_both)),
    Requirement("401M-11", "SHOULD NOT", "No two names differ only by case.", Asked(protocol.distinct_names)),
    Requirement(
        "401M-12",
        "SHOULD",
        "The versions that are spoken are announced.",
        Asked(protocol.announces("Org.OData.Core.V1.ODataVersions")),
    ),
    Requirement("401M-13", "SHOULD", "Capabilities are announced.", Asked(protocol.capabilities)),
    Requirement("401M-14", "MAY", "Filters on annotations.", Asked(reading.annotation_values)),
    Requirement("401M-15", "MAY", "`$compute`.", Asked(reading.compute)),
    Requirement("401M-16", "MAY", "`$search` on every collection.", Asked(reading.search_everywhere)),
    Requirement(
        "401M-17",
        "MAY",
        "Answers are 4.01 unless 4.0 is asked for.",
        Asked(protocol.default_version, as_graph="Clients of Graph ask for nothing and read 4.0."),
    ),
    Requirement("401M-18", "MUSTu", "Everything that 4.0 Minimal wants of changes.", Follows(("40M-",), updating=True)),
    Requirement("401M-19", "MUSTu", "DELETE a reference by the key of what it leads to.", CONTAINED),
    Requirement("401M-20", "SHOULDu", "PUT with nested content.", Asked(writing.replace)),
    Requirement("401M-21", "SHOULDu", "Related entities are changed and created together.", NO_RELATIONS),
    Requirement("401M-22", "SHOULDu", "PUT and DELETE of all references of a collection.", CONTAINED),
    Requirement("401M-23", "MAYu", "POST to collections of values.", Asked(writing.append)),
    Requirement("401M-24", "MAYu", "PATCH and DELETE of a collection.", Asked(writing.change_collection)),
    Requirement("401M-25", "MAYu", "The same through a cast.", Asked(writing.change_through_cast)),
    Requirement("401M-26", "MAYu", "PATCH a collection with several changes.", Asked(writing.delta_payload)),
    Requirement(
        "401M-27", "MAYu", "`$select` and `$expand` shape the answers to changes.", Asked(writing.select_on_writes)
    ),
)

INTERMEDIATE_401 = (
    Requirement("401I-1", "MUST", "Everything of 4.01 Minimal.", Follows(("401M-",))),
    Requirement("401I-2", "MUST", "Everything of 4.0 Intermediate.", Follows(("40I-",))),
    Requirement("401I-3", "MUST", "A relation is compared with null.", NO_SINGLE_RELATION),
    Requirement("401I-4", "MUST", "`in`.", Asked(reading.membership_in_arrays)),
    Requirement("401I-5", "MUST", "`$select` inside `$select`.", Asked(reading.nested_select)),
    Requirement("401I-6", "SHOULD", "Filtered counts.", Asked(reading.filtered_count)),
    Requirement("401I-7", "SHOULD", "Structured values are compared.", Asked(reading.structural)),
    Requirement("401I-8", "SHOULD", "`$compute`.", Asked(reading.compute)),
    Requirement("401I-9", "SHOULD", "Further options inside `$select`.", Asked(reading.nested_options)),
    Requirement("401I-10", "MAY", "Aliases are given inside of options.", Asked(reading.nested_aliases)),
    Requirement("401I-11", "MAY", "`/$filter` as a segment.", Asked(reading.filter_segment)),
)

ADVANCED_401 = (
    Requirement("401A-1", "MUST", "Everything of 4.01 Intermediate.", Follows(("401I-",))),
    Requirement("401A-2", "MUST", "Everything of 4.0 Advanced.", Follows(("40A-",))),
    Requirement("401A-3", "MUST", "Counts with filter and search.", Asked(reading.restricted_count)),
    Requirement("401A-4", "MUST", "`$compute`.", Asked(reading.compute)),
    Requirement("401A-5", "MUST", "Options inside `$select`.", Asked(reading.nested_options)),
    Requirement("401A-5.1", "MUST", "`$filter` there.", Asked(reading.selecting("$filter=name eq 'n2'", "n2"))),
    Requirement("401A-5.2", "SHOULD", "`$orderby` there.", Asked(reading.selecting("$orderby=name desc", "n2", "n1"))),
    Requirement("401A-5.3", "SHOULD", "`$count` there.", Asked(reading.nested_select_count)),
    Requirement("401A-5.4", "SHOULD", "`$top` and `$skip` there.", Asked(reading.selecting("$skip=1;$top=1", "n2"))),
    Requirement("401A-5.5", "SHOULD", "`$search` there.", Asked(reading.selecting("$search=v2", "n2"))),
    Requirement("401A-6", "MUST", "`$metadata` in JSON.", Asked(protocol.metadata_in_json)),
    Requirement("401A-7", "MUST", "Batches as multipart and in JSON.", Asked(protocol.batch_in_both)),
    Requirement("401A-8", "SHOULD", "`/$filter` as a segment.", Asked(reading.filter_segment)),
    Requirement("401A-9", "SHOULD", "Aliases are given inside of options.", Asked(reading.nested_aliases)),
    Requirement("401A-10", "MAY", "Names of the model are found in any case.", Asked(reading.any_case_of_names)),
)
