import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.benchmarks", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


def test_a_benchmark_says_one_line_of_json_on_standard_output() -> None:
    done = run("--only", "rescore", "--scale", "0.001")

    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert list(line) == ["bench", "value", "unit", "target", "ok", "peak_mb", "note", "missed"]
    assert (line["bench"], line["unit"], line["target"]) == ("rescore", "s", 2)
    assert line["value"] >= 0
    assert line["ok"] is (line["value"] <= 2)
    assert 10 < line["peak_mb"] < 1000
    assert "50 papers" in line["note"]
    assert "rescore" in done.stderr, "no progress was shown"


def test_a_benchmark_that_is_not_there_is_named_with_those_that_are() -> None:
    done = run("--only", "nothing")

    assert (done.returncode, done.stdout) == (2, "")
    assert "“nothing”" in done.stderr
    assert "papers" in done.stderr
