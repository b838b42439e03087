"""A probe of effort against a real engine: who is asked, asking all of it, and what is kept of it."""
