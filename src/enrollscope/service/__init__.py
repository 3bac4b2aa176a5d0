"""What makes the rows of a store enrollment: rules around generic reads and writes."""
