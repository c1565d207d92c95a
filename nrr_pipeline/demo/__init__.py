"""A simulated business and the Stripe API that serves its account, over HTTP only."""
