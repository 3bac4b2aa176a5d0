"""HTTP: from ASGI messages to plans and back, and the composition of the service."""
