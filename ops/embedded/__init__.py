"""A real Kafka and a real PostgreSQL from installed packages, for a machine that has neither."""
