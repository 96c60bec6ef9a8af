"""What several workers of the suite make once and share."""

import multiprocessing

import made


def slow_maker(folder, barrier, makers):
    made.CLIPS = folder

    def make(part):
        makers.put(1)
        with open(part, "wb") as file:
            for byte in b"whole":
                file.write(bytes([byte]))
                file.flush()

    barrier.wait(30)
    assert made.made_once("some.flv", make).read_bytes() == b"whole"


def test_one_makes_what_several_ask_for_at_once(tmp_path):
    barrier, makers = multiprocessing.Barrier(8), multiprocessing.Queue()
    askers = [multiprocessing.Process(target=slow_maker, args=(tmp_path, barrier, makers)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)
    assert [asker.exitcode for asker in askers] == [0] * 8
    assert makers.get(timeout=5) == 1 and makers.empty()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["some.flv", "some.flv.lock"]


def test_a_maker_that_failed_leaves_nothing_that_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "CLIPS", tmp_path)

    def fails(part):
        part.write_bytes(b"half")
        raise ValueError("no disk")

    try:
        made.made_once("some.flv", fails)
    except ValueError:
        pass
    assert not (tmp_path / "some.flv").exists()
    assert made.made_once("some.flv", lambda part: part.write_bytes(b"whole")).read_bytes() == b"whole"
