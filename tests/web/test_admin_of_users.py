"""The admin of users and groups makes nobody more than they are, unless a superuser says so (B55)."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission

USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"
PASSWORD = {"password1": "a long and quiet river", "password2": "a long and quiet river", "usable_password": "true"}
DATES = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00", "last_login_0": "", "last_login_1": ""}

pytestmark = pytest.mark.one_database


@pytest.fixture
def helper(bob):
    """Bob is staff and may do everything with users and groups that a permission allows."""
    bob.is_staff = True
    bob.save(update_fields=["is_staff"])
    bob.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))
    return bob


@pytest.fixture
def group(db):
    return Group.objects.create(name="readers")


def privileges(user) -> tuple:
    user.refresh_from_db()
    return user.is_staff, user.is_superuser, list(user.groups.all()), user.user_permissions.count()


@pytest.mark.parametrize("name", ["bob", "alice"])
def test_who_may_change_users_gives_nobody_more_rights(name, helper, alice, group, log_in):
    user = get_user_model().objects.get(username=name)
    before, client = privileges(user), log_in(helper)
    rights = {"is_staff": "on", "is_superuser": "on", "groups": [group.pk], "user_permissions": [1, 2, 3]}
    form = {"username": f"{name}2", "is_active": "on", **DATES, **rights}
    answer = client.post(f"{USERS}{user.pk}/change/", form)
    assert privileges(user) == before
    # His own account is staff's, too; alice's he changes.
    assert (answer.status_code, user.username) == ((403, "bob") if name == "bob" else (302, "alice2"))


def test_nor_has_a_user_that_is_added_any(helper, log_in):
    rights = {"is_staff": "on", "is_superuser": "on"}
    assert log_in(helper).post(f"{USERS}add/", {"username": "dora", **PASSWORD, **rights}).status_code == 302
    assert privileges(get_user_model().objects.get(username="dora")) == (False, False, [], 0)


@pytest.mark.parametrize("rank", ["is_staff", "is_superuser"])
def test_staff_s_accounts_are_for_superusers(rank, helper, alice, log_in):
    get_user_model().objects.filter(pk=alice.pk).update(**{rank: True})
    client, page = log_in(helper), f"{USERS}{alice.pk}/"
    assert client.get(f"{page}change/").status_code == 200  # to look at
    changed = {"username": "mallory", **DATES}  # without is_active: disabled
    assert client.post(f"{page}change/", changed).status_code == 403
    assert client.get(f"{page}password/").status_code == 403
    assert client.post(f"{page}password/", PASSWORD).status_code == 403
    assert client.post(f"{page}delete/", {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"}
    assert client.post(USERS, action).status_code == 403
    alice.refresh_from_db()
    assert (alice.username, alice.is_active, alice.has_usable_password()) == ("alice", True, False)


def test_other_accounts_are_for_staff_as_before(helper, alice, log_in):
    client = log_in(helper)
    assert client.post(f"{USERS}{alice.pk}/password/", PASSWORD).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD["password1"])
    action = {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"}
    assert client.post(USERS, action).status_code == 302
    assert not get_user_model().objects.filter(pk=alice.pk).exists()


def test_groups_are_for_superusers(helper, charlie, group, log_in):
    """Who may change a group may change what its members may do, and be one of them."""
    form = {"name": "writers"}
    client = log_in(helper)
    assert client.get(GROUPS).status_code == 200
    for path in (f"{GROUPS}{group.pk}/change/", f"{GROUPS}add/", f"{GROUPS}{group.pk}/delete/"):
        assert client.post(path, form | {"post": "yes"}).status_code == 403
    assert [*Group.objects.values_list("name", "permissions")] == [("readers", None)]
    assert log_in(charlie).post(f"{GROUPS}{group.pk}/change/", form).status_code == 302


def test_a_superuser_decides(charlie, alice, log_in):
    form = {"username": "alice", "is_active": "on", "is_staff": "on", "is_superuser": "on", **DATES}
    assert log_in(charlie).post(f"{USERS}{alice.pk}/change/", form).status_code == 302
    assert privileges(alice)[:2] == (True, True)
