"""What stands in a furnished house beside its chats: comparisons, schedules, for those who take pictures."""

from datetime import time, timedelta

from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.compare.models import Comparison
from chatapp.schedules.models import Kind, Paused, Schedule, State
from runs.models import Model, Provider, Run
from tests.browser.scenes import House

QUESTION = "Explain to a ten-year-old why the sky is blue."
ANSWERS = {
    "Alder 8B": "Sunlight looks white, but it is **all colours at once**. Air is full of tiny things, much too small "
    "to see, and they push the blue part of the light around in all directions. So from wherever you look up, some "
    "blue is on its way to you.",
    "Birch Instruct": "Think of light as waves on a pond. Red waves are long and walk past small stones. Blue waves "
    "are short: they bump into the air and *bounce everywhere*.\n\n- long waves: straight on\n- short waves: all over",
    "Cedar Mini": "Because of Rayleigh scattering, whose strength grows with the fourth power of the frequency.",
}
OTHER_QUESTIONS = [
    "Three names for a bakery next to a library",
    "Is a tomato a fruit? Answer in one sentence, then say what a cook would say, and what a botanist would.",
    "Translate “the early bird catches the worm” into German and say where the picture comes from",
]


def speaking_models(stack, hold: int, tag: str) -> list[str]:
    """The models of a comparison that says its answers and waits after `hold` words; their labels."""
    provider = Provider.objects.get(name="scripted")
    for label, answer in ANSWERS.items():
        words = [f"{word} " for word in answer.split(" ")]
        speaks = stack.upstream.register(
            tag=f"{tag}-{label}".replace(" ", "-"), text=words, hold=[min(hold, len(words) - 1)]
        )
        values = {"label": label, "provider": provider, "upstream_id": speaks}
        Model.objects.update_or_create(name=label.lower().replace(" ", "-"), defaults=values)
    return list(ANSWERS)


def compared(house: House, prompt: str = QUESTION, winner: int | None = 1) -> Comparison:
    """A comparison that was voted on; without a winner it was a tie."""
    made = Comparison.objects.create(owner=house.owner, prompt=prompt)
    for position, (label, answer) in enumerate(ANSWERS.items()):
        model = Model.objects.get(label=label)
        session = Session.objects.create(owner=house.owner, model=model.name, is_listed=False)
        said = house.say(session, prompt, answer, model=model, completion_tokens=60 + 40 * position)
        run = Run.objects.get(message=said)
        made.panes.create(position=position, contender=label, model_name=model.name, session=session, run=run)
    made.voted_at = timezone.now()
    made.winner = made.panes.get(position=winner) if winner is not None else None
    made.save(update_fields=["voted_at", "winner"])
    return made


def comparisons(house: House) -> str:
    """Enough of them for a scoreboard; the path of one."""
    for prompt, winner in zip(OTHER_QUESTIONS, (0, None, 1), strict=True):
        compared(house, prompt, winner)
    return f"/compare/{compared(house).pk}"


def schedules(house: House) -> str:
    """Schedules in all states; the path of one with a history."""
    now = timezone.now()
    values = {"owner": house.owner, "zone": "Europe/Berlin", "computed_at": now, "next_at": now + timedelta(hours=9)}
    weekly = {"kind": Kind.WEEKLY, "weekdays": "01234", "at": time(9), **values}
    Schedule.objects.create(
        name="Water the plants", prompt="Remind me.", kind=Kind.EVERY, minutes=2880, starts_at=now, **values
    )
    Schedule.objects.create(name="Words of the week", prompt="Three.", paused=Paused.BY_FAILURES, failures=5, **weekly)
    Schedule.objects.create(name="Backup report", prompt="Read it.", paused=Paused.BY_OWNER, **weekly)
    made = Schedule.objects.create(
        name="Morning briefing", prompt="What is new since {{last_answer}}? Today is {{date}}.", **weekly
    )
    ends = [State.COMPLETED, State.COMPLETED, State.SKIPPED, State.COMPLETED, State.FAILED]
    for days, state in enumerate(ends, 1):
        session = Session.objects.create(owner=house.owner, title="Morning briefing", archived_at=now)
        said = house.say(session, "What is new?", "Nothing much.") if state != State.SKIPPED else None
        due = (now - timedelta(days=days)).replace(hour=8, minute=0, second=0, microsecond=0)
        made.occurrences.create(
            due_at=due,
            claimed_at=due,
            finished_at=due,
            state=state,
            run=said and Run.objects.get(message=said),
            error="The model server could not be reached." if state == State.FAILED else "",
            code="upstream_unreachable" if state == State.FAILED else "",
        )
    return f"/schedules/{made.pk}"
