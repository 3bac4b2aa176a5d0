"""What a model says of itself: `$metadata`, OpenAPI, the service document."""
