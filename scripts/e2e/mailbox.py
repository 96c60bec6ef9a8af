"""A local mail server that keeps what it is given, and picks links out of mails."""

import email
import queue
import re
from email import policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    """Takes mails on a free port of 127.0.0.1, from `lineup` with the password `secret`."""

    def __init__(self, password="secret"):
        self.mails = queue.Queue()
        self.password = password
        mailbox = self

        class Local(Controller):
            def factory(self):
                return SMTP(mailbox, auth_require_tls=False, auth_required=True, authenticator=mailbox.authenticate)

            def _trigger_server(self):
                # It connects once to see that it listens: to the port that the kernel chose.
                self.port = self.server.sockets[0].getsockname()[1]
                super()._trigger_server()

        self.controller = Local(self, hostname="127.0.0.1", port=0)
        self.controller.start()
        self.port = self.controller.port

    def authenticate(self, server, session, envelope, mechanism, data):
        return AuthResult(success=data.login == b"lineup" and data.password == self.password.encode())

    async def handle_DATA(self, server, session, envelope):
        self.mails.put((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=policy.default)))
        return "250 taken"

    def next(self, timeout=30):
        """(recipients, message) of the next mail."""
        return self.mails.get(timeout=timeout)

    def link(self, kind, timeout=30):
        """(recipient, address) of the next mail with such a link."""
        to, message = self.next(timeout)
        text = message.get_content()
        return to[0], re.search(rf"https?://\S+#{kind}=[a-z2-7]{{52}}", text).group()

    def stop(self):
        self.controller.stop()
