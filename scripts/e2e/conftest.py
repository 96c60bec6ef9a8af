"""Fixtures: a fresh server a test, DJs, and everything ended afterwards."""

import logging
import os
import shutil

import pytest

import browser
import clips
from places import ALL_ARTEFACTS, ARTEFACTS, BINARY
from publishers import Encoder, Publisher
from server import Server

# It reports each refused connection while OBS is still coming up; who waits for OBS says so when it never does.
logging.getLogger("obsws_python").setLevel(logging.CRITICAL)


# What decodes or draws; two of one group at once take the machine's cores from each other, and from everything beside them.
HEAVY = {"obs": "obs", "browser": "pages", "player": "pages"}


def pytest_configure(config):
    """Empties the folder for what this run leaves, once for all workers."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(ALL_ARTEFACTS, ignore_errors=True)


def pytest_collection_modifyitems(config, items):
    _leave_out_extended(config, items)
    # First, and each group in one worker: the longest chains of the run, with the light ones beside them.
    items.sort(key=lambda item: not _group(item))
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))


def _group(item):
    return next((group for name, group in HEAVY.items() if item.get_closest_marker(name)), None)


def _leave_out_extended(config, items):
    """Leaves out what is marked `extended`, unless it was asked for (scripts/test --extended) or named on the command line."""
    if os.environ.get("LINEUP_E2E_EXTENDED") or any("::" in argument for argument in config.args):
        return
    left_out = [item for item in items if item.get_closest_marker("extended")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("extended")]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


@pytest.fixture(scope="session", autouse=True)
def artefacts():
    """The folder for what this run leaves."""
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS


@pytest.fixture
def folder(artefacts, request):
    """This test's own folder under the artefacts."""
    path = artefacts / request.node.name.replace("/", "-")
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def make_server(request, folder):
    """Makes servers with settings of the test's own; logs of failed tests are kept."""
    assert BINARY.exists(), f"{BINARY} is missing: build it first (swift build), or set LINEUP_BINARY"
    made = []

    def make(start=True, **settings):
        made.append(Server(**settings))
        return made[-1].start() if start else made[-1]

    yield make
    for number, server in enumerate(made):
        failed = any(getattr(request.node, "report_" + when, None) and getattr(request.node, "report_" + when).failed
                     for when in ("setup", "call"))
        if failed and server.log.exists():
            shutil.copy(server.log, folder / f"server-{number}.log")
        server.remove()


@pytest.fixture
def server(make_server):
    """A fresh server with defaults and a data folder of its own."""
    return make_server()


@pytest.fixture
def publish():
    """Publishes a clip with a DJ's key; ended with the test."""
    started = []

    def start(server, dj, clip=clips.A, reconnect=False):
        url = server.publish_url(dj.key)
        started.append(Encoder(url, clip) if reconnect else Publisher(url, clip))
        return started[-1]

    yield start
    for publisher in started:
        publisher.stop()


@pytest.fixture
def ended_later():
    """Things with a `stop`, stopped with the test, the last one first."""
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.stop()


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests of the pages."""
    with browser.chromium() as started:
        yield started


@pytest.fixture
def open_page(chromium):
    """Opens pages of a profile of their own; a page's script error or a violated policy fails the test."""
    pages = browser.Pages(chromium)
    yield pages.open
    pages.close()
    assert pages.errors == []
