"""What is done to comparisons: dealing, the sequence, stopping, closing, another answer, the vote, going on."""

import pytest
from django.utils import timezone

from chatapp.chats.models import Session
from chatapp.compare import actions, sequence
from chatapp.compare.contenders import Contender
from chatapp.compare.errors import AlreadyVoted, PaneGone, PaneUnknown, StillAnswering, StillBlind, TooFewPanes
from chatapp.compare.models import Comparison, Pane
from chatapp.compare.panes import HIDDEN, views_of
from runs.actions import delete_session
from runs.errors import ModelUnknown, PromptEmpty, TooManyRuns
from runs.lifecycle import attached, reaper, transitions
from runs.models import Run
from runs.states import Status, StopReason, Trigger
from runs.upstream.request import build_request


def statuses(comparison) -> list[str]:
    return [pane.run.status for pane in comparison.panes.select_related("run")]


def is_started(pane) -> bool:
    return Run.objects.filter(pk=pane.run_id, task_id__isnull=False).exists()


@pytest.fixture
def at_commit(django_capture_on_commit_callbacks):
    """What would happen after the commit happens, but for the broker, which is not there."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def broker(monkeypatch):
    """A broker that takes everything and passes nothing on."""
    monkeypatch.setattr("runs.lifecycle.dispatch.start", lambda run_id, task_id: None)
    monkeypatch.setattr("runs.lifecycle.dispatch.revoke", lambda task_id: None)


def test_each_contender_gets_an_attached_run_in_a_session_that_no_list_shows(compare, models, alice):  # B42 B46
    comparison = compare("Which tree?")
    panes = list(comparison.panes.all())
    assert {pane.contender for pane in panes} == {"Betula Large", "Fagus Mini", "Salix 7B"}
    for pane in panes:
        assert pane.run.model.name == pane.model_name
        assert pane.run.viewer_until > timezone.now()
        assert (pane.run.trigger, pane.run.message.parent.content) == (Trigger.COMPARE, "Which tree?")
        assert pane.session.title  # or the model would be asked for one
    assert not Session.objects.visible_to(alice).exists()


def test_the_deal_is_left_to_chance_and_no_id_tells(compare, models):  # B45
    orders = set()
    for _ in range(12):
        panes = list(compare().panes.order_by("position"))
        ids = [(pane.pk, pane.session_id, pane.run_id) for pane in panes]
        assert ids == sorted(ids)
        orders.add(tuple(pane.contender for pane in panes))
    assert len(orders) > 1  # 1 in 6^11 that it fails


def test_what_templates_are_given_names_nobody_before_the_vote(compare, finish):  # B45
    comparison = compare("Which tree?")
    finish(comparison)
    assert {view.contender for view in views_of(comparison)} == {HIDDEN}
    actions.vote(comparison, "A")
    comparison.refresh_from_db()
    assert {view.contender for view in views_of(comparison)} == {"Betula Large", "Fagus Mini", "Salix 7B"}


def test_one_model_takes_part_with_other_settings(compare, models):
    model = models[0]
    sober, wild = Contender(model), Contender(model, temperature=1.5, max_tokens=40, system_prompt="Be wild.")
    comparison = compare(contenders=[sober, wild])
    pane = comparison.panes.get(contender=wild.label)
    assert wild.label == "Betula Large · temperature 1.5 · at most 40 tokens · “Be wild.”"
    payload = build_request(pane.run).payload
    assert (payload["temperature"], payload["max_tokens"]) == (1.5, 40)
    assert payload["messages"][0] == {"role": "system", "content": "Be wild."}
    assert "temperature" not in build_request(comparison.panes.get(contender=sober.label).run).payload


def test_long_system_prompts_and_equal_labels_are_told_apart(models):
    one, other = (Contender(models[0], system_prompt="x" * 100 + end) for end in "ab")
    assert one.label != other.label
    models[1].label = models[0].label
    models[1].save()
    assert Contender(models[0]).label == "Betula Large (betula)"


def test_the_same_form_twice_is_one_comparison(compare):  # B22
    assert compare(key="k").pk == compare(key="k").pk
    assert Run.objects.count() == 3


def test_what_may_not_be_sent_leaves_nothing_behind(compare, models, settings):  # B57
    with pytest.raises(PromptEmpty):
        compare(" ")
    settings.USER_MAX_RUNS = 2
    with pytest.raises(TooManyRuns):
        compare()
    settings.USER_MAX_RUNS = 0
    models[2].enabled = False
    models[2].save()
    with pytest.raises(ModelUnknown):
        compare()
    assert not Comparison.objects.exists()
    assert not Session.objects.exists()


def test_parallel_panes_all_start(compare):
    assert all(is_started(pane) for pane in compare().panes.all())


@pytest.mark.parametrize("end", ["complete", "fail", "stop"])
def test_sequential_panes_start_when_the_one_before_has_ended(compare, write, at_commit, broker, end, alice):  # B44
    comparison = compare(is_sequential=True)
    first, second, third = comparison.panes.all()
    assert [is_started(pane) for pane in (first, second, third)] == [True, False, False]
    assert reaper.start_stalled_queues() == 0
    run = write(first, "one")
    assert not sequence.advance(comparison.pk)
    with at_commit():
        if end == "complete":
            transitions.complete(run.id, "stop")
        elif end == "fail":
            transitions.fail(run.id, ModelUnknown())
        else:
            transitions.stop(run.id)
    assert [is_started(pane) for pane in (first, second, third)] == [True, True, False]
    with at_commit():
        actions.stop_pane(second, by=alice)
    assert is_started(third)


def test_the_next_one_is_found_though_nobody_told(compare, write, broker):
    comparison = compare(is_sequential=True)
    first, second, _ = comparison.panes.all()
    transitions.complete(write(first, "one").id, "stop")  # and the process died before it could say so
    assert not is_started(second)
    assert sequence.advance_all() == 1
    assert is_started(second)
    assert sequence.advance_all() == 0


def test_a_pane_that_nobody_watches_does_not_begin(compare, write, broker):  # B42
    comparison = compare(is_sequential=True)
    first = comparison.panes.first()
    transitions.complete(write(first, "one").id, "stop")
    Run.objects.filter(status=Status.QUEUED).update(viewer_until=timezone.now())
    assert sequence.advance_all() == 0
    assert attached.stop_unwatched() == 2
    assert statuses(comparison) == [Status.COMPLETED, Status.STOPPED, Status.STOPPED]


def test_stop_all_also_stops_those_that_have_not_begun(compare, write, at_commit, broker, alice):  # B44
    comparison = compare(is_sequential=True)
    first, *others = comparison.panes.all()
    write(first, "one")
    with at_commit():
        actions.stop_all(comparison, by=alice)
    assert statuses(comparison) == [Status.RUNNING, Status.STOPPED, Status.STOPPED]
    with at_commit():
        transitions.stop(first.run_id)
    for pane in others:
        pane.run.refresh_from_db()
        assert (pane.run.started_at, pane.run.task_id, pane.run.stop_requested_by) == (None, None, alice)


def test_looking_at_the_page_keeps_all_panes_alive(compare):  # B42
    comparison = compare(is_sequential=True)
    Run.objects.update(viewer_until=timezone.now())
    actions.renew_attached(comparison)
    assert attached.stop_unwatched() == 0


def test_closing_a_pane_stops_it_and_two_stay(compare, write, at_commit, broker, alice):  # B42
    comparison = compare()
    first, second, _ = comparison.panes.all()
    run = write(first, "one")
    with at_commit():
        actions.close(first, by=alice)
    run.refresh_from_db()
    assert run.stop_reason == StopReason.VIEWER_LEFT
    assert comparison.panes.open().count() == 2
    with pytest.raises(TooFewPanes):
        actions.close(second, by=alice)
    with at_commit():
        transitions.interrupt(run.id)
        actions.stop_all(comparison, by=alice)
    with pytest.raises(PaneUnknown):
        actions.vote(comparison, first.letter)
    actions.vote(comparison, second.letter)


def test_another_answer_of_the_same_contender_is_attached_too(compare, finish, write, alice, broker):
    comparison = compare()
    pane = comparison.panes.first()
    with pytest.raises(StillAnswering):
        actions.reroll(pane, by=alice)
    finish(comparison)
    before = pane.run
    run = actions.reroll(pane, by=alice)
    pane.refresh_from_db()
    run.refresh_from_db()
    assert pane.run == run != before
    assert (run.model, run.session, run.trigger) == (before.model, before.session, Trigger.COMPARE)
    assert run.viewer_until > timezone.now()
    transitions.complete(write(pane, "Another one").id, "stop")
    before.refresh_from_db()
    assert before.message.content != "Another one"


def test_a_vote_is_once_and_for_one_of_the_panes_or_a_tie(compare, finish, alice):  # B45
    comparison = compare()
    with pytest.raises(StillAnswering):
        actions.vote(comparison, "A")
    finish(comparison)
    for wrong in ("D", "", "nobody", str(comparison.panes.first().pk)):
        with pytest.raises(PaneUnknown):
            actions.vote(comparison, wrong)
    actions.vote(comparison, "B")
    for again in ("B", "A", "tie", "D"):
        with pytest.raises(AlreadyVoted):
            actions.vote(comparison, again)
    comparison.refresh_from_db()
    assert comparison.winner.letter == "B"
    assert not comparison.hides_models
    with pytest.raises(AlreadyVoted):
        actions.reroll(comparison.panes.first(), by=alice)
    with pytest.raises(AlreadyVoted):
        actions.close(comparison.panes.first(), by=alice)


def test_a_tie_has_no_winner(compare, finish):
    comparison = compare()
    finish(comparison)
    actions.vote(comparison, "tie")
    comparison.refresh_from_db()
    assert (comparison.is_decided, comparison.winner) == (True, None)


def test_going_on_makes_a_chat_of_a_pane(compare, finish, alice):  # B46
    comparison = compare()
    finish(comparison)
    pane = comparison.panes.get(position=1)
    with pytest.raises(StillBlind):
        actions.continue_as_chat(pane)
    actions.vote(comparison, "B")
    session = actions.continue_as_chat(pane)
    assert list(Session.objects.visible_to(alice)) == [session]
    assert [message.content for message in session.messages.all()] == ["Which tree?", "Answer number 1"]
    assert actions.continue_as_chat(pane) == session


def test_what_is_being_written_when_one_goes_on_outlives_the_page(compare, write):  # B7 B46
    comparison = compare(is_blind=False)
    one, other, _ = comparison.panes.all()
    run = write(one, "half")
    actions.continue_as_chat(one)
    attached.stop_without_viewer(run.id)
    Run.objects.exclude(viewer_until=None).update(viewer_until=timezone.now())
    attached.stop_unwatched()
    run.refresh_from_db()
    other.run.refresh_from_db()
    assert run.stop_requested_at is None
    assert other.run.stop_reason == StopReason.VIEWER_LEFT


def test_a_chat_that_is_deleted_leaves_its_pane_empty(compare, finish, alice):
    comparison = compare()
    finish(comparison)
    actions.vote(comparison, "A")
    pane = comparison.panes.get(position=0)
    delete_session(actions.continue_as_chat(pane), by=alice)
    pane = Pane.objects.get(pk=pane.pk)
    assert (pane.session, pane.run) == (None, None)
    with pytest.raises(PaneGone):
        actions.continue_as_chat(pane)
    assert actions.compare(alice, "More?", [Contender(model) for model in _models()]).panes.count() == 3


def _models():
    from runs.models import Model

    return Model.objects.all()


def test_deleting_stops_everything_and_keeps_the_chats(compare, write, at_commit, broker, alice):  # B40
    comparison = compare(is_blind=False)
    one, other, _ = comparison.panes.all()
    transitions.complete(write(one, "kept").id, "stop")
    write(other, "gone")
    session = actions.continue_as_chat(one)
    with at_commit():
        actions.delete(comparison, by=alice)
    assert list(Session.objects.all()) == [session]
    assert not Comparison.objects.exists()
    assert not Pane.objects.exists()
