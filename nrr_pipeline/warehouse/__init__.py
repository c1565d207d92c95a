"""The only room that speaks SQL: tables, engine, one module per stage, migrations."""
