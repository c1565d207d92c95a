"""The only room that speaks to Stripe: client, paging, pulls, and what payloads prove."""
