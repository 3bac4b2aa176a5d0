"""Run by Alembic: renders the revisions as SQL, for whoever asked to run them or to print them."""

from alembic import context

context.configure(dialect_name=context.config.attributes["dialect"], transactional_ddl=False)
context.run_migrations()
