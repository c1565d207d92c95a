"""Who the customers are: invented companies with invented people.

Here belong names, addresses and the like. All of it is made up; mail goes to ``example.com``,
phone numbers come from the ranges kept free for fiction. What customers buy belongs elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from nrr_pipeline.demo.dice import Dice
from nrr_pipeline.demo.log import Customer


class _Place(NamedTuple):
    city: str
    state: str | None
    postal_code: str


_COUNTRIES = {
    "US": 0.44,
    "GB": 0.12,
    "DE": 0.10,
    "CA": 0.07,
    "FR": 0.06,
    "AU": 0.04,
    "NL": 0.04,
    "SE": 0.03,
    "JP": 0.08,
    "BR": 0.02,
}

_PLACES = {
    "US": (
        _Place("Portland", "OR", "97201"),
        _Place("Austin", "TX", "78701"),
        _Place("Columbus", "OH", "43215"),
    ),
    "GB": (_Place("Leeds", None, "LS1 4AP"), _Place("Bristol", None, "BS1 5TR")),
    "DE": (_Place("Hamburg", None, "20095"), _Place("Leipzig", None, "04109")),
    "CA": (_Place("Halifax", "NS", "B3J 1S9"), _Place("Calgary", "AB", "T2P 1J9")),
    "FR": (_Place("Lyon", None, "69002"), _Place("Nantes", None, "44000")),
    "AU": (_Place("Adelaide", "SA", "5000"),),
    "NL": (_Place("Utrecht", None, "3511 LN"),),
    "SE": (_Place("Uppsala", None, "753 20"),),
    "JP": (_Place("Sendai", "Miyagi", "980-0811"),),
    "BR": (_Place("Curitiba", "PR", "80010-000"),),
}


def _words(*lines: str) -> list[str]:
    return " ".join(lines).split()


_INDUSTRIES = {
    "Studio": "agencies",
    "Labs": "software",
    "Works": "manufacturing",
    "Logistics": "logistics",
    "Media": "media",
    "Foods": "food",
    "Health": "health care",
    "Energy": "energy",
    "Design": "agencies",
    "Systems": "software",
    "Robotics": "manufacturing",
    "Travel": "travel",
    "Press": "media",
    "Textiles": "manufacturing",
}
"""By the last word of a company's name; the others have not said."""

_CHANNELS = ("search", "search", "referral", "partner", "event", None)
"""How customers came; of some it is not known."""

_STREETS = ("Example Street", "Sample Road", "Placeholder Avenue", "Specimen Lane")

_FIRST_WORDS = _words(
    "Amber Birch Canyon Cedar Cobalt Copper Coral Delta Ember Falcon Fern Flint Granite Harbor",
    "Heron Indigo Juniper Lantern Linden Maple Marble Meadow Mistral Nimbus Northern Ocean Olive",
    "Orchard Osprey Pebble Prairie Quartz Raven River Saffron Sierra Slate Solstice Timber Willow",
)
_SECOND_WORDS = _words(
    "Anchor Arch Beacon Bridge Circle Compass Corner Crest Field Forge Garden Gate Grove Hill",
    "Hollow Island Key Ladder Lake Light Loom Mill Moon Path Peak Pier Pine Point Pond Quay Ridge",
    "Root Shore Spring Star Stone Trail Valley View Wharf",
)
_KINDS = _words(
    "Studio Labs Works Partners Collective Logistics Media Foods Health Energy Design Systems",
    "Robotics Travel Press Textiles",
)
_GIVEN_NAMES = _words("Ana Ben Chloe Dev Elif Finn Grace Hugo Ines Jonas Kira Luca Mina Noor Omar")
_FAMILY_NAMES = _words("Abbot Brandt Castro Dahl Ekman Fabre Gupta Hale Ito Jansen Kovac Lund")
_AREA_CODES = ("202", "303", "415", "512", "617", "718")
_NAME_STEP = 9_973
"""Shares no factor with the number of names, so every name is used once before any repeats."""


def invent_customer(dice: Dice, customer_id: str, number: int, created: int) -> Customer:
    """A new fictional company; the very first is the business itself, which tries its product."""
    is_internal = number == 0
    name = "Waypost test" if is_internal else _company_name(number)
    country = dice.weigh(_COUNTRIES)
    place = dice.pick(_PLACES[country])
    person = f"{dice.pick(_GIVEN_NAMES)}.{dice.pick(_FAMILY_NAMES)}"
    domain = f"{name.replace(' ', '-')}.example.com"
    return Customer(
        id=customer_id,
        created=created,
        name=name,
        email=f"{person}@{domain}".lower(),
        phone=_phone(dice, country),
        line1=f"{dice.between(1, 199)} {dice.pick(_STREETS)}",
        city=place.city,
        postal_code=place.postal_code,
        state=place.state,
        country=country,
        industry=_INDUSTRIES.get(name.split()[2]) if not is_internal else None,
        channel=None if is_internal else dice.pick(_CHANNELS),
        is_internal=is_internal,
    )


def _company_name(number: int) -> str:
    names = len(_FIRST_WORDS) * len(_SECOND_WORDS) * len(_KINDS)
    round_number, position = divmod(number, names)
    position = position * _NAME_STEP % names
    position, kind = divmod(position, len(_KINDS))
    first, second = divmod(position, len(_SECOND_WORDS))
    name = f"{_FIRST_WORDS[first]} {_SECOND_WORDS[second]} {_KINDS[kind]}"
    return f"{name} {round_number + 1}" if round_number else name


def _phone(dice: Dice, country: str) -> str | None:
    if country in {"US", "CA"}:
        return f"+1{dice.pick(_AREA_CODES)}55501{dice.between(0, 99):02}"
    if country == "GB":
        return f"+447700900{dice.between(0, 999):03}"
    return None
