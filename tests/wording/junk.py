"""What stands on a topic of xpledger's own and is none of its records."""

# Bytes that are no record, or have no place among the records.
JUNK = [
    b"",
    b"junk",
    b"\xff\xfe",
    b"[" * 50_000,
    b"{}",
    b'{"v":null}',
    b'{"v":true}',
    b'{"v":-1}',
    b'{"v":2}',
    b'{"v":2,"source":[0,0,0],"after":[0,"x",""]}',
    b'{"v":2,"source":[0,0,0],"after":[9,9,"nobody"]}',
    b'{"v":1,"source":[0,0,0],"after":[9,9,"nobody"]}',
    None,
]
