"""What is wrong with a peer's committed outputs, by set equality with what was accepted.

Pure: knows events and outputs, neither processes nor Kafka.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple


class Accepted(NamedTuple):
    """An event that the broker has acknowledged, and where in the topic."""

    number: int
    user: str
    value: int
    partition: int
    offset: int


class Output(NamedTuple):
    """A committed record of a peer: which event it is of, and the user's total after it."""

    number: int
    user: str
    value: int
    total: int


@dataclass(frozen=True)
class Verdict:
    """Event numbers without output, with more than one, and users whose totals are wrong."""

    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    unknown: tuple[int, ...]
    # User -> the sum of what was accepted, and the total of the user's last output.
    wrong_totals: Mapping[str, tuple[int, int | None]]
    # Outputs whose total is not the total before plus their value.
    leaps: int

    def violations(self) -> list[str]:
        """Return a text for each kind of violation, none where there is none."""
        found = []
        if self.lost:
            found.append(
                f"lost: {len(self.lost)} accepted events have no output ({_some(self.lost)})"
            )
        if self.doubled:
            found.append(
                f"doubled: {len(self.doubled)} events have more than one committed output "
                f"({_some(self.doubled)})"
            )
        if self.unknown:
            found.append(f"unknown: {len(self.unknown)} outputs are of no accepted event")
        if self.wrong_totals:
            user, (wanted, held) = next(iter(self.wrong_totals.items()))
            surplus = sum((held or 0) - wanted for wanted, held in self.wrong_totals.values())
            found.append(
                f"wrong totals: the last of {len(self.wrong_totals)} users, {surplus:+} together "
                f"({user}: {held} instead of {wanted})"
            )
        if self.leaps:
            found.append(f"inconsistent: {self.leaps} outputs do not continue the total before")
        return found


def judge(
    accepted: Sequence[Accepted], outputs: Sequence[Output], pending: AbstractSet[int] = frozenset()
) -> Verdict:
    """Compare; the outputs of one user must be in the order of the log.

    pending: numbers of events that the peer has not come to yet. They are not lost, and nothing is
    said of their users' totals.
    """
    numbers = {event.number for event in accepted}
    written = Counter(output.number for output in outputs)
    sums: Counter[str] = Counter()
    behind = {event.user for event in accepted if event.number in pending}
    for event in accepted:
        if event.user not in behind:
            sums[event.user] += event.value
    last: dict[str, int] = {}
    leaps = 0
    for output in outputs:
        leaps += output.total != last.get(output.user, 0) + output.value
        last[output.user] = output.total
    return Verdict(
        lost=tuple(sorted(numbers - written.keys() - pending)),
        doubled=tuple(sorted(number for number, times in written.items() if times > 1)),
        unknown=tuple(sorted(written.keys() - numbers)),
        wrong_totals={
            user: (total, last.get(user))
            for user, total in sorted(sums.items())
            if last.get(user) != total
        },
        leaps=leaps,
    )


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:3])
    return f"{shown}, …" if len(numbers) > 3 else shown
