"""What servers report as errors, in the shapes and words of many vendors: which error of ours it is."""

import time
from email.utils import formatdate

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import UpstreamError
from runs.upstream.failures.classify import failure_for, failure_of_response
from runs.upstream.failures.report import Report, report_in
from runs.upstream.failures.retry_after import seconds_in_headers, seconds_in_words

# (status, body, code, retried before the first token)
RESPONSES = [
    (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}, "upstream_not_found", False),
    (400, {"error": {"message": "User location is not supported for the API use."}}, "upstream_forbidden", False),
    (400, {"error": {"message": "This model does not support images"}}, "upstream_rejected", False),
    (
        400,
        {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model."}},
        "upstream_rejected",
        False,
    ),
    (
        400,
        {"error": {"message": "max_tokens is too large: 9000. This model supports at most 4096 completion tokens"}},
        "upstream_rejected",
        False,
    ),
    (400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}, "upstream_rejected", False),
    (
        400,
        {"error": {"message": "Your credit balance is too low to access the API."}},
        "upstream_quota_exhausted",
        False,
    ),
    (
        400,
        {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."},
        "upstream_quota_exhausted",
        False,
    ),
    (
        400,
        {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."},
        "upstream_rejected",
        False,
    ),
    (
        401,
        {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}},
        "upstream_unauthorized",
        False,
    ),
    (400, [{"error": {"code": 400, "message": "API key not valid. Please pass it."}}], "upstream_unauthorized", False),
    (400, {"error": "Incorrect API key provided: xa***Zz."}, "upstream_unauthorized", False),
    (400, {"error": {"message": "Missing or invalid Authorization header."}}, "upstream_unauthorized", False),
    (400, {"error": {"message": "x is not a valid model ID", "code": 400}}, "upstream_not_found", False),
    (400, {"error": {"message": "`x` is gone", "code": "model_decommissioned"}}, "upstream_not_found", False),
    (402, {"error": {"message": "Insufficient Balance"}}, "upstream_quota_exhausted", False),
    (402, "", "upstream_quota_exhausted", False),
    (
        403,
        {
            "error": {
                "message": "Country, region, or territory not supported",
                "code": "unsupported_country_region_territory",
            }
        },
        "upstream_forbidden",
        False,
    ),
    (
        403,
        {"error": {"message": "Your newly created team doesn't have any credits yet."}},
        "upstream_quota_exhausted",
        False,
    ),
    (403, {"error": {"message": "Your API key does not have permission"}}, "upstream_unauthorized", False),
    (403, {"error": {"code": 403, "message": "your input was flagged for violence"}}, "upstream_rejected", False),
    (403, {"error": {"message": "Your input was flagged. No credits were charged."}}, "upstream_rejected", False),
    (403, {"code": 30001, "message": "your account balance is insufficient"}, "upstream_quota_exhausted", False),
    (403, {"message": "The free tier of the model has been exhausted."}, "upstream_quota_exhausted", False),
    (403, "<html><body>Attention required</body></html>", "upstream_forbidden", False),
    (
        404,
        {"error": {"message": "The model `x` does not exist", "code": "model_not_found"}},
        "upstream_not_found",
        False,
    ),
    (405, {"detail": "Method Not Allowed"}, "upstream_not_found", False),
    (408, "", "upstream_timeout", True),
    (409, "", "upstream_unavailable", True),
    (413, "<html>413 Request Entity Too Large</html>", "context_length_exceeded", False),
    (418, "", "upstream_rejected", False),
    (
        429,
        {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
        "upstream_quota_exhausted",
        False,
    ),
    (
        429,
        {"error": {"message": "engine overloaded", "type": "engine_overloaded_error"}},
        "upstream_rate_limited",
        True,
    ),
    (429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}, "upstream_quota_exhausted", False),
    (429, {"message": "Too many tokens, please wait before trying again."}, "upstream_rate_limited", True),
    (429, {"error": {"message": "over budget", "type": "budget_exceeded"}}, "upstream_quota_exhausted", False),
    (429, {"message": "Model is getting ready. Please try again"}, "upstream_loading", True),
    (424, {"error": "Request failed during generation", "error_type": "generation"}, "upstream_unavailable", True),
    (451, "", "upstream_forbidden", False),
    (429, "", "upstream_rate_limited", True),
    (498, "", "upstream_unavailable", True),
    (500, "", "upstream_failed", True),
    (501, "", "upstream_failed", False),
    (502, "<html>nginx</html>", "upstream_unavailable", True),
    (503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}, "upstream_loading", True),
    (503, {"error": "Model org/x is currently loading", "estimated_time": 20.0}, "upstream_loading", True),
    (503, {"error": "Service is starting up, please wait"}, "upstream_loading", True),
    (503, {"error": {"message": "the deployment is scaling up from zero"}}, "upstream_loading", True),
    (503, "", "upstream_unavailable", True),
    (520, "", "upstream_unavailable", True),
    (526, "", "upstream_unavailable", False),
    (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        "upstream_unavailable",
        True,
    ),
]


@pytest.mark.parametrize(("status", "body", "code", "is_transient"), RESPONSES)
def test_each_refusal_has_its_code(status, body, code, is_transient):  # B48 B62
    raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
    error = failure_of_response(status, {}, raw)
    assert (error.code, error.is_transient, error.upstream_status) == (code, is_transient, status)


