"""Daily MRR and net revenue retention from Stripe: exact, explainable, restatable."""
