"""The command line ``nrr``: one module per command, errors and exit status in ``entry``.

What a command computes belongs to the rooms below; here it is asked for and shown.
"""

from nrr_pipeline.cli.entry import main

__all__ = ["main"]
