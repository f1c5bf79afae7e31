"""Limits per user, message and request."""

from chatapp.settings.environment import env

USER_MAX_RUNS = env.int("USER_MAX_RUNS", default=50)  # queued and running runs of one user
USER_MAX_SENDS = env.int("USER_MAX_SENDS", default=120)  # messages one user may send a minute
USER_MAX_CONNECTIONS = env.int("USER_MAX_CONNECTIONS", default=100)  # a user's, to one web process; 0 = no limit
USER_MAX_SCHEDULES = env.int("USER_MAX_SCHEDULES", default=100)  # schedules one user may have; 0 = no limit
USER_MAX_BYTES = env.int("USER_MAX_BYTES", default=1_000_000_000)  # bytes of stored text of one user; 0 = no limit
SCHEDULE_MAX_FAILURES = env.int("SCHEDULE_MAX_FAILURES", default=5)  # failures in a row that pause a schedule
CONTEXT_MAX_CHARACTERS = env.int("CONTEXT_MAX_CHARACTERS", default=1_000_000)  # characters sent upstream at once
CONTEXT_MAX_MESSAGES = env.int("CONTEXT_MAX_MESSAGES", default=2_000)  # messages sent upstream at once
PROMPT_MAX_CHARACTERS = env.int("PROMPT_MAX_CHARACTERS", default=100_000)  # characters of one message with its files
PROMPT_MAX_FILES = env.int("PROMPT_MAX_FILES", default=20)  # files of one message

# Of programs that speak OpenAI's protocol, in place of those above.
PROGRAM_MAX_SENDS = env.int("PROGRAM_MAX_SENDS", default=600)  # requests of one user's programs a minute; 0 = no limit
PROGRAM_MAX_CHARACTERS = env.int("PROGRAM_MAX_CHARACTERS", default=1_000_000)  # characters of one message or document
PROGRAM_MAX_BYTES = env.int("PROGRAM_MAX_BYTES", default=10_000_000)  # bytes of one request

FILE_MAX_BYTES = env.int("FILE_MAX_BYTES", default=20_000_000)  # bytes of one file
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", default=50_000_000)  # bytes of one request with files
IMAGE_MAX_PIXELS = env.int("IMAGE_MAX_PIXELS", default=50_000_000)  # pixels of an image as it is uploaded
USER_MAX_FILE_BYTES = env.int("USER_MAX_FILE_BYTES", default=1_000_000_000)  # bytes of one user's files; 0 = no limit

REQUEST_SECONDS = env.float("REQUEST_SECONDS", default=120.0)  # s in which a request must arrive completely
FILE_UPLOAD_HANDLERS = [
    "chatapp.files.uploads.BoundedUpload",  # refuses more than UPLOAD_MAX_BYTES
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "chatapp.files.uploads.UnnamedFileUpload",
]
DATA_UPLOAD_MAX_NUMBER_FILES = PROMPT_MAX_FILES + 100  # a form with more is not parsed
