"""Becomes the program named on its command line, after tying its life to the parent's.

Run as a script by `process.py`, in an interpreter without site-packages, between fork and exec:
that is why it imports nothing of ours and nothing from outside the standard library, and why its
arguments are plain words:
`launch.py PID_FILE PARENT DEATH_SIGNAL USER:GROUP|- NICENESS COMMAND...`
"""

import ctypes
import os
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
AUTOGROUP = Path("/proc/self/autogroup")

libc = ctypes.CDLL(None, use_errno=True)


def become(user: int, group: int) -> None:
    """Turn root into the user and group given, keeping only the right to pass closed directories.

    PostgreSQL refuses to run as root. Another user could not enter a checkout below root's home,
    and opening up the permissions of directories that are not ours is out of the question; so the
    one capability that lets the process in is carried over. Where the kernel refuses that, the
    process goes on without it.
    """
    os.setgroups([])
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(
        mask, mask, mask, 0, 0, 0
    )  # effective, permitted, inheritable; twice 32 bits
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


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
    pid_file, parent, death_signal, identity, niceness, *command = words
    # Written before the exec, by the very process, so that no moment exists in which it runs
    # unrecorded.
    Path(pid_file).write_text(f"{os.getpid()}\n", encoding="ascii")
    if identity != "-":
        user, group = identity.split(":")
        become(int(user), int(group))
    if int(niceness):
        give_way(int(niceness))
    # After the change of user, which would clear it.
    libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):  # the parent died before the line above could take effect
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  becoming the command is the point, and no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
