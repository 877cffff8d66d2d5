"""Plivo's own SDK: sends what it is told to a recorder, and signs what it is given."""

import json
import sys

import plivo
import plivo.rest.client
from plivo.utils.signature_v3 import construct_get_url, construct_post_url, get_signature_v3


def argument(field):
    """The SDK's name of a field of the API."""
    return field + "_" if field in ("from", "to", "type") else field


def create(told):
    plivo.rest.client.PLIVO_API_BASE_URI = plivo.rest.client.API_VOICE_BASE_URI = told["base"] + "/v1/Account"
    client = plivo.RestClient(told["auth_id"], told["auth_token"])
    arguments = {argument(field): value for field, value in told["fields"].items()}
    getattr(client, told["resource"]).create(**arguments)


def sign(told):
    form = {}
    for name, value in told["form"]:
        form.setdefault(name, []).append(value)
    construct = construct_get_url if told["method"] == "GET" else construct_post_url
    text = construct(told["url"], form).decode("utf-8")
    return get_signature_v3(told["token"].encode(), text, told["nonce"]).decode()


told = json.load(sys.stdin)
for request in told.get("create", []):
    create(request)
json.dump([sign(one) for one in told.get("sign", [])], sys.stdout)
