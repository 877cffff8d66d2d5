"""A mail server that does as it is told and prints what it gets.

Takes one argument, a JSON object:
  tls        "none" (default), "starttls" or "implicit", with cert and key: PEM files
  auth       [user, password] that are asked for
  rcpt       the answer to every recipient, such as "550 5.1.1 unknown"
  data       the answer to every message
  slow       "rcpt" or "data": the first answer there takes 30 s; the ones after it do not
  drop       true: the connection ends when the first message is there, without an answer
  closes     true: the connection ends after every message

Prints a line of JSON with its port, and one for each sign-in and each message.
"""

import asyncio
import json
import logging
import ssl
import sys
import warnings
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

told = json.loads(sys.argv[1])
once = {"slow", "drop"}


def say(**what):
    print(json.dumps(what), flush=True)


def first(what):
    """Whether this is the first time that `what` was to happen."""
    if what not in once:
        return False
    once.discard(what)
    return True


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if told.get("slow") == "rcpt" and first("slow"):
            await asyncio.sleep(30)
        if "rcpt" in told:
            return told["rcpt"].replace("ADDRESS", address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        say(
            peer=session.peer[1],
            tls=server.transport.get_extra_info("ssl_object") is not None,
            sender=envelope.mail_from,
            recipients=envelope.rcpt_tos,
            headers=[[name, str(value)] for name, value in mail.items()],
            parts=[[part.get_content_type(), part.get_content()] for part in mail.iter_parts()],
            raw=envelope.original_content.decode("ascii"),
        )
        if told.get("slow") == "data" and first("slow"):
            await asyncio.sleep(30)
        if told.get("drop") and first("drop"):
            server.transport.abort()
            return "451 never seen"
        if told.get("closes"):
            asyncio.get_running_loop().call_later(0.05, server.transport.close)
        return told.get("data", "250 2.0.0 taken")


def sign_in(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and [data.login.decode(), data.password.decode()] == told["auth"]
    say(sign_in=mechanism, good=good, tls=server.transport.get_extra_info("ssl_object") is not None)
    return AuthResult(success=good, handled=good)


async def main():
    how = told.get("tls", "none")
    context = None
    if how != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(told["cert"], told["key"])

    def server():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if how == "starttls" else None,
            require_starttls=how == "starttls",
            authenticator=sign_in if "auth" in told else None,
            auth_required="auth" in told,
            auth_require_tls=False,
            auth_exclude_mechanism=[] if "auth" in told else ["PLAIN", "LOGIN"],
        )

    listening = await asyncio.get_running_loop().create_server(
        server, "127.0.0.1", 0, ssl=context if how == "implicit" else None
    )
    say(port=listening.sockets[0].getsockname()[1])
    await listening.serve_forever()


# It warns of what these tests do on purpose.
logging.disable()
warnings.simplefilter("ignore")
asyncio.run(main())
