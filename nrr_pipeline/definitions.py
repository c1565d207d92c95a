"""The front door for Dagster: the definitions of the installation that the environment names."""

from nrr_pipeline.orchestration.assembly import build_definitions
from nrr_pipeline.settings import load_settings

defs = build_definitions(load_settings())
