"""The pure core: figures from facts. It knows no Dagster, SQL, Stripe, clock or network."""
