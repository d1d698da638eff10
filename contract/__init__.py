"""The shapes of the HTTP contract, and what is known from definitions alone. No HTTP, no SQL."""
