"""Requests and answers, errors, middleware, description. It knows no resource."""
