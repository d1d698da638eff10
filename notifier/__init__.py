"""The messenger: ledger records to webhooks. It decides nothing and never writes to the ledger."""
