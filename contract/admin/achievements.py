"""The status of an achievement: what is sent and answered, and the edit that changes it."""

from typing import Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from contract.admin.values import STRICT, Id
from contract.collections import ACHIEVEMENTS
from contract.errors import UnfitError, UnknownItemError
from schemas.changes import StatusError, UnknownAchievementError, with_status
from schemas.definitions import Definitions


@STRICT
class AchievementStatusRequest(TypedDict):
    """What becomes of an achievement: inactive to active, active to locked and back."""

    status: Literal["active", "locked"]


class AchievementStatus(TypedDict):
    """An achievement and its status."""

    id: Id
    key: str
    name: str
    status: Literal["inactive", "active", "locked"]


STATUS: Final = TypeAdapter(AchievementStatusRequest)


def with_new_status(
    tenant: str, game: Definitions, key: str, asked: AchievementStatusRequest
) -> tuple[Definitions, AchievementStatus]:
    """Return definitions in which an achievement has a status, and that achievement.

    Raises UnknownItemError when there is none, UnfitError for a way that there is not.
    """
    try:
        changed = with_status(game, key, asked["status"])
    except UnknownAchievementError as error:
        raise UnknownItemError(str(error)) from error
    except StatusError as error:
        raise UnfitError(str(error)) from error
    item = next(it for it in changed.achievements if it.key == key)
    shown: AchievementStatus = {
        "id": ACHIEVEMENTS.id_of(tenant, item),
        "key": key,
        "name": item.name,
        "status": item.status,
    }
    return changed, shown
