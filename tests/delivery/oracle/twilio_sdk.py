"""Twilio's own SDK: sends what it is told to a recorder, and signs what it is given."""

import json
import re
import sys

from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client


class ToRecorder(TwilioHttpClient):
    """Sends to a recorder what is meant for Twilio."""

    def __init__(self, base):
        super().__init__()
        self.base = base

    def request(self, method, url, **more):
        return super().request(method, url.replace("https://api.twilio.com", self.base, 1), **more)


class Form(dict):
    """A form in which a name may have several values, as web frameworks hand it to the validator."""

    def getlist(self, name):
        return self[name]


def argument(field):
    """The SDK's name of a field of the API."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", field).lower()
    return "from_" if name == "from" else name


def create(told):
    client = Client(told["user"], told["password"], told["account"], http_client=ToRecorder(told["base"]))
    arguments = {argument(field): value for field, value in told["fields"].items()}
    getattr(client, told["resource"]).create(**arguments)


def sign(told):
    form = Form()
    for name, value in told["form"]:
        form.setdefault(name, []).append(value)
    return RequestValidator(told["token"]).compute_signature(told["url"], form, told["algorithm"])


told = json.load(sys.stdin)
for request in told.get("create", []):
    create(request)
json.dump([sign(one) for one in told.get("sign", [])], sys.stdout)
