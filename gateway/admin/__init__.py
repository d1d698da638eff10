"""The Admin API under /admin/v1: a file per resource with its routes, its reads, its answer."""
