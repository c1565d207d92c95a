"""``python -m nrr_pipeline.cli``: the same as ``nrr``, wherever that is installed."""

from nrr_pipeline.cli.entry import main

main(prog_name="nrr")
