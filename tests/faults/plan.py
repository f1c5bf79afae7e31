"""The plan of one episode: traffic, upstream failures and faults, all generated from one seed."""

import random
from dataclasses import dataclass, field, replace

TRAFFIC_SECONDS = 5.0  # s of one episode in which messages are sent and faults injected
SESSIONS, SENDS, FAULTS = 6, 15, 9  # of one episode; one of the sessions is deleted while it is used
WEBS, WORKERS = 2, 2
ATTACHED = 0.15  # share of the runs that depend on their readers

# name -> (weight, longest duration in s); what is costly to start again on two cores comes up less often
FAULTS_OF_ALL = {
    "kill worker": (2, 1.0),
    "kill beat": (1, 1.0),
    "kill web": (2, 1.0),
    "kill valkey": (3, 1.5),
    "flush valkey": (3, 0),
    "cut pub/sub": (3, 0),
    "cut all clients of valkey": (2, 0),
    "suspend worker": (3, 3.5),  # beyond its lease, and shorter than it
    "kill upstream": (2, 0.8),
    "suspend web": (2, 1.5),
    "suspend valkey": (2, 1.5),
    "warm restart": (2, 0),
    "cold restart": (2, 0),
    "revoke from outside": (2, 0),
    "duplicate revoke": (2, 0),
    "late revoke": (2, 0),
}
FAULTS_OF_PREFORK = {"kill child": (5, 0), "kill main process": (1, 1.0)}
FAULTS_OF_POSTGRES = {"kill postgres": (3, 1.0), "cut database connections": (3, 0)}

WHEN_BUSY = ["enqueue"] * 6 + ["replace"] * 2 + ["reject"]

# what the upstream does: (weight, script)
TROUBLES = {
    "none": (8, {}),
    "stall": (3, {"stall_after": None}),
    "drop": (1, {"close_after": None}),
    "reset": (1, {"reset_after": None}),
    "garbage": (1, {"garbage_after": None}),
    "error": (1, {"error_after": None}),
    "429": (1, {"status": 429}),
    "429 once": (1, {"status": 429, "times": 1}),
    "500": (1, {"status": 500}),
    "503 once": (1, {"status": 503, "times": 1}),
    "drop kept": (2, {"on_kept": "drop"}),
    "cut head": (1, {"on_kept": "cut_head"}),
    "hang up": (2, {"hang_up": True}),
}


@dataclass(frozen=True)
class Leg:
    """One connection of a reader, which leaves after `events` events and resumes with the next leg."""

    wire: str  # sse | page | socket
    web: int
    events: int


@dataclass(frozen=True)
class Stop:
    after: float  # s after the message was sent
    web: int


@dataclass(frozen=True)
class Send:
    """A message, with the readers of its answer and its stops."""

    at: float
    session: int
    web: int
    when_busy: str
    trouble: str
    script: dict
    readers: tuple[tuple[Leg, ...], ...]
    stops: tuple[Stop, ...]
    joins: tuple[float, ...] = ()  # s after the message was sent, for each reader
    is_attached: bool = False  # the run ends with its last reader


@dataclass(frozen=True)
class Fault:
    at: float
    name: str
    part: int  # which worker or web process
    seconds: float  # how long it lasts


@dataclass(frozen=True)
class Deletion:
    """A session that its owner deletes, even while it is active."""

    at: float
    session: int
    web: int


@dataclass(frozen=True)
class Plan:
    seed: int
    deletion: Deletion
    sends: list[Send] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def draw(seed: int, database: str, pool: str) -> Plan:
    """The plan of the episode with this seed."""
    dice = random.Random(f"{seed} {database} {pool}")
    table = FAULTS_OF_ALL | (FAULTS_OF_PREFORK if pool == "prefork" else {})
    table |= FAULTS_OF_POSTGRES if database == "postgres" else {}
    sends = sorted((_send(dice) for _ in range(SENDS)), key=lambda send: send.at)
    faults = sorted((_fault(dice, table) for _ in range(FAULTS)), key=lambda fault: fault.at)
    sends = [replace(send, joins=tuple(_join(dice) for _ in send.readers)) for send in sends]
    sends = [replace(send, is_attached=dice.random() < ATTACHED) for send in sends]
    deletion = Deletion(dice.uniform(0.5, TRAFFIC_SECONDS), SESSIONS - 1, dice.randrange(WEBS))
    return Plan(seed, deletion, sends, faults)


def _choose(dice: random.Random, table: dict[str, tuple]) -> str:
    return dice.choices(list(table), [weight for weight, _ in table.values()])[0]


def _send(dice: random.Random) -> Send:
    trouble = _choose(dice, TROUBLES)
    tokens = dice.randint(3, 60)
    script = {"tokens": tokens, "rate": dice.choice([0, 20, 40, 100, 200]), **TROUBLES[trouble][1]}
    script = {key: dice.randint(0, tokens) if value is None else value for key, value in script.items()}
    stops = [Stop(dice.uniform(0, 4), dice.randrange(WEBS)) for _ in range(dice.choice([0, 0, 0, 1, 2]))]
    if trouble == "stall" and dice.random() < 0.6:
        stops.append(Stop(dice.uniform(0.2, 3), dice.randrange(WEBS)))
    readers = tuple(_reader(dice) for _ in range(dice.choice([0, 1, 2, 3])))
    at = dice.uniform(0, TRAFFIC_SECONDS)
    when_busy = dice.choice(WHEN_BUSY)
    return Send(at, dice.randrange(SESSIONS), dice.randrange(WEBS), when_busy, trouble, script, readers, tuple(stops))


def _join(dice: random.Random) -> float:
    """Most readers are there at once; the others come while the answer is written, or when it has ended."""
    return dice.choice([0, 0, dice.uniform(0, 6)])


def _reader(dice: random.Random) -> tuple[Leg, ...]:
    legs = [_leg(dice, dice.randint(1, 15)) for _ in range(dice.choice([0, 0, 1, 3]))]
    return (*legs, _leg(dice, 10**6))  # with the last one he stays


def _leg(dice: random.Random, events: int) -> Leg:
    return Leg(dice.choice(["sse", "page", "socket"]), dice.randrange(WEBS), events)


def _fault(dice: random.Random, table: dict[str, tuple]) -> Fault:
    name = _choose(dice, table)
    longest = table[name][1]
    return Fault(
        dice.uniform(0.2, TRAFFIC_SECONDS), name, dice.randrange(max(WEBS, WORKERS)), dice.uniform(0.2, 1) * longest
    )
