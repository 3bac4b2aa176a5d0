"""Alembic's revision files. `env.py` renders them as SQL; `enrollscope.store.history` says which there are."""
