"""Expanding: reading the paths that are asked for, and showing objects accordingly.

An account holds its objects in full form. To be shown, an object loses the fields that are
hidden unless expanded, its nested lists are cut to one page, and the references that are asked
for become objects. The forms themselves stand in ``shapes``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from nrr_pipeline.demo.account import StripeObject
from nrr_pipeline.demo.server.account_index import AccountIndex
from nrr_pipeline.demo.server.errors import ApiError, invalid_parameter
from nrr_pipeline.demo.server.shapes import EVENT_DATA, OBJECT_NAMES, SHAPES, Shape

DEEPEST_LEVEL = 4

ExpandTree = dict[str, "ExpandTree"]
"""The paths to expand as nested names; a name without further ones is the end of a path."""

_NO_SHAPE = Shape()
_SHAPED_FIELDS = {
    name: (*form.references, *form.embedded, *form.lists) for name, form in SHAPES.items()
}


@dataclass
class Expansion:
    """What a request asks to expand.

    Attributes:
        tree: The paths, below the object itself; a list's leading ``data`` is left out.
        kinds: The kinds of objects that the paths lead to.
    """

    tree: ExpandTree = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)


def parse_expansion(paths: Sequence[str], shape: str, *, of_list: bool) -> Expansion:
    """Read the paths of an ``expand`` parameter against the shape of what is asked for.

    >>> parse_expansion(["data.customer", "data.items.data.price"], "subscription", of_list=True)
    Expansion(tree={'customer': {}, 'items': {'data': {'price': {}}}}, kinds={'customers'})
    """
    expansion = Expansion()
    for position, path in enumerate(paths):
        names = path.split(".")
        if len(names) > DEEPEST_LEVEL:
            message = f"You cannot expand more than {DEEPEST_LEVEL} levels of a property. "
            raise invalid_parameter(f"expand[{position}]", f"{message}Property: {path}")
        if of_list:
            if names[0] != "data":
                raise _not_expandable(path, position, instead=_inside_list(names, shape))
            names = names[1:]
        if not _follow(names, shape, expansion):
            raise _not_expandable(path, position)
    return expansion


def _not_expandable(path: str, position: int, *, instead: str | None = None) -> ApiError:
    message = f"This property cannot be expanded ({path})."
    if instead is not None:
        message += f" You may want to try expanding '{instead}' instead."
    return invalid_parameter(f"expand[{position}]", message)


def _inside_list(names: list[str], shape: str) -> str | None:
    """Return the path with ``data`` before it when that one could be expanded."""
    return ".".join(["data", *names]) if _follow(names, shape, Expansion()) else None


def _follow(names: list[str], shape: str, expansion: Expansion) -> bool:
    """Add one path to the expansion; tell whether it leads along properties that expand."""
    branch = expansion.tree
    current: str | None = shape
    rest = list(names)
    while rest:
        name = rest.pop(0)
        form = SHAPES.get(current) if current is not None else None
        if form is None or name not in form:
            return False
        branch = branch.setdefault(name, {})
        if name in form.lists:
            if rest and rest.pop(0) != "data":
                return False
            branch = branch.setdefault("data", {})
            current = form.lists[name]
        elif name in form.references:
            kind = form.references[name]
            if kind is not None:
                expansion.kinds.add(kind)
            current = OBJECT_NAMES[kind] if kind is not None else None
        else:
            current = form.values or form.embedded.get(name)
    return True


class Presenter:
    """Shows the objects of an account as the API does."""

    def __init__(self, index: AccountIndex, *, nested_page_size: int) -> None:
        self._index = index
        self._nested_page_size = nested_page_size

    def show(self, shown: StripeObject, tree: ExpandTree, shape: str | None = None) -> StripeObject:
        """Return an object, or a part of one, as it is served; the original stays as it is."""
        name_of_shape = shape or shown.get("object", "")
        form = SHAPES.get(name_of_shape, _NO_SHAPE)
        if form.values is not None:
            return {
                name: self.show(each, tree.get(name, {}), form.values)
                for name, each in shown.items()
            }
        shown = shown.copy()
        for name in form.hidden:
            if name not in tree:
                shown.pop(name, None)
        for name in _SHAPED_FIELDS.get(name_of_shape, ()):
            value = shown.get(name)
            if value is not None:
                shown[name] = self._field(form, name, value, tree.get(name))
        return shown

    def _field(self, form: Shape, name: str, value: object, tree: ExpandTree | None) -> object:
        if name in form.references:
            return self._reference(value, form.references[name], tree)
        if name in form.lists and isinstance(value, dict):
            return self._list(value, form.lists[name], tree or {})
        return self._part(value, form.embedded[name], tree or {})

    def _reference(self, value: object, kind: str | None, tree: ExpandTree | None) -> object:
        """Return a reference as an id, or as its object when there is a tree to expand by."""
        if isinstance(value, list):
            return [self._reference(each, kind, tree) for each in value]
        if tree is None:
            return value["id"] if isinstance(value, dict) else value
        if isinstance(value, str) and kind is not None:
            value = self._index.find(kind, value) or value
        return self.show(value, tree) if isinstance(value, dict) else value

    def _part(self, value: object, shape: str, tree: ExpandTree) -> object:
        if isinstance(value, list):
            return [self._part(each, shape, tree) for each in value]
        if not isinstance(value, dict):
            return value
        return self._event_data(value) if shape == EVENT_DATA else self.show(value, tree, shape)

    def _event_data(self, data: StripeObject) -> StripeObject:
        """Return what an event carries: the object, and what of it was different before."""
        about = data["object"]
        shown = {**data, "object": self.show(about, {})}
        if "previous_attributes" in data:
            shown["previous_attributes"] = self.show(
                data["previous_attributes"], {}, about["object"]
            )
        return shown

    def _list(self, value: StripeObject, shape: str, tree: ExpandTree) -> StripeObject:
        """Return a nested list with its first page of elements."""
        elements = value["data"]
        branch = tree.get("data", {})
        page = [self.show(each, branch, shape) for each in elements[: self._nested_page_size]]
        shown = {**value, "data": page}
        if len(page) < len(elements) and "has_more" in value:
            shown["has_more"] = True
        return shown
