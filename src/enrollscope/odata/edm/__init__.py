"""The entity data model (CSDL 4.01): types and what they hold, and how an entity lies in a record."""
