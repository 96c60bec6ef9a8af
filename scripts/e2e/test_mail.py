"""Mails over real TLS: STARTTLS and TLS from the first byte, and what is refused."""

import re

import pytest

from certificates import Authority
from mailbox import Mailbox
from test_people import Person
from waiting import wait_until


def mails(server, result):
    """How many mails went so, by the server's own count."""
    found = re.search(rf'^lineup_mails_total{{result="{result}"}} (\d+)', server.get("/metrics").text, re.M)
    return int(found.group(1)) if found else 0


def start(make_server, scheme, mailbox, authority):
    return make_server(LINEUP_SMTP_URL=f"{scheme}://lineup:secret@127.0.0.1:{mailbox.port}", LINEUP_MAIL_FROM="Lineup <lineup@example.org>",
                       LINEUP_PUBLIC_URL="http://127.0.0.1:1", LINEUP_SMTP_CA_FILE=authority.certificate)


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mails_go_out_over_tls_to_whom_the_authority_vouches_for(make_server, folder, ended_later, scheme):
    authority = Authority(folder)
    mailbox = ended_later(Mailbox(identity=authority.issue("127.0.0.1"), implicit=scheme == "smtps"))
    server = start(make_server, scheme, mailbox, authority)
    person = Person(server).sign_up()
    to, link = mailbox.link("verify")
    assert to == person.email and link.startswith("http://127.0.0.1:1/account#")
    assert mailbox.tried == [b"secret"]


@pytest.mark.parametrize("scheme, wrong", [("smtp", "authority"), ("smtps", "name")])
def test_nothing_is_said_to_a_mail_server_that_nobody_vouches_for(make_server, folder, ended_later, scheme, wrong):
    authority = Authority(folder)
    identity = Authority(folder, "Stranger").issue("127.0.0.1") if wrong == "authority" else authority.issue("127.0.0.9")
    mailbox = ended_later(Mailbox(identity=identity, implicit=scheme == "smtps"))
    server = start(make_server, scheme, mailbox, authority)
    person = Person(server).sign_up()
    assert person.call("GET", "/me").json()["account"], "a mail that cannot be sent does not keep anybody out"
    wait_until(lambda: mails(server, "failed") == 1, "the mail to be given up", 30)
    assert mailbox.tried == [] and mailbox.mails.empty(), "neither password nor mail"
