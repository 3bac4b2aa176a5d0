"""What the version root says: the entity sets and singletons that there are."""

from typing import Any

from enrollscope.odata.edm.model import Model


def service_document(model: Model, base: str) -> dict[str, Any]:
    """The service document (OData JSON 4.01 §5).

    Args:
        base: absolute URL of the version root, without a slash at the end.
    """
    sets = [{"name": item.name, "kind": "EntitySet", "url": item.name} for item in model.entity_sets]
    singletons = [{"name": item.name, "kind": "Singleton", "url": item.name} for item in model.singletons]
    return {"@odata.context": f"{base}/$metadata", "value": [*sets, *singletons]}
