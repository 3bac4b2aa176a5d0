"""The JSON format: bodies to values, records to JSON, and what an update makes of a record."""