# (body of an event or of a response with status 200, code, retried before the first token)
IN_STREAM = [
    ({"error": {"message": "Provider returned error", "code": 429}}, "upstream_rate_limited", True),
    ({"error": {"message": "No instances available for this model right now", "code": 503}}, "upstream_failed", True),
    ({"error": {"type": "overloaded_error", "message": "Overloaded"}, "type": "error"}, "upstream_unavailable", True),
    ({"error": {"message": "Compute error.", "code": 500, "type": "server_error"}}, "upstream_failed", True),
    ({"error": {"message": "Bad", "code": 400}}, "upstream_failed", False),
    ({"error": {"message": "User not found.", "code": 401}}, "upstream_unauthorized", False),
    ({"error": "unexpected EOF"}, "upstream_failed", False),
    ({"error": True, "message": "It broke"}, "upstream_failed", False),
    ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, "upstream_rate_limited", True),
    ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "upstream_quota_exhausted", False),
    ({"code": 429, "message": "Resource has been exhausted (e.g. check quota)."}, "upstream_rate_limited", True),
    ({"object": "error", "message": "Internal", "type": "InternalServerError", "code": 500}, "upstream_failed", True),
    ({"error_code": 336501, "error_msg": "rpm limit reached"}, "upstream_rate_limited", True),
    ({"detail": "It broke"}, "upstream_failed", False),
    ({"detail": {"error": "It broke"}}, "upstream_failed", False),
    ({"errorMessage": "It broke", "errorType": "X"}, "upstream_failed", False),
    ({"error_message": "It broke"}, "upstream_failed", False),
    ({"ok": False, "message": "It broke"}, "upstream_failed", False),
    ({"throttlingException": {"message": "Too many requests"}}, "upstream_rate_limited", True),
    ({"error": {"http_code": 429, "message": "no more of it"}}, "upstream_rate_limited", True),
]


@pytest.mark.parametrize(("value", "code", "is_transient"), IN_STREAM)
def test_each_error_within_a_stream_has_its_code(value, code, is_transient):  # B62
    report = report_in(value)
    assert report is not None
    error = failure_for(report)
    assert (error.code, error.is_transient) == (code, is_transient)


NO_ERRORS = [
    {},
    [],
    7,
    None,
    {"type": "ping"},
    {"choices": []},
    {"choices": [], "prompt_progress": {"total": 100}},
    {"error": None, "choices": []},
    {"error": {}},
    {"error": "null"},
    {"error": {"code": 0, "message": "success"}},
    {"error": ""},
    {"code": "success", "message": "ok"},
    {"error_code": 0, "error_msg": "success"},
    {"error": {"message": "", "type": "", "param": "", "code": None}},
    {"base_resp": {"status_code": 0, "status_msg": ""}},
    {"choices": [{"delta": {"content": "error"}}], "message": "x", "code": 500},
    {"type": "status", "message": "warming up"},
]


@pytest.mark.parametrize("value", NO_ERRORS)
def test_what_reports_no_error_is_none(value):
    assert report_in(value) is None


def test_an_error_may_come_as_an_event():
    body = b'event: error\ndata: {"error": {"message": "No more", "code": "insufficient_quota"}}\n\n'
    error = failure_of_response(429, {}, body)
    assert (error.code, error.upstream_message) == ("upstream_quota_exhausted", "No more")


def test_the_parameter_at_fault_is_read():
    detail = {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"], "msg": "no"}]}
    for body in (detail, {"object": "error", "message": detail, "param": None}):
        assert failure_of_response(422, {}, orjson.dumps(body)).upstream_param == "stream_options"
    openai = {"error": {"message": "no", "param": "temperature", "code": "unsupported_value"}}
    error = failure_of_response(400, {}, orjson.dumps(openai))
    assert (error.upstream_param, error.upstream_code) == ("temperature", "unsupported_value")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "code", "detail", "x"]), inner)
    ),
    max_leaves=20,
)


@given(json_values, st.booleans(), st.sampled_from([None, 400, 500]))
def test_whatever_is_reported_becomes_an_error_that_can_be_stored(value, is_error, status):  # B10 B58
    report = report_in({"error": value} if is_error else value, is_error)
    error = failure_for(report or Report(""), "", status)
    assert isinstance(error, UpstreamError)
    assert "\0" not in str(error.upstream_message) + error.upstream_code + error.upstream_param
    assert (str(error) + error.upstream_message).encode()


def test_a_pause_is_read_from_headers():
    assert seconds_in_headers({"retry-after": "2"}) == 2
    assert seconds_in_headers({"retry-after": "0.25"}) == 0.25
    assert seconds_in_headers({"retry-after-ms": "1500", "retry-after": "2"}) == 1.5
    assert 3500 < seconds_in_headers({"retry-after": formatdate(time.time() + 3600, usegmt=True)}) <= 3600
    assert seconds_in_headers({"retry-after": formatdate(0, usegmt=True)}) == 0
    assert [seconds_in_headers({"retry-after": value}) for value in ("", "soon", "-1", "1e9", "٣")] == [None] * 5


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Rate limit reached. Please try again in 7.66s.", 7.66),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 20ms", 0.02),
        ("Please retry after 5 seconds", 5),
        ("wait 2 minutes", 120),
        ("Over capacity, please try again and back off exponentially.", None),
    ],
)
def test_a_pause_is_read_from_words(words, seconds):
    assert seconds_in_words(words) == pytest.approx(seconds)


def test_google_s_delay_is_read():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}]
    body = [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "no", "details": details}}]
    error = failure_of_response(429, {}, orjson.dumps(body))
    assert (error.code, error.retry_after) == ("upstream_rate_limited", 2)


def test_a_redirect_is_not_followed_and_says_where_to():
    error = failure_of_response(307, {"location": "/v2/chat/completions"}, b"")
    assert error.code == "upstream_redirected" and "/v2/chat/completions" in str(error)


def test_a_server_that_says_not_to_retry_is_obeyed():
    assert not failure_of_response(503, {"x-should-retry": "false"}, b"").is_transient
