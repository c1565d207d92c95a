"""From a request to its answer: which endpoint it is for, and what that endpoint says.

Here belong the endpoints themselves. The way that a request takes before it gets here
(connection, delay, faults, rate limits, key) belongs to ``app``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.server.access import Key
from nrr_pipeline.demo.server.account_index import AccountIndex, Shelf
from nrr_pipeline.demo.server.errors import invalid_parameter, missing_object, unknown_url
from nrr_pipeline.demo.server.expansion import Presenter, parse_expansion
from nrr_pipeline.demo.server.listing import (
    Selection,
    cut_page,
    list_body,
    noun_of,
    select,
    whole,
)
from nrr_pipeline.demo.server.parameters import Reader, parse_parameters, text, texts
from nrr_pipeline.demo.server.resources import PAGE_READERS, PERMISSIONS, RESOURCES
from nrr_pipeline.demo.server.shapes import OBJECT_NAMES

_ROOT = "v1"
_RETRIEVE_READERS: dict[str, Reader] = {"expand": texts}
_ITEM_READERS: dict[str, Reader] = {**PAGE_READERS, "subscription": text}
_ID_PARAMS = {"invoices": "invoice", "prices": "price", "coupons": "coupon"}
_LINES = "lines"


@dataclass(frozen=True)
class Target:
    """What a path leads to.

    Attributes:
        kind: The kind of objects.
        object_id: The object, unless the path is that of a list.
        part: The nested list of the object that is asked for, if one is.
    """

    kind: str
    object_id: str | None = None
    part: str | None = None

    @property
    def is_list(self) -> bool:
        """Whether it is answered with pages."""
        return self.object_id is None or self.part is not None

    @property
    def endpoint(self) -> str:
        """The path with a placeholder for the id; rate limits count by it."""
        names = (_ROOT, self.kind, self.object_id and "{id}", self.part)
        return "/" + "/".join(name for name in names if name)


def find_target(method: str, path: str) -> Target:
    """Return what a path leads to, or refuse a path that leads nowhere."""
    match path.strip("/").split("/"):
        case [root, kind] if root == _ROOT and kind in PERMISSIONS:
            return Target(kind)
        case [root, kind, object_id] if root == _ROOT and kind in PERMISSIONS:
            return Target(kind, object_id)
        case [root, "invoices", object_id, part] if (root, part) == (_ROOT, _LINES):
            return Target("invoices", object_id, _LINES)
        case _:
            raise unknown_url(method, path)


class Answerer:
    """Answers requests from one account for one key."""

    def __init__(self, index: AccountIndex, key: Key, *, nested_page_size: int) -> None:
        self._index = index
        self._key = key
        self._presenter = Presenter(index, nested_page_size=nested_page_size)

    def answer(self, target: Target, query: str) -> dict[str, Any]:
        """Return the JSON body for a target and a query string."""
        self._require(target.kind)
        if target.object_id is None:
            if target.kind == "subscription_items":
                return self._list_items(query)
            return self._list(target.kind, query)
        if target.part is not None:
            return self._list_lines(target.object_id, query)
        return self._retrieve(target.kind, target.object_id, query)

    def _require(self, kind: str) -> None:
        self._key.require(kind, self._index.account.account_id)

    def _retrieve(self, kind: str, object_id: str, query: str) -> StripeObject:
        sent = parse_parameters(query, _RETRIEVE_READERS)
        shape = OBJECT_NAMES[kind]
        expansion = parse_expansion(sent.get("expand", ()), shape, of_list=False)
        for expanded in sorted(expansion.kinds):
            self._require(expanded)
        found = self._find(kind, object_id, param=_ID_PARAMS.get(kind, "id"))
        return self._presenter.show(found, expansion.tree)

    def _find(self, kind: str, object_id: str, *, param: str, status: int = 404) -> StripeObject:
        found = self._index.find(kind, object_id)
        if found is None:
            raise missing_object(noun_of(kind), object_id, param=param, status=status)
        return found

    def _list(self, kind: str, query: str) -> dict[str, Any]:
        resource = RESOURCES[kind]
        sent = parse_parameters(query, resource.list_readers)
        selection = select(self._index, resource, sent)
        return self._page(selection, sent, f"/{_ROOT}/{kind}", OBJECT_NAMES[kind])

    def _list_items(self, query: str) -> dict[str, Any]:
        sent = parse_parameters(query, _ITEM_READERS)
        if "subscription" not in sent:
            message = "Missing required param: subscription."
            raise invalid_parameter("subscription", message, code="parameter_missing")
        owner = self._find("subscriptions", sent["subscription"], param="subscription", status=400)
        url = f"/{_ROOT}/subscription_items"
        return self._page(_nested(owner, "items"), sent, url, "subscription_item")

    def _list_lines(self, invoice_id: str, query: str) -> dict[str, Any]:
        sent = parse_parameters(query, PAGE_READERS)
        owner = self._find("invoices", invoice_id, param="invoice")
        url = f"/{_ROOT}/invoices/{invoice_id}/{_LINES}"
        return self._page(_nested(owner, "lines"), sent, url, "line_item")

    def _page(
        self, selection: Selection, sent: dict[str, Any], url: str, shape: str
    ) -> dict[str, Any]:
        expansion = parse_expansion(sent.get("expand", ()), shape, of_list=True)
        for kind in sorted(expansion.kinds):
            self._require(kind)
        page = cut_page(selection, sent, noun=shape.replace("_", " "))
        shown = [self._presenter.show(each, expansion.tree) for each in page.objects]
        return list_body(page, url, shown)


def _nested(owner: StripeObject, name: str) -> Selection:
    """Select the whole of a nested list; a deleted object has none."""
    elements: Sequence[StripeObject] = owner.get(name, {}).get("data", ())
    return whole(Shelf(elements))
