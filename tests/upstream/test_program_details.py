"""What programs get to know of a refusal: the server's words, without keys."""

import pytest

from runs.errors import UpstreamFailed, UpstreamRejected
from runs.upstream.failures.program_details import program_details

SECRET = "s3cr3t-of-the-provider"


def refusal(message, status=400, kind=UpstreamRejected):
    error = kind("for staff")
    error.upstream_status, error.upstream_message = status, message
    error.upstream_code, error.upstream_param = "invalid_value", "temperature"
    return error


def test_a_refusal_s_words_are_passed_on():
    error = refusal("temperature must be at most 1")
    error.retry_after = 2.5
    assert program_details(error, SECRET) == {
        "retry_after": 2.5,
        "upstream": {
            "status": 400,
            "message": "temperature must be at most 1",
            "code": "invalid_value",
            "param": "temperature",
        },
    }


@pytest.mark.parametrize(
    "message",
    [
        f"Incorrect API key provided: {SECRET}.",
        "Incorrect API key provided: sk-proj-ab12cd34ef56.",
        "Incorrect API key provided: sk-pr*******ef56.",
        "Invalid Bearer abcdef123456",
        "key AIzaSyD-12345678 is not valid",
        "bad key ab12****************ef56",
    ],
)
def test_keys_in_it_are_not(message):
    text = program_details(refusal(message, 401), SECRET)["upstream"]["message"]
    assert "[key]" in text
    assert not any(part in text for part in (SECRET, "ef56", "12345678", "ab12"))


def test_the_faults_of_a_server_are_its_own():
    assert program_details(refusal("stack trace", 500, UpstreamFailed), None) == {}
