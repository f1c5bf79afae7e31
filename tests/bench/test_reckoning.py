"""What the benchmark makes of what it has seen: latencies, medians, searches, targets, tables."""

import pytest

from tests.bench import report, targets
from tests.bench.findings import Findings, Highest
from tests.bench.levels import Level, Series, highest
from tests.bench.load import arrivals_in, summary
from tests.bench.memory import Memory


def level(runs: int, micros: float = 100.0, p50: float = 0.005, p99: float = 0.020, **more) -> Level:
    tokens = runs * 20
    cpu = {"web": micros * tokens / 2e6, "worker": micros * tokens / 2e6, "valkey": 0.0, "postgres": 0.0}
    return Level(
        runs, p50, p99, 1.0, cpu=cpu | {"upstream": 0.1, "load": 0.1, "others": 0.0}, tokens_a_second=tokens, **more
    )


def findings(*series: Series, **more) -> Findings:
    return Findings(1000, series=list(series), **more)


def measured(found: Findings, against: str, what: str) -> targets.Target:
    return next(t for t in targets.judge(found) if t.against == against and what in t.what)


# -- arrivals -------------------------------------------------------------------------------------


def test_a_token_whose_stamp_is_cut_in_two_arrives_with_the_second_half():
    wrong, arrivals = arrivals_in([(10.0, b"w1@9.900000 w2@9.9"), (10.5, b"50000 ")])
    assert wrong == 0
    assert arrivals == [(10.0, pytest.approx(0.1)), (10.5, pytest.approx(0.55))]


@pytest.mark.parametrize("text", [b"w1@1.000000 w3@1.000000 ", b"w1@1.000000 w1@1.000000 ", b"w2@1.000000 "])
def test_gaps_and_doubles_are_counted(text):
    wrong, _ = arrivals_in([(2.0, text)])
    assert wrong == 1


def test_only_what_arrives_in_the_window_counts():
    arrivals = [[(0.5, 9.0), (1.0, 0.1)], [(1.5, 0.2), (2.0, 9.0)]]
    assert summary(arrivals, 1.0, 2.0) == {"tokens": 2, "p50": 0.2, "p99": 0.2}


# -- levels ---------------------------------------------------------------------------------------


def test_the_median_of_a_series_is_that_of_each_figure():
    series = Series("any", 100, [level(100, 50, p99=0.3), level(100, 90, p99=0.1), level(100, 70, p99=0.2)])
    assert (round(series.median.micros_a_token), series.median.p99) == (70, 0.2)
    assert [round(micros) for micros in series.micros] == [50, 70, 90]


def test_a_series_that_mostly_broke_down_did_not_hold():
    series = Series("any", 100, [Level(100, failure="refused"), level(100), Level(100, failure="refused")])
    assert series.median.failure == "refused"
    assert not series.median.holds


def test_one_gap_in_one_window_spoils_the_whole_series():
    series = Series("any", 100, [level(100), level(100), level(100, wrong=1)])
    assert not series.median.holds


def test_the_search_climbs_until_a_level_fails_twice():
    tried = []

    def try_level(runs: int) -> Level:
        tried.append(runs)
        unlucky = runs == 500 and tried.count(500) == 1
        return level(runs, p99=0.9 if runs > 750 or unlucky else 0.1)

    assert highest(try_level, level(250), [250, 500, 750, 1000, 1500]).runs == 750
    assert tried == [500, 500, 750, 1000, 1000]


def test_the_search_descends_if_nothing_is_known_to_hold():
    assert highest(lambda runs: level(runs, p99=0.1 if runs <= 20 else 0.9), None, [10, 20, 30]).runs == 20
    assert highest(lambda runs: level(runs, p99=0.9), None, [10, 20]) is None


# -- targets --------------------------------------------------------------------------------------


def test_a_target_is_met_by_what_was_measured_and_by_nothing_else():
    ours, theirs = Series(targets.CHATAPP, 1000, [level(1000, 50)]), Series(targets.IN_MEMORY, 1000, [level(1000, 40)])
    target = measured(findings(ours, theirs), targets.IN_MEMORY, "CPU per token")
    assert (target.measured, target.is_met) == (pytest.approx(1.25), False)
    theirs.levels = [level(1000, 45)]
    assert measured(findings(ours, theirs), targets.IN_MEMORY, "CPU per token").is_met
    assert measured(findings(ours), targets.IN_MEMORY, "CPU per token").verdict == "not measured"


def test_the_plain_way_is_compared_at_its_best():
    ours = Series(targets.CHATAPP, 1000, [level(1000, 50)])
    plain = Series(f"{targets.NAIVE}, uvicorn", 10, [level(10, 4000)])
    other = Series(f"{targets.NAIVE}, one event loop, uvicorn", 40, [level(40, 1500)])
    overloaded = Series(f"{targets.NAIVE}, one event loop, uvicorn", 90, [level(90, 900, p99=2.0)])
    found = findings(ours, plain, other, overloaded)
    assert measured(found, targets.NAIVE, "CPU per token").measured == pytest.approx(30)
    best = Highest(f"{targets.NAIVE}, one event loop, uvicorn", level(60), "")
    found.highest = [Highest(targets.CHATAPP, level(1500), ""), best]
    assert measured(found, targets.NAIVE, "most runs").measured == 25
    assert measured(found, targets.NAIVE, "most runs").is_met


def test_added_latency_is_what_the_direct_reader_does_not_have():
    ours = Series(targets.CHATAPP, 500, [level(500, p50=0.009, p99=0.060)])
    direct = Series(targets.DIRECT, 500, [level(500, 0, p50=0.001, p99=0.005)])
    found = findings(ours, direct)
    assert measured(found, targets.DIRECT, "p50").measured == pytest.approx(8)
    assert measured(found, targets.DIRECT, "runs, p99").verdict == "**not met**"


def test_what_broke_down_is_not_measured():
    found = findings(Series(targets.CHATAPP, 1000, [Level(1000, failure="refused")]))
    assert {target.is_met for target in targets.judge(found)} == {None}


# -- the page -------------------------------------------------------------------------------------


def test_the_page_keeps_what_people_wrote(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "PAGE", tmp_path / "page.md")
    report.PAGE.write_text(f"Before.\n{report.BEGIN}\nold\n{report.END}\nAfter.\n")
    report.write_page("new")
    assert report.PAGE.read_text() == f"Before.\n{report.BEGIN}\n\nnew\n\n{report.END}\nAfter.\n"


def test_the_tables_say_what_was_found_and_what_was_not():
    ours = Series(targets.CHATAPP, 1000, [level(1000, 51.4), Level(1000, failure="refused"), level(1000, 48.6)])
    found = findings(ours, memory=Memory(1000, worker=40 * 1024, web=31 * 1024))
    rows = report.targets_table(targets.judge(found)).splitlines()
    assert "| memory | per run, in the worker | ≤ 60 KB | 40 KB | met |" in rows
    assert "| memory | per follower, in the web process | ≤ 30 KB | 31 KB | **not met** |" in rows
    assert "| replay | 100,000 events: all | ≤ 300 ms | – | not measured |" in rows
    assert "| chatapp, uvicorn, SSE | 1,000 | 3 | 50 | 49–51 |" in report.levels_table(found.series)
