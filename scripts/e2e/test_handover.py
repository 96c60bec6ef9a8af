"""What a viewer sees and hears across hand-overs (design §5; I2, I3)."""

import signal

import pytest

import clips
import judge
from recording import Recording, SegmentReader, watch_for
from test_queue import three_in_line
from test_queue_api import Machine
from waiting import wait_until


def all_ready(server, count):
    wait_until(lambda: [entry["ready"] for entry in server.view()["entries"]] == [True] * count, f"{count} DJs ready")


def show(server, name, seconds=4):
    """Waits until `name` is on air in the output and lets them play."""
    server.wait_for_on_air(name)
    watch_for(seconds)


def colours_in_order(pictures):
    """The runs' colours without those shorter than three pictures, which a decoder at a join may blur."""
    order = []
    for run in judge.runs(pictures):
        if run.count >= 3 and (not order or order[-1] != run.colour):
            order.append(run.colour)
    return order


def report(title, pictures, packets):
    """Prints the measured joins; they go into the closing notes."""
    for old, new, at, gap in judge.hand_over_gaps(pictures):
        audio = max((hole for time, hole in judge.audio_gaps(packets) if abs(time - at) < 1.5), key=abs, default=0)
        print(f"\n{title}: {old} -> {new} at {at:.3f} s: {gap * 1000:.0f} ms between pictures, "
              f"largest sound gap near it {audio * 1000:.1f} ms", end="")
    print()


def test_each_dj_is_seen_and_heard_in_turn_between_slates(server, publish, folder, ended_later):
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    reader = ended_later(SegmentReader(server.playlist))
    watch_for(5)
    _, publishers = three_in_line(server, publish)
    all_ready(server, 3)
    for name, publisher in zip(("DJ A", "DJ B", "DJ C"), publishers):
        show(server, name)
        publisher.stop()
    server.wait_for_queue()
    # The delay line plays out, then the slate is cut into segments.
    server.wait_for_on_air(None)
    reader.wait_for_segments(3)
    reader.stop()
    file = viewer.stop()

    pictures, packets = judge.pictures(file), judge.packets(file)
    report("same format", pictures, packets)
    assert colours_in_order(pictures) == ["other", "red", "green", "blue", "other"]
    assert judge.backward_steps(packets) == []
    assert judge.picture_gaps(pictures, 2 / 25 + 0.005) == [], "I3: at most one picture is missing at a join"
    assert all(abs(gap) <= 1024 / 48_000 + 0.002 for _, gap in judge.audio_gaps(packets)), "I3: at most one audio frame"

    sounds = judge.sounds(file)
    firsts = [judge.heard(sounds, clip.tone)[0].time for clip in (clips.A, clips.B, clips.C)]
    assert firsts == sorted(firsts)
    for clip in (clips.A, clips.B, clips.C):
        seen = [picture.time for picture in pictures if picture.colour == clip.colour]
        heard = judge.heard(sounds, clip.tone)
        assert abs(heard[0].time - seen[0]) < 0.25 and abs(heard[-1].time - seen[-1]) < 0.35, f"{clip.name}: sound with picture"
    assert judge.decode_complaints(file) == ""

    numbers = [number for number, _ in reader.playlists]
    assert numbers == sorted(numbers), "I7"
    assert reader.problems == []


def test_other_sizes_and_rates_follow_with_one_discontinuity_each(server, publish, folder, ended_later):
    first, second = server.make_dj("DJ A"), server.make_dj("DJ Tall")
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    reader = ended_later(SegmentReader(server.playlist))
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    publish(server, second, clips.TALL_B_FRAMES)
    server.wait_for_queue("DJ A", "DJ Tall")
    all_ready(server, 2)
    show(server, "DJ A")
    a.stop()
    show(server, "DJ Tall")
    reader.wait_for_segments(2)
    segments = reader.stop()
    file = viewer.stop()

    pictures, packets = judge.pictures(file), judge.packets(file)
    report("360p25 -> 720p30 with B-frames", pictures, packets)
    assert colours_in_order(pictures)[-2:] == ["red", "green"]
    assert judge.backward_steps(packets) == []
    assert judge.picture_gaps(pictures, 2 / 25 + 0.005) == []
    # A new init section stands behind a discontinuity and nowhere else.
    for before, after in zip(segments, segments[1:]):
        assert (before.init_uri != after.init_uri) <= after.discontinuity
    runs = reader.write_runs(folder)
    assert len(runs) >= 3
    for run in runs:
        assert judge.backward_steps(judge.packets(run)) == []
        assert judge.decode_complaints(run) == ""


