"""Ids that look like Stripe's: stable for one seed, and never shared by two seeds.

Here belongs how a number becomes an id. Which numbers are given out belongs to whoever makes the
objects: the simulation for customers, subscriptions and items, the rendering for the rest.
"""

from __future__ import annotations

import string
import zlib

_BITS = 80
_MASK = (1 << _BITS) - 1
_NUMBER_BITS = 44
_ODD_FACTORS = (0x9E3779B97F4A7C15F39D, 0xC2B2AE3D27D4EB4FD6E9)
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_TWO_DIGITS = len(_PAIRS)
_FOUR_DIGITS = _TWO_DIGITS**2

_PART_BITS = 20


def part_number(owner: int, part: int) -> int:
    """The number of an owner's n-th part, such as the invoices of one subscription."""
    if not 0 <= part < 1 << _PART_BITS:
        raise ValueError(f"One owner has at most {1 << _PART_BITS} parts of a kind, not {part}.")
    return owner << _PART_BITS | part


class Identifiers:
    """Makes the ids of one simulated account.

    Seed and number together fill 80 bits, which are scrambled by steps that can be undone, so two
    different pairs can never give the same id.
    """

    def __init__(self, seed: int) -> None:
        seeds = 1 << (_BITS - _NUMBER_BITS)
        if not 0 <= seed < seeds:
            raise ValueError(f"A seed lies between 0 and {seeds - 1}, not {seed}.")
        self._seed_bits = seed << _NUMBER_BITS
        self._salts: dict[str, int] = {}
        self._account_tail = self._code("acct", 0)[:9]

    @property
    def account_id(self) -> str:
        """The id of the account itself."""
        return f"acct_1{self._code('acct', 1)[:5]}{self._account_tail}"

    def short(self, prefix: str, number: int) -> str:
        """An id of the older, short form: customers, products, subscription items."""
        return f"{prefix}_{self._code(prefix, number)}"

    def long(self, prefix: str, number: int) -> str:
        """An id of the newer, long form, which carries the account's mark in the middle."""
        code = self._code(prefix, number)
        return f"{prefix}_1{code[:5]}{self._account_tail}{code[5:]}"

    def _code(self, prefix: str, number: int) -> str:
        """Fourteen letters and digits for a number of a kind."""
        salt = self._salts.get(prefix)
        if salt is None:
            salt = self._salts[prefix] = zlib.crc32(prefix.encode())
        bits = ((self._seed_bits | number) + salt) & _MASK
        bits = bits * _ODD_FACTORS[0] & _MASK
        bits ^= bits >> 37
        bits = bits * _ODD_FACTORS[1] & _MASK
        bits ^= bits >> 41
        rest, low = divmod(bits, _FOUR_DIGITS)
        rest, middle = divmod(rest, _FOUR_DIGITS)
        top, high = divmod(rest, _FOUR_DIGITS)
        return f"{_four(low)}{_four(middle)}{_four(high)}{_PAIRS[top]}"


def _four(number: int) -> str:
    """Four letters and digits."""
    return _PAIRS[number // _TWO_DIGITS] + _PAIRS[number % _TWO_DIGITS]


class PartNumbering:
    """Numbers the parts of one owner, kind by kind, in the order in which they come."""

    def __init__(self, ids: Identifiers, owner: int) -> None:
        self._ids = ids
        self._owner = owner
        self._used: dict[str, int] = {}

    def next_id(self, prefix: str) -> str:
        """The id of the next part of a kind."""
        return self._ids.long(prefix, part_number(self._owner, self.skip(prefix)))

    def skip(self, prefix: str) -> int:
        """Use up a number without making its id, and return it."""
        part = self._used.get(prefix, 0)
        self._used[prefix] = part + 1
        return part
