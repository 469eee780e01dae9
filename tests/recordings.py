"""Where recorded feeds may lie: beside the project. Tests that use them are skipped where they are absent."""

from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
