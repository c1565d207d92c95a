"""Chance that is the same every time: everything random in the simulation comes from here.

Here belong draws that know nothing of the business.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


class Dice:
    """A seeded source of draws.

    >>> Dice(7).between(1, 6) == Dice(7).between(1, 6)
    True
    """

    def __init__(self, seed: int) -> None:
        self.fraction = random.Random(seed).random  # noqa: S311 - a simulation, not a secret
        """Draw a number from 0 up to, but not including, 1."""

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.fraction() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def within(self, low: float, high: float) -> float:
        """A number between two others."""
        return low + self.fraction() * (high - low)

    def pick(self, things: Sequence[Thing]) -> Thing:
        """One of several things, each as likely as the others."""
        return things[int(self.fraction() * len(things))]

    def weigh(self, weights: dict[Thing, float]) -> Thing:
        """One of several things, by weight."""
        rest = self.fraction() * sum(weights.values())
        for thing, weight in weights.items():
            rest -= weight
            if rest < 0:
                return thing
        return next(reversed(weights))

    def shuffle(self, things: list[Thing]) -> None:
        """Put things into a random order."""
        for last in range(len(things) - 1, 0, -1):
            other = int(self.fraction() * (last + 1))
            things[last], things[other] = things[other], things[last]

    def walk(self, things: Sequence[Thing]) -> Iterator[Thing]:
        """All things once, in their order, from a random one on."""
        first = int(self.fraction() * len(things))
        for offset in range(len(things)):
            yield things[(first + offset) % len(things)]
