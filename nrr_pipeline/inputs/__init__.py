"""What users give beside their Stripe account: lists as files, and a bank's rates.

Here they become plain checked facts, or an error that names the file, line and value. No SQL, no
Dagster: keeping the facts is the warehouse's part, when to read them is the stages'.
"""
