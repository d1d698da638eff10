"""The words: everything that crosses a wire, as types with checks. No I/O and no rules in here."""
