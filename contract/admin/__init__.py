"""The Admin API: a file per resource, its types and what builds them."""
