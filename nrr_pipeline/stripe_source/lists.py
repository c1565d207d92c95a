"""The shape of Stripe's lists, and reading a short one from its first object to its last."""

from __future__ import annotations

import threading
from typing import Any

from nrr_pipeline.stripe_source.catalog import Listing
from nrr_pipeline.stripe_source.client import StripeSource
from nrr_pipeline.stripe_source.errors import ObjectMissingError, PagingError
from nrr_pipeline.stripe_source.windows import Window

CURSOR = "starting_after"


def page_of(data: dict[str, Any], path: str) -> tuple[list[Any], bool]:
    """The objects of a page, and whether the list goes on.

    >>> page_of({"object": "list", "data": [], "has_more": False}, "/v1/coupons")
    ([], False)
    """
    objects = data.get("data")
    has_more = data.get("has_more")
    if not isinstance(objects, list) or not isinstance(has_more, bool):
        raise PagingError(
            f"GET {path} is not answered with a list. Check STRIPE_API_BASE with: nrr doctor"
        )
    return objects, has_more


def is_lost_cursor(error: ObjectMissingError, params: dict[str, Any]) -> bool:
    """Whether the object that is missing is the one that the cursor named."""
    return CURSOR in params and error.param in (CURSOR, None)


def read_whole(
    source: StripeSource, listing: Listing, *, stop: threading.Event | None = None
) -> list[Any]:
    """Read a list that is short enough to be kept, in its own order, each object once."""
    window = Window.whole(listing)
    objects: dict[str, Any] = {}
    while not window.is_done:
        params = window.params()
        try:
            answer = source.get(listing.path, params, stop=stop)
        except ObjectMissingError as error:
            if not is_lost_cursor(error, params):
                raise
            window.lose_cursor()
            continue
        page, has_more = page_of(answer.data, listing.path)
        for each in window.accept(page, has_more=has_more):
            objects[each["id"]] = each
    return list(objects.values())
