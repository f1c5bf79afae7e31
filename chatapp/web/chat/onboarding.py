"""What the home page shows besides the message field: ideas to begin with, and what to do without a good model."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.urls import reverse

from chatapp.accounts.people import display_name, site_owner
from runs.models import Model
from runs.upstream.servers.catalog import may_connect


@dataclass(frozen=True)
class Starter:
    """`label` is displayed; `text` goes into the message field, where the user finishes or sends it."""

    label: str
    text: str


STARTERS = [
    Starter("Explain something", "Explain how rainbows form, for a ten-year-old."),
    Starter("Write a message", "Write a short, friendly message that declines an invitation to dinner on Friday."),
    Starter("Make a plan", "Plan a day in a city that I have never visited, with two museums and time to eat."),
    Starter("Work with code", "Write a Python function that finds duplicate files in a folder, and explain it."),
]


@dataclass(frozen=True)
class Onboarding:
    """`connect_url` is empty for users who may not add a model: they are told to ask `contact`."""

    starters: list[Starter]
    has_model: bool
    is_demo: bool
    has_password: bool
    connect_url: str
    contact: str


def onboarding(user: User, models: list[Model], selected: Model | None) -> Onboarding:
    can_add = may_connect(user)
    return Onboarding(
        starters=STARTERS if models else [],
        has_model=bool(models),
        is_demo=selected is not None and selected.provider.is_demo,
        has_password=user.has_usable_password(),
        connect_url=reverse("connect") if can_add else "",
        contact="" if models or can_add else _contact(),
    )


def _contact() -> str:
    owner = site_owner()
    return display_name(owner) if owner else ""
