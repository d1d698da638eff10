"""The door: HTTP in and out. It asks by event, is answered from the ledger, and decides nothing."""
