"""What an update carries, by the benchmark that measures it in full size."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[3] / "benchmarks" / "update.py"


def test_an_update_carries_one_second_moment_and_its_heads_whatever_the_gate() -> None:
    size = {"findings": 3, "films": 120, "wide": 48, "before": 300, "locked": 300}
    words = [word for name, value in size.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, BENCHMARK, *words, "--json"], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    moment = 5 * 48 * 49 // 2 * 8

    assert told["size"] == size
    assert [cost["gate"] for cost in told["costs"]] == ["new films", "locked set"]
    for cost in told["costs"]:
        assert cost["outcome"] == "passed"
        assert moment < cost["carried"] < 1.5 * moment
        assert cost["seconds"] > 0
