"""Names of the model in SQL."""


def quoted(name: str) -> str:
    """An identifier in SQL; names come from the model, never from a client."""
    return '"' + name.replace('"', '""') + '"'
