"""A password hasher that costs nothing, and whose hashes every process of this site can check."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """The production hasher but for the slowness. The number of iterations stands in the hash."""

    iterations = 1
