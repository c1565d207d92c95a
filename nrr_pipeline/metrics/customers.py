"""Which Stripe customers count as one account, and which count as none.

Where the map and the rules come from, and what a customer pays, do not belong here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


class CustomerMapError(ValueError):
    """Customers are joined in a circle; the message names it whole."""


class Accounts:
    """The map of joined customers, followed to its end: A into B and B into C is A into C.

    Args:
        joined: The account of each joined customer: another customer's id, or a name of the
            user's own. One that is joined into itself is an account of its own.

    Raises:
        CustomerMapError: The map leads in a circle.

    >>> accounts = Accounts({"cus_a": "cus_b", "cus_b": "acme"})
    >>> accounts.account_of("cus_a"), accounts.account_of("cus_z")
    ('acme', 'cus_z')
    """

    def __init__(self, joined: Mapping[str, str]) -> None:
        self.joined = {customer: into for customer, into in joined.items() if customer != into}
        self._accounts: dict[str, str] = {}
        for customer in self.joined:
            self._follow(customer)

    def account_of(self, customer_id: str) -> str:
        """The account that a customer counts as; itself where it is not joined."""
        return self._accounts.get(customer_id, customer_id)

    def way_of(self, customer_id: str) -> tuple[str, ...]:
        """The customer, what it is joined into, and so on; the last is its account."""
        way = [customer_id]
        while way[-1] in self.joined:
            way.append(self.joined[way[-1]])
        return tuple(way)

    def members_of(self, account_id: str) -> list[str]:
        """All that counts as an account, itself among it."""
        joined = (each for each, into in self._accounts.items() if into == account_id)
        return sorted({account_id, *joined})

    def differing(self, other: "Accounts") -> set[str]:
        """The customers that another map joins otherwise."""
        customers = {*self.joined, *other.joined}
        return {each for each in customers if self.way_of(each) != other.way_of(each)}

    def _follow(self, customer_id: str) -> None:
        passed: dict[str, None] = {}
        place = customer_id
        while place in self.joined and place not in self._accounts:
            if place in passed:
                raise CustomerMapError(_circle(list(passed), place))
            passed[place] = None
            place = self.joined[place]
        self._accounts |= dict.fromkeys(passed, self._accounts.get(place, place))


def _circle(passed: list[str], place: str) -> str:
    circle = passed[passed.index(place) :]
    first = circle.index(min(circle))
    named = " -> ".join([*circle[first:], *circle[:first], circle[first]])
    return f"customers are joined in a circle: {named}. Remove one of these lines"


@dataclass(frozen=True, slots=True)
class ExclusionRules:
    """Internal and test customers, who are in no figure; one rule that fits is enough.

    ``email_domains`` are in lower case, without the ``@``.
    """

    customers: frozenset[str] = frozenset()
    email_domains: frozenset[str] = frozenset()
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def look_into_customers(self) -> bool:
        """Whether more than a customer's id decides."""
        return bool(self.email_domains or self.metadata)

    def reason(
        self, way: Collection[str], email_domain: str | None, metadata: Mapping[str, object]
    ) -> str | None:
        """Which rule leaves a customer out; ``None`` where none does.

        Args:
            way: The customer and all that it is joined into: a rule that names an account leaves
                out whoever is joined into it.
            email_domain: The domain of its e-mail address, where a rule names that.
            metadata: Its metadata.

        >>> ExclusionRules(customers=frozenset({"acme"})).reason(("cus_a", "acme"), None, {})
        'exclude.customers names acme'
        """
        named = [each for each in way if each in self.customers]
        if named:
            return f"exclude.customers names {named[0]}"
        if email_domain in self.email_domains:
            return f"exclude.email_domains names {email_domain}"
        for key, value in self.metadata.items():
            if metadata.get(key) == value:
                return f"exclude.metadata names {key} = {value}"
        return None
