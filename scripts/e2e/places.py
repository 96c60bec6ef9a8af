"""Where the suite finds and leaves things."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
# Under .build, which git ignores and `swift package clean` empties.
WORK = Path(os.environ.get("LINEUP_E2E_WORK", REPOSITORY / ".build" / "e2e"))
CLIPS = WORK / "clips"
# Logs, recordings and screenshots, kept for whoever looks after a failure; a folder each when several workers share a run.
ALL_ARTEFACTS = WORK / "artefacts"
ARTEFACTS = ALL_ARTEFACTS / os.environ.get("PYTEST_XDIST_WORKER", "")
# Pictures of the pages, beside the other logs of a run.
SCREENSHOTS = REPOSITORY / ".build" / "test-logs" / "screenshots"
BINARY = Path(os.environ.get("LINEUP_BINARY", REPOSITORY / ".build" / "debug" / "lineup"))
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