def test_a_dj_who_vanishes_is_covered_and_the_programme_goes_on(server, publish, folder, ended_later):
    first, second = server.make_dj("DJ A"), server.make_dj("DJ B")
    server.run("queue", "set", "graceOnAir=3s")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    publish(server, second, clips.B)
    server.wait_for_queue("DJ A", "DJ B")
    all_ready(server, 2)
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    reader = ended_later(SegmentReader(server.playlist))
    show(server, "DJ A")
    a.vanish()
    server.wait_for_queue("DJ B", timeout=15)
    show(server, "DJ B")
    reader.wait_for_segments(2)
    file = viewer.stop()
    pictures = judge.pictures(file)
    report("dropped", pictures, judge.packets(file))
    order = colours_in_order(pictures)
    assert order[-1] == "green" and "red" in order
    assert judge.picture_gaps(pictures, 0.2) == [], "never dark"
    assert judge.backward_steps(judge.packets(file)) == []


def test_cd_rate_sound_is_taken_or_refused_with_a_reason(server, publish, folder, ended_later):
    """44.1 kHz: in the envelope it goes out as it came; else the DJ is told why."""
    dj = server.make_dj("DJ C")
    publish(server, dj, clips.CD_RATE)
    server.wait_for_queue("DJ C")
    entry = wait_until(
        lambda: next((entry for entry in server.whole_view()["entries"] if entry["ready"] or "44" in " ".join(entry["missing"])), None),
        "44.1 kHz to be judged")
    if not entry["ready"]:
        print(f"\n44.1 kHz: {entry['missing']}")
        return
    reader = ended_later(SegmentReader(server.playlist))
    show(server, "DJ C")
    reader.wait_for_segments(3)
    reader.stop()
    # Not ffmpeg's recording: it keeps the first audio configuration across init sections (design §5, Formats).
    last = reader.write_runs(folder)[-1]
    sounds = judge.sounds(last)
    assert len(judge.heard(sounds[-20:], clips.CD_RATE.tone)) >= 18
    assert judge.backward_steps(judge.packets(last)) == []


@pytest.mark.parametrize("delay", [0, 1])
def test_other_programme_delays_hand_over_too(make_server, publish, folder, ended_later, delay):
    server = make_server(LINEUP_PROGRAMME_DELAY=delay)
    first, second = server.make_dj("DJ A"), server.make_dj("DJ B")
    a = publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    publish(server, second, clips.B)
    server.wait_for_queue("DJ A", "DJ B")
    all_ready(server, 2)
    reader = ended_later(SegmentReader(server.playlist))
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    show(server, "DJ A", 3)
    a.stop()
    show(server, "DJ B", 3)
    reader.wait_for_segments(1)
    file = viewer.stop()
    pictures, packets = judge.pictures(file), judge.packets(file)
    report(f"delay {delay} s", pictures, packets)
    assert colours_in_order(pictures)[-1] == "green"
    assert judge.backward_steps(packets) == []
    assert judge.picture_gaps(pictures, 0.25) == []


def test_another_delay_holds_from_the_next_join_and_bears_what_it_should(make_server, publish, folder, ended_later):
    server = make_server(LINEUP_PROGRAMME_DELAY=1)
    first, second = server.make_dj("DJ A"), server.make_dj("DJ B")
    publish(server, first, clips.A)
    server.wait_for_on_air("DJ A")
    encoder = publish(server, second, clips.B)
    server.wait_for_queue("DJ A", "DJ B")
    all_ready(server, 2)
    viewer = ended_later(Recording(server.playlist, folder / "programme.ts"))
    show(server, "DJ A", 3)
    refused = server.run("queue", "set", "programmeDelay=31", check=False)
    assert refused.returncode != 0 and "programmeDelay must be 0 to 30 s" in refused.stderr
    server.run("channel", "set", "main", "programmeDelay=6s")
    # Longer than the old delay and the patience together: who is on air goes on as before.
    show(server, "DJ A", 8)
    server.run("queue", "skip")
    show(server, "DJ B", 3)
    encoder.process.send_signal(signal.SIGSTOP)
    watch_for(4)
    encoder.process.send_signal(signal.SIGCONT)
    watch_for(12)
    file = viewer.stop()
    pictures, packets = judge.pictures(file), judge.packets(file)
    report("delay 1 s, then 6 s", pictures, packets)
    assert colours_in_order(pictures)[-2:] == ["red", "green"], "neither the change nor a stall of 4 s is seen"
    assert judge.backward_steps(packets) == []
    assert judge.picture_gaps(pictures, 2 / 25 + 0.005) == []
    # The setting outlives the server.
    server.stop()
    server.start()
    settings = Machine(server).call("GET", "/api/v1/channels/main/queue").json()["settings"]
    assert settings["output"]["programmeDelay"] == "6s"
