"""The Application API: a file per resource, its types and what builds them."""
