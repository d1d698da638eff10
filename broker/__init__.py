"""The wire: how Kafka is reached, and how the ledger and the definitions are read from it.

Shared by the rooms that must not know each other. No rules, no database and no HTTP in here.
"""
