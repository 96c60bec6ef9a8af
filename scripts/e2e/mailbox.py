"""A local mail server that keeps what it is given, and picks links out of mails."""

import email
import queue
import re
import ssl
from email import policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    """Takes mails on a free port of 127.0.0.1, from `lineup` with the password `secret`.

    With `identity`, the files of a certificate and its key, only over TLS: after STARTTLS, or from the first byte with `implicit`.
    """

    def __init__(self, password="secret", identity=None, implicit=False):
        self.mails = queue.Queue()
        self.password = password
        # What was tried as the password, by whoever spoke to it.
        self.tried = []
        mailbox = self
        tls = None
        if identity:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*identity)
        after = tls if not implicit else None

        class Local(Controller):
            def factory(self):
                return SMTP(mailbox, auth_require_tls=after is not None, auth_required=True, authenticator=mailbox.authenticate,
                            tls_context=after, require_starttls=after is not None)

            def _trigger_server(self):
                # It connects once to see that it listens: to the port that the kernel chose.
                self.port = self.server.sockets[0].getsockname()[1]
                super()._trigger_server()

        self.controller = Local(self, hostname="127.0.0.1", port=0, ssl_context=tls if implicit else None)
        self.controller.start()
        self.port = self.controller.port

    def authenticate(self, server, session, envelope, mechanism, data):
        self.tried.append(data.password)
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
