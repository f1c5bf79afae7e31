"""Staff see who has tokens, and revoke them."""

from django.test import Client
from django.urls import reverse
from knox.models import get_token_model


def test_staff_revoke_a_token_by_deleting_it(alice, charlie):
    admin = Client()
    admin.force_login(charlie.user)
    token = alice.user.auth_token_set.get()
    page = admin.get(reverse("admin:knox_authtoken_changelist")).text
    assert token.token_key in page
    assert admin.get(reverse("admin:knox_authtoken_add")).status_code == 403
    assert alice.post("sessions").status_code == 201
    admin.post(reverse("admin:knox_authtoken_delete", args=[token.pk]), {"post": "yes"})
    assert not get_token_model().objects.filter(pk=token.pk).exists()
    assert alice.post("sessions").status_code == 401
