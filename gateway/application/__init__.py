"""The Application API under /v1: a file per resource with its routes, its reads, its answer."""
