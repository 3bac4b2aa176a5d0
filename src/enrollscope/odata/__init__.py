"""The OData protocol: knows no SQL, no HTTP library, and nothing of what is served with it."""
