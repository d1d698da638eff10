"""The judge: turns events into ledger records. Reads no database, serves no requests."""
