"""The way onto the log and back: append, wait for the record, wait for the read models."""
