"""Takes out of a planned request what its upstream has refused before, so that it is not asked twice."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway.codec.refused_member import RefusedMember, without_member
from gateway.translate.left_out import loss_of
from gateway.translate.request import ChatPlan


def without_refused(plan: ChatPlan, refused: Sequence[RefusedMember]) -> ChatPlan:
    """The plan without these members; each one that is lost by it is in `dropped`."""
    if not refused or not (present := [one for one in refused if one.name in plan.body]):
        return plan
    body = plan.body
    for one in present:
        body = without_member(body, one)
    places = (loss_of(one.name) for one in present if not one.instead)
    new = [place for place in places if place is not None and place not in plan.dropped]
    return replace(plan, body=body, dropped=(*plan.dropped, *dict.fromkeys(new)))
