"""What came of an input, and what a test may expect of it."""

from datetime import date
from typing import NamedTuple

from msgspec.json import encode
from wording.entries import kind_of, plain
from wording.states import in_words

from processor.rules.left import UNCHANGED, Refused
from processor.rules.user_state import UserState
from schemas.entries import Entry
from schemas.records import AnswerState

# Entries that somebody is notified of, unless they are quiet.
NOTIFIED = ("streak", "freezes", "achievement", "points", "level", "boost")


class Decided(NamedTuple):
    """What was decided of an input: the entries, the user's state after it, and its answer."""

    entries: list[Entry]
    own: UserState
    state: AnswerState


class Result:
    """What came of an input: judged where it is asked for, as it may be refused."""

    def __init__(self, judge):
        """Take the judging."""
        self._judge = judge

    def then(self, *entries):
        """Expect exactly these entries, in this order; when time goes on is asked for by itself."""
        found = [plain(it) for it in self._decided().entries if kind_of(it) != "due"]
        _check_same(found, list(entries))

    def then_due(self, at):
        """Expect that time alone will do something at this instant next, None: never."""
        assert in_words(self._decided().own)["due"] == at

    def then_nothing(self):
        """Expect that there is nothing to do."""
        assert self._judge() == UNCHANGED

    def then_of(self, kind, *entries):
        """Expect exactly these entries of one kind, in this order."""
        _check_same(of_kind(kind, self._decided()), list(entries))

    def then_notified(self, *entries):
        """Expect exactly these entries, in this order, of those that somebody is notified of.

        Left out are quiet ones, when time goes on, and how totals and periods move.
        """
        _check_same([it for it in self._decided().entries if _is_notified(it)], list(entries))

    def then_streak(self, **fields):
        """Expect these fields of the streak that the answer shows."""
        shown = self._decided().state.streak
        found = {name: getattr(shown, name) for name in fields}
        words = {it: at.isoformat() if isinstance(at, date) else at for it, at in found.items()}
        assert words == fields

    def then_state(self, **fields):
        """Expect these fields of the user's state, in words."""
        words = in_words(self._decided().own)
        assert {name: words[name] for name in fields} == fields

    def then_refused(self, code, text):
        """Expect a refusal of this kind with this text in its reason."""
        refused = self._judge()
        assert isinstance(refused, Refused), refused
        assert refused.code == code
        assert text in refused.reason

    def _decided(self) -> Decided:
        decided = self._judge()
        assert isinstance(decided, Decided), decided
        return decided


def _check_same(found, expected):
    assert found == expected
    # To the byte: 1 is no 1.0, and neither is true.
    assert encode(found) == encode(expected)


def _is_notified(entry):
    return kind_of(entry) in NOTIFIED and not getattr(entry, "quiet", False)


def of_kind(kind, decided):
    """Return a decision's entries of one kind."""
    return [entry for entry in decided.entries if kind_of(entry) == kind]
