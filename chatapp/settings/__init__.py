"""Django's settings, in parts. docs/settings.md lists the variables they read from the environment.

Every variable has a default that works on one machine; `make run` needs none of them. In each part a variable is one
line with its default and its unit.
"""

from chatapp.settings.api import *
from chatapp.settings.applications import *
from chatapp.settings.celery import *
from chatapp.settings.database import *
from chatapp.settings.environment import env
from chatapp.settings.limits import *
from chatapp.settings.observability import *
from chatapp.settings.paths import *
from chatapp.settings.redis import *
from chatapp.settings.runs import *
from chatapp.settings.security import *
from chatapp.settings.server import *
from chatapp.settings.static import *
from chatapp.settings.streams import *
from chatapp.settings.webhooks import *

SETTINGS_VARIABLES = env.names_read  # variables that a provider's key cannot be read from
