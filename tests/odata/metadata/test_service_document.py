from enrollscope.model.events import SCHEMA
from enrollscope.odata.metadata.service_document import service_document


def test_the_service_document() -> None:
    """It lists what the container holds, by addresses relative to itself."""
    assert service_document(SCHEMA.view("v1.0"), "https://graph.example/v1.0") == {
        "@odata.context": "https://graph.example/v1.0/$metadata",
        "value": [
            {"name": "users", "kind": "EntitySet", "url": "users"},
            {"name": "deviceManagement", "kind": "Singleton", "url": "deviceManagement"},
            {"name": "me", "kind": "Singleton", "url": "me"},
        ],
    }
