"""The OData protocol: knows no SQL, no HTTP library, and nothing of what is served with it.

From the top to the bottom; each imports only what stands below it, and those of one line do not see each other:

    binding, json, metadata   nodes to plans; bodies and records; what a model says of itself
    protocol                  headers, entity tags, paging tokens, batches; what is offered
    grammar, plan             text to nodes; what requests come to
    edm                       types, values, records
    errors, hints             what a client is told

`parser` reads text by any rule of the ABNF.
"""
