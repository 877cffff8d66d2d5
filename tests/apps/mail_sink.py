"""An SMTP server that delivers to standard output: one mail a line, as JSON.

    python mail_sink.py PORT
"""

import asyncio
import json
import sys
from email import message_from_bytes, policy


class Sink:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        texts = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        line = {
            "to": envelope.rcpt_tos,
            "from": str(mail["From"]),
            "subject": str(mail["Subject"]),
            "text": texts.get("text/plain", ""),
            "html": texts.get("text/html", ""),
        }
        print(json.dumps(line), flush=True)
        return "250 OK"


async def main() -> None:
    from aiosmtpd.smtp import SMTP

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Sink(), enable_SMTPUTF8=True), "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
