"""The history of the schema: alembic's scripts, and the revision that this version expects.

A released script is never edited, and takes nothing from ``tables``, which moves on.
"""

HEAD_REVISION = "0008"
