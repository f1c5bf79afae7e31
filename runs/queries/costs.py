"""What answers cost, for people."""

from decimal import Decimal

from django.conf import settings


def in_currency(cost: Decimal) -> str:
    """`0.0042 USD`: two digits that say something below 1, else two decimals."""
    places = 1 - cost.adjusted() if 0 < cost < 1 else 2
    return f"{cost:.{places}f} {settings.CURRENCY}"


def plain(cost: Decimal) -> str:
    """The exact number, without the zeros that its column adds."""
    return f"{cost.normalize():f}"
