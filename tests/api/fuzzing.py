"""Requests that schemathesis makes of the schema, and what must be true of every answer.

Data that the schema allows is not refused for its shape; data that it does not allow is refused. Either way: no status,
header or body that the schema does not tell of, and never a 500.
"""

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

# What of a request makes no sense although it has the right shape: rules that JSON Schema has no words for.
UNSAID = {"Idempotency-Key", "at", "contenders", "cron", "cursor", "every", "month_day", "session", "starts"}
UNSAID |= {"parameters", "tool_results"}  # a choice without tools; calls that were made
UNSAID |= {"name", "unit", "weekdays", "zone"}
NO_NUL = ["Null characters are not allowed."]  # PostgreSQL keeps none; said once, in docs/api.md
UNSAID_CODES = {"idempotency_key_reused", "model_unknown", "prompt_empty", "pane_unknown", "file_unknown"}
UNASKED = {"follow_run", "follow_sessions"}  # a stream has no end to wait for; tests/clients ask for it
STREAMED = {"stream", "wait"}  # queries whose answers a synchronous client cannot read: tests/worker has them
NAMES = ("sessions", "messages", "runs", "compare", "panes", "schedules")


def operations(schema) -> list:
    """Every operation of this API, those that delete last. Of other protocols the schema has an outline only."""
    found = [result.ok() for result in schema.get_all_operations()]
    found = [operation for operation in found if operation.path.startswith("/api/v1/")]
    found = [operation for operation in found if operation.definition.raw["operationId"] not in UNASKED]
    return sorted(found, key=lambda operation: operation.method == "delete")


def kind_of(operation) -> str | None:
    """What the id in its address is one of."""
    parts = operation.path.split("/")
    return next((name for name in NAMES if name in parts), None) if "{id}" in operation.path else None


def mentioned(body: object, model: str) -> object:
    """The body with a model that there is."""
    if isinstance(body, dict):
        return {
            name: model if name == "model" and isinstance(value, str) and value else mentioned(value, model)
            for name, value in body.items()
        }
    return [mentioned(each, model) for each in body] if isinstance(body, list) else body


def accepted_if_it_fits(ctx, response, case) -> None:
    """Data of the right shape is refused only for what the schema has no words for."""
    is_fit = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if not is_fit or response.status_code not in (400, 422):
        return
    problem = response.json()
    said = {name for name, why in problem.get("fields", {}).items() if name not in UNSAID and why != NO_NUL}
    assert problem["code"] in UNSAID_CODES or (problem["code"] == "invalid" and not said), problem


def ask(operation, mode: GenerationMode, examples: int, model: str, pk: str | None, **options) -> None:
    """Ask `examples` times, of the thing `pk`; raises what schemathesis finds."""
    named = {"path_parameters": {"id": pk}} if pk else {}
    quiet = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=options.pop("derandomize", True),
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @quiet
    @given(case=operation.as_strategy(generation_mode=mode, **named))
    def run(case) -> None:
        if mode == GenerationMode.POSITIVE:
            body = mentioned(case.body, model)
            if body != case.body:
                case.body = body
        for name in STREAMED & set(case.query or ()):
            del case.query[name]
        case.call_and_validate(
            additional_checks=[accepted_if_it_fits], excluded_checks=[positive_data_acceptance], **options
        )

    run()


def has_something_to_break(operation) -> bool:
    """Whether a request could be wrong at all."""
    return bool(operation.body) or any(True for _ in operation.query)
