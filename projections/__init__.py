"""The memory: ledger records become rows in Postgres, and questions are answered from them."""
