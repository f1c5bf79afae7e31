"""Fixtures for all tests: the cast, and stacks of real processes."""

import itertools

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.backends.base.base import BaseDatabaseWrapper
from servestatic.middleware import ServeStaticMiddleware

from tests.harness import databases, parts
from tests.harness.plugin import chosen
from tests.harness.processes import temporary_directory
from tests.harness.stack import Stack, clean_env
from tests.harness.upstream import Upstream

# A machine that is busy with something else makes no test wrong.
hypothesis.settings.register_profile(
    "patient", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_once():
    """Else every `Client()` would walk through all static files: 0.2 s each, more than most tests do otherwise."""
    find, found = ServeStaticMiddleware.add_files_from_finders, {}

    def add(self: ServeStaticMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServeStaticMiddleware, "add_files_from_finders", add)
        yield


@pytest.fixture(scope="session", autouse=True)
def _fast_passwords():
    """The production hasher is made to be slow: 0.3 s of CPU time a password."""
    settings.PASSWORD_HASHERS = ["tests.harness.passwords.QuickHasher"]


@pytest.fixture(scope="session", autouse=True)
def _keep_connections_of_tests():
    """Let close_old_connections spare a connection that holds a test's transaction, as Django's test client does."""
    close = BaseDatabaseWrapper.close_if_unusable_or_obsolete

    def spare(self: BaseDatabaseWrapper) -> None:
        if not self.in_atomic_block:
            close(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", spare)
        yield


@pytest.fixture
def alice(db):
    """The owner."""
    return get_user_model().objects.create_user("alice")


@pytest.fixture
def bob(db):
    """Another user."""
    return get_user_model().objects.create_user("bob")


@pytest.fixture
def charlie(db):
    """Staff."""
    return get_user_model().objects.create_superuser("charlie")


@pytest.fixture(scope="session")
def django_db_setup(request, django_db_blocker):
    """The database of the `db` fixture's tests. pytest-django would migrate one for each process."""
    all_databases = request.config.stash[chosen]
    with django_db_blocker.unblock():
        all_databases.create("test", clean_env())
        with databases.using(all_databases.name("test")):
            yield


@pytest.fixture(scope="session")
def upstream() -> Upstream:
    """The scripted upstream that all tests share; scripts are told apart by their tags."""
    part, url = parts.make_upstream(temporary_directory("upstream"), clean_env())
    part.start()
    parts.wait_for_upstream(part)
    return Upstream(url)


@pytest.fixture(scope="session")
def _stacks(request, upstream):
    """The stacks that tests share, started when the first test asks: they are never killed by a test."""
    started: dict[str, Stack] = {}

    def stack_with(pool: str) -> Stack:
        if pool not in started:
            started[pool] = Stack(f"stack-{pool}", request.config.stash[chosen], upstream, pool=pool).start()
        return started[pool]

    return stack_with


@pytest.fixture
def _no_transaction(request, django_db_blocker):
    """Stacks see what is committed, in a database of their own: the `db` fixture would show another one."""
    assert not {"db", "transactional_db"} & set(request.fixturenames), "a stack and `db` exclude each other"
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def stack(_no_transaction, _stacks):
    """Real processes, with a worker on gevent."""
    with _stacks("gevent").in_use() as stack:
        yield stack


@pytest.fixture
def stack_prefork(_no_transaction, _stacks):
    """Real processes, with a worker on prefork."""
    with _stacks("prefork").in_use() as stack:
        yield stack


@pytest.fixture(params=["gevent", "prefork"])
def each_stack(request, _no_transaction, _stacks):
    """The test runs twice: with a worker on gevent and with one on prefork."""
    with _stacks(request.param).in_use() as stack:
        yield stack


@pytest.fixture
def make_stack(request, _no_transaction, upstream):
    """Makes a stack of the test's own, whose parts may be killed: `make_stack(pool=…, LEASE_SECONDS="2")`.

    `start` names the parts to start at once (default: all). One private stack is in use at a time.
    """
    used = []

    def make(start: tuple[str, ...] = (), **options) -> Stack:
        assert not used, "one private stack a test"
        stack = Stack(f"private-{next(_numbers)}", request.config.stash[chosen], upstream, **options)
        request.addfinalizer(stack.kill)
        stack.start(*start)
        context = stack.in_use()
        used.append(context)
        return context.__enter__()

    yield make
    for context in used:
        context.__exit__(None, None, None)
