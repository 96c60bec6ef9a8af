"""Measures hand-overs in real time with real encoders, in decoded output. Run by `scripts/bench-handover`."""
