"""Adjustments of a user's points by hand: what is sent."""

from typing import Final

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from contract.admin.values import STRICT, Points
from schemas.strict import Reason


@STRICT
class AdjustmentRequest(TypedDict):
    """Points that a user is granted or, negative, loses."""

    points: Points
    reason: Reason


ADJUSTMENT: Final = TypeAdapter(AdjustmentRequest)
