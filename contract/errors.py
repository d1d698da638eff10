"""What the contract refuses: each error is of one kind, and the doors know its status.

A message says what to change and is shown to the client as it stands. No status in here.
"""


class ContractError(Exception):
    """A request does not fit the definitions."""


class UnknownItemError(ContractError):
    """A request names an item that the definitions do not have, or no longer."""


class UnknownAttributesError(ContractError):
    """A request gives attributes that the definitions do not have, or no longer."""


class NotPersonalError(ContractError):
    """A request sets what the game lets nobody have their own."""


class UnfitError(ContractError):
    """A request asks for what is there and does not fit."""


class MissingItemError(Exception):
    """A record or a row names an item that these definitions lack: they are behind it."""


class RefusedItemError(Exception):
    """An item of a request cannot be done; the others may. The message says what to change."""
