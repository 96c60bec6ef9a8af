"""Judges once more what `scripts/bench-handover --keep` left: `python -m handover.again FOLDER`."""

import json
import sys
from pathlib import Path

from handover.__main__ import drift, reference
from handover.djs import DJS
from handover.verdict import Verdict, spread
from handover.watcher import Replay


def main():
    folder = Path(sys.argv[1])
    references = {clip.colour: reference(clip) for clip in DJS}
    problems = []
    verdict = Verdict(DJS, references, lambda kind, text: problems.append((kind, text)), lambda join: None)
    replay = Replay(folder / "segments", verdict.decoder, lambda kind, text: problems.append((kind, text)))
    replay.stop()
    verdict.finish()
    counts = {}
    for kind, _ in problems:
        counts[kind] = counts.get(kind, 0) + 1
    report = verdict.report() | {
        "clock_drift": drift(list(replay.listed)), "problem_counts": counts,
        "audio_gaps_ms": spread([gap * 1000 for _, gap, _ in replay.audio_gaps]), "problems": problems[:100],
        "video_samples": replay.video_samples, "audio_samples": replay.audio_samples}
    (folder / "judged.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    for join in verdict.joins:
        print(f"{join.at:10.3f} {join.old:8} -> {join.new:8} {join.pictures:+.3f} pictures, number {join.first_number}")
    for slot in verdict.slots:
        offsets = [round(value * 1000) for _, value in slot.offsets]
        print(f"{slot.colour:8} {slot.first:9.3f}…{slot.last:9.3f} {slot.pictures} pictures, sound {offsets[:40]}")
    for problem in problems[:50]:
        print(*problem)


if __name__ == "__main__":
    main()
