"""Becomes the program named on its command line, after tying its life to the parent's.

Run as a script by `process.py`, in an interpreter without site-packages, between fork and exec:
that is why it imports nothing of ours and nothing from outside the standard library, and why its
arguments are plain words:
`launch.py PID_FILE PARENT DEATH_SIGNAL USER:GROUP|- NICENESS HOME COMMAND...`
"""

import ctypes
import os
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CAPABILITY_VERSION_3 = 0x20080522
AUTOGROUP = Path("/proc/self/autogroup")
# Stands in the command for the home directory.
HOME = "{home}"

libc = ctypes.CDLL(None, use_errno=True)


def become(user: int, group: int) -> None:
    """Turn root into the user and group given, without any capability."""
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; twice 32 bits. The first two are gone with the user.
    libc.capset(header, (ctypes.c_uint32 * 6)())


def held(home: str) -> str:
    """Return a path to a directory that stays open, whoever may not pass those above it.

    Another user could not enter a checkout below root's home, and opening up the permissions of
    directories that are not ours is out of the question. What is open already is entered through
    /proc without passing them, by this process and those that it forks.
    """
    descriptor = os.open(home, os.O_PATH | os.O_DIRECTORY)
    os.set_inheritable(descriptor, True)  # noqa: FBT003  its one argument
    return f"/proc/self/fd/{descriptor}"


def give_way(niceness: int) -> None:
    """Let others have the processor first, more so the higher the niceness (1 to 19).

    Where the kernel groups processes by session, as desktops have it, a niceness counts within the
    group alone, and this process begins a session: its group is told the same.
    """
    os.nice(niceness)
    for _ in range(5):
        try:
            AUTOGROUP.write_text(f"{niceness}\n", encoding="ascii")
        except BlockingIOError:
            # The kernel takes one such change in a tenth of a second.
            time.sleep(0.05)
        except OSError:
            return
        else:
            return


def main(words: list[str]) -> None:
    """Write the pid file, change user, ask for the death signal, and become the command."""
    pid_file, parent, death_signal, identity, niceness, home, *command = words
    # What it writes is for its user only.
    os.umask(0o077)
    # Written before the exec, by the very process, so that no moment exists in which it runs
    # unrecorded.
    Path(pid_file).write_text(f"{os.getpid()}\n", encoding="ascii")
    if identity != "-":
        home = held(home)
        user, group = identity.split(":")
        become(int(user), int(group))
    # No program that it runs, however installed, gives it more rights than it has.
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if int(niceness):
        give_way(int(niceness))
    # After the change of user, which would clear it.
    libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):  # the parent died before the line above could take effect
        sys.exit(1)
    program, *arguments = (word.replace(HOME, home) for word in command)
    os.execv(program, [program, *arguments])  # noqa: S606  becoming the command is the point, and no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
