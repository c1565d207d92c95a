"""The only room that speaks Dagster: partitions, resources, assets, checks, schedules, jobs."""
