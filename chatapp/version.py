"""The version, stated here only: pyproject.toml, the settings, the API's schema and the CHANGELOG's test read it."""

__version__ = "0.2.0"
