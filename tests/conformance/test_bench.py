"""The figures of bench/clients."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

SPEC = importlib.util.spec_from_file_location("bench_clients", HERE.parents[1] / "bench/clients/run.py")
bench = importlib.util.module_from_spec(SPEC)
sys.modules["bench_clients"] = bench  # where dataclasses look
SPEC.loader.exec_module(bench)


@pytest.mark.parametrize(("count", "low", "high"), [(1, 0, 0), (5, 0, 4), (6, 0, 5), (10, 1, 8), (60, 21, 38)])
def test_the_interval_of_the_median_is_that_of_the_sign_test(count, low, high):
    values = list(range(count))
    random.Random(0).shuffle(values)
    assert bench.interval_of_median(values) == (low, high)


def test_a_row_tells_whether_a_client_costs_more_than_it_may():
    verdicts = {}
    for name, rates in {"equal": [100.0] * 20, "slow": [90.0] * 20, "noisy": [80.0, 120.0] * 10}.items():
        runner = bench.Runner(process=None)
        runner.rates = {"client": rates, "bare": [100.0] * 20}
        runner.latencies_ms = {"client": [*range(1, 101)], "bare": [1.0]}
        runner.cpu_s = {"client": 1.0, "bare": 0.001}
        row = runner.row(name)
        verdicts[name] = row[-1]
        assert row[5:9] == ("100.0", "1.0", "10.00", "1.00")
    assert verdicts == {"equal": "yes", "slow": "no", "noisy": "open"}
