"""Figures into words, charts and pages: pure; knows no clock, database, network or Dagster."""
