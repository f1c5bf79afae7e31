"""App configuration of accounts."""

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.db.models.signals import post_save


class AccountsConfig(AppConfig):
    name = "chatapp.accounts"

    def ready(self):
        from chatapp.accounts.authentication import viewer_with_token
        from chatapp.accounts.sessions import on_user_saved  # needs loaded models
        from streams.access import register_token_check

        post_save.connect(on_user_saved, sender=get_user_model(), dispatch_uid="end_void_sessions")
        register_token_check(viewer_with_token)
