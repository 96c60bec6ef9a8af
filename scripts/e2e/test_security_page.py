"""docs/security.md names the test that holds each promise: each of them exists."""

import re

from places import REPOSITORY


def names_of_tests():
    """Suites and functions of the Swift tests, Python tests, and files of tests and scripts."""
    found = set()
    for path in REPOSITORY.glob("Tests/**/*.swift"):
        text = path.read_text()
        suites = re.findall(r"(?:struct|class|enum|extension) (\w+)", text)
        found.update(suites)
        found.update(f"{suite}.{name}" for suite in suites for name in re.findall(r"func (\w+)", text))
    for path in REPOSITORY.glob("scripts/e2e/test_*.py"):
        found.add(path.name)
        found.update(re.findall(r"^def (test_\w+)", path.read_text(), re.M))
    found.update(path.name for path in REPOSITORY.glob("web/tests/*.test.js"))
    found.update(f"scripts/{path.name}" for path in REPOSITORY.glob("scripts/*") if path.is_file())
    return found


def test_every_test_that_the_security_page_names_exists():
    rows = [line.strip("|").split("|") for line in (REPOSITORY / "docs" / "security.md").read_text().splitlines()
            if re.match(r"\| [0-9]+\.[0-9]+", line)]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row[2])}
    assert len(rows) > 40 and len(named) > 20
    assert sorted(named - names_of_tests()) == []
