"""The codes and words by which servers say what went wrong, vendor by vendor. `classify` decides with them."""

import re
from typing import NamedTuple


class Signs(NamedTuple):
    """How servers say one thing.

    Codes are compared in lower case, with an error's code and with its type. Patterns search texts of at most a few
    thousand characters, and none repeats without a bound.
    """

    codes: set[str]
    pattern: re.Pattern[str]


CONTEXT = Signs(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "context_window_exceeded",
        "model_context_window_exceeded",
        "contextwindowexceedederror",
        "request_too_large",
        "string_above_max_length",
        "1261",  # Zhipu
        "1039",  # MiniMax
        "5021",  # Cloudflare
    },
    re.compile(
        r"""
      context[ _-]?(?:length|size|window|limit)
    | maximum\ (?:model|prompt|sequence|input|context)\ length | max_(?:seq|model)_len
    | (?:prompt|input|message|request|text|conversation)s?['"`]?
      \ (?:\([^)]*\)\ )?(?:(?:is|are|was)\ )?too\ (?:long|large)
    | (?:prompt|input|request)\ (?:\([^)]*\)\ )?is\ (?:longer|larger)
    | too\ (?:long|large)\ for\ (?:\S+\ )?model | too\ many\ (?:input\ |prompt\ )?tokens | reduce\ the\ length
    | model\ token\ limit | (?:prompt|input)\ (?:exceeds|length\ exceeds|length\ is\ greater)
    | token\ count\ .{0,40}(?:exceeds|only\ supports) | must\ have\ less\ than\ \d+\ tokens
    | (?:number\ of|total)\ tokens\ .{0,40}exceed | max\ tokens\ of\ \d+\ exceeded | context\ shift\ is\ disabled
    | exceeds?\ (?:the\ )?(?:maximum\ )?(?:number\ of\ )?(?:input\ )?tokens?\ (?:limit|allowed)
    | (?:maximum|max)\ (?:number\ of\ )?(?:input\ )?tokens\ allowed | range\ of\ input\ length
    | inputs`?\ tokens\ \+ | input\ length\ and\ `?max_tokens | exceeds\ max(?:imum)?\ (?:context\ )?length
    | longer\ than\ the\ (?:maximum\ )?(?:model|context)
    | length\ \d+\ .{0,20}exceeds | exceeded\ max\ context | 超长 | 上下文长度 | 长度超
    """,
        re.IGNORECASE | re.VERBOSE,
    ),
)
NOT_CONTEXT = re.compile(
    r"max_(?:completion_|output_)?tokens\S* (?:is not supported|must be|should be)|too many tokens.{0,20} wait", re.I
)
QUOTA = Signs(
    {
        "insufficient_quota",
        "insufficient_balance",
        "insufficient_credits",
        "exceeded_current_quota_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "payment_required",
        "quota_exceeded",
        "arrearage",
        "credit_limit_reached",
        "budget_exceeded",
        "accountoverdueerror",
        "setlimitexceeded",
        "allocationquota.freetieronly",
        "1113",  # Zhipu
        "1308",
        "1310",
        "1008",  # MiniMax
    },
    re.compile(
        r"insufficient (?:account )?(?:balance|credits?|quota|funds)|credit balance|out of credits?|"
        r"(?:any|no|more) credits(?! were)|balance is insufficient|overdue|over budget|budget has been exceeded|"
        r"free (?:tier|allocation) .{0,40}exhausted|used up|reached your .{0,30}usage limit|"
        r"not enough credits?|payment required|account .{0,30}(?:arrears|suspended .{0,40}balance)|余额不足|欠费|"
        r"spend(?:ing)? limit|balance is too low",
        re.IGNORECASE,
    ),
)
FILTER = Signs(
    {
        "content_filter",
        "content_policy_violation",
        "content_filtered",
        "responsibleaipolicyviolation",
        "data_inspection_failed",
        "datainspectionfailed",
        "moderation_blocked",
        "cyber_policy_violation",
        "safety",
        "prohibited_content",
        "1301",  # Zhipu
        "1026",  # MiniMax: the prompt,
        "1027",  # the answer
    },
    re.compile(
        r"content[ _]?(?:filter|policy|management policy|exists risk|violates|(?:is |was )?blocked)|moderation|flagged|"
        r"inappropriate content|sensitive ?(?:content|words?|information)|high risk|"
        r"usage (?:policy|policies|guidelines)|safety (?:system|filter|reasons)|"
        r"敏感|guardrail|was blocked due to",
        re.IGNORECASE,
    ),
)
LOADING = Signs(
    {
        "model_loading",
        "model_not_ready",
        "modelnotreadyexception",
        "model_warming_up",
        "loading",
        "deployment_scaling_up",
    },
    re.compile(
        r"(?:loading|starting|warming up|waking up) (?:the )?model|model .{0,80}(?:is|are) "
        r"(?:currently |still |being )*(?:loading|loaded\b(?! with)|starting|warming|initiali[sz]ing)|"
        r"model .{0,40}not (?:yet )?(?:ready|loaded yet)|"
        r"(?:server|service) (?:is )?(?:loading|starting)|still loading|cold start|getting ready|spinning up|"
        r"scal(?:ing|ed) (?:up|from zero|to zero)|runner to start",
        re.IGNORECASE,
    ),
)
OVERLOADED = Signs(
    {"overloaded_error", "engine_overloaded_error", "overloaded", "server_overloaded", "1305"},
    re.compile(r"\boverloaded\b|server (?:is )?(?:too )?busy|服务器繁忙", re.IGNORECASE),
)
RATE = Signs(
    {
        "rate_limit_exceeded",
        "rate_limit_error",
        "rate_limit_reached_error",
        "rate_limited",
        "ratelimitexceeded",
        "ratelimiterror",
        "too_many_requests",
        "resource_exhausted",
        "throttlingexception",
        "limit_requests",
        "1302",  # Zhipu
        "1303",
        "1002",  # MiniMax
    },
    re.compile(
        r"rate[ _-]?limit(?:ed|s)?\b|too many requests|throttl|requests per (?:minute|day)|\b[rtq]p[smd] limit",
        re.IGNORECASE,
    ),
)
MODEL = Signs(
    {
        "model_not_found",
        "model_not_exist",
        "model_not_supported",
        "model_decommissioned",
        "invalid_model",
        "unavailable_model",
        "model_not_available",
        "endpoint_not_found",
        "1211",  # Zhipu
    },
    re.compile(
        r"model[ _]not[ _](?:found|exist)|(?:no such|unknown|invalid|unavailable|not a valid) model\b|"
        r"model .{0,80}(?:does not exist|doesn't exist|not found|decommissioned|not supported by any)",
        re.IGNORECASE,
    ),
)
REGION = Signs(
    {"unsupported_country_region_territory"},
    re.compile(
        r"(?:country|region|territory|location)\b.{0,40}(?:not supported|unsupported|not available|not allowed)", re.I
    ),
)
BAD_KEY = Signs(
    {
        "invalid_api_key",
        "authentication_error",
        "auth_error",
        "unauthorized",
        "invalid_authentication_error",
        "1004",  # MiniMax
        "2049",
    },
    re.compile(
        r"api[ _-]?key (?:is )?(?:not valid|invalid|expired|not found)|"
        r"(?:incorrect|invalid|missing|expired) (?:or (?:incorrect|invalid) )?(?:api[ _-]?key|authorization)",
        re.IGNORECASE,
    ),
)
KEY = re.compile(r"api[ _-]?key|\btoken\b|credential|authenticat|unauthori[sz]ed|authoriz", re.IGNORECASE)
TRANSIENT = re.compile(r"server_?error|internal|over_?capacity|unavailable|timeout|try again", re.IGNORECASE)
