"""The stages between the rooms: what is read, computed and written, without Dagster."""
