"""A fast password hasher whose hashes every process of this site can check."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """The production hasher with few iterations, whose number is part of the hash."""

    iterations = 1
