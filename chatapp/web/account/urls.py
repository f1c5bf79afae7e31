"""URLs of log-in and settings."""

from django.urls import path

from chatapp.accounts.throttles import throttled_link, throttled_password, throttled_sign_in
from chatapp.web.account import invitations, login, settings, tokens, welcome

urlpatterns = [
    path("login", throttled_sign_in(login.Login.as_view()), name="login"),
    path("login/link", throttled_link(login.log_in_by_link), name="login_link"),
    path("logout", login.Logout.as_view(), name="logout"),
    path("invitation", throttled_link(invitations.accept_invitation), name="invitation"),
    path("welcome", welcome.welcome, name="welcome"),
    path("settings", settings.edit_profile, name="settings"),
    path("settings/security", settings.show_security, name="security"),
    path("settings/developers", tokens.show_developers, name="developers"),
    path("settings/people", invitations.show_people, name="people"),
    path("settings/password", throttled_password(settings.change_password, "security"), name="password"),
    path("settings/tokens", tokens.create_token, name="make_token"),
    path("settings/tokens/<uuid:uuid>/revoke", tokens.revoke_token, name="revoke_token"),
    path("settings/invitations", invitations.create_invitation, name="make_invitation"),
]
