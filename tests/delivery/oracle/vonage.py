"""What Vonage's own SDK does, as JSON: the requests that it makes, and the signatures that it makes and takes."""
import hashlib
import json
import random
import string
import sys
import time
import uuid

import jwt
from requests.adapters import HTTPAdapter
from vonage import Auth, HttpClientOptions, Vonage
from vonage_jwt import verify_signature
from vonage_messages import Sms as MessagesSms
from vonage_messages.models import SmsOptions
from vonage_sms import SmsMessage
from vonage_voice import CreateCallRequest, Phone, Talk, ToPhone


class Plain(HTTPAdapter):
    """The SDK insists on https; the recorder has none."""

    def send(self, request, **more):
        request.url = request.url.replace('https://', 'http://', 1)
        return super().send(request, **more)


def client(asked, **auth):
    host = asked['url'].removeprefix('http://')
    vonage = Vonage(Auth(**auth), HttpClientOptions(api_host=host, rest_host=host, max_retries=0))
    vonage.http_client._session.mount('https://', Plain())
    return vonage


def requests(asked):
    """Sends one message by each API: the recorder sees them in this order."""
    account = {'api_key': 'abcd1234', 'api_secret': 'hunter2hunter2'}
    application = {'application_id': 'app-1', 'private_key': asked['key']}
    client(asked, **account).sms.send(SmsMessage(
        to='60123456789', from_='Shop', text=asked['text'], type='text', ttl=300000,
        client_ref=asked['refs'][0], callback=asked['receipts'][0]))
    message = MessagesSms(
        to='60123456789', from_='Shop', text=asked['text'], ttl=300, client_ref=asked['refs'][1],
        webhook_url=asked['receipts'][1], webhook_version='v1', sms=SmsOptions(encoding_type='text'))
    client(asked, **application).messages.send(message)
    client(asked, **account).messages.send(message)
    client(asked, **application).voice.create_call(CreateCallRequest(
        to=[ToPhone(number='60123456789')], from_=Phone(number='60387654321'),
        ncco=[Talk(text=asked['speech'], language='en-US')], event_url=[asked['receipts'][2]], event_method='POST',
        machine_detection='hangup', length_timer=120, ringing_timer=60))


def text(most):
    letters = string.ascii_letters + string.digits + '&=_ +%;/?#@é€字' + "'\""
    return ''.join(random.choices(letters, k=random.randint(0, most)))


def signatures(asked):
    """Receipts of the SMS API with random values, signed in every mode."""
    out = []
    for number in range(asked['count']):
        params = {
            'msisdn': '60123456789', 'to': text(12), 'messageId': uuid.uuid4().hex, 'price': '0.0333',
            'status': random.choice(['delivered', 'failed', 'accepted']), 'err-code': str(random.randint(0, 99)),
            'api-key': 'abcd1234', 'client-ref': asked['ref'], 'timestamp': str(int(time.time())),
            'nonce': str(uuid.uuid4()), text(3).replace('&', '').replace('=', '') + 'x': text(40), 'text': text(200),
        }
        mode = ['md5hash', 'md5', 'sha1', 'sha256', 'sha512'][number % 5]
        if mode == 'md5hash':
            # The SDK has forgotten this one.
            line = ''.join(f'&{k}={params[k].replace("&", "_").replace("=", "_")}' for k in sorted(params))
            sig = hashlib.md5((line + asked['secret']).encode()).hexdigest()
        else:
            auth = Auth(api_key='abcd1234', signature_secret=asked['secret'], signature_method=mode)
            sig = auth.sign_params(dict(params))
            assert auth.check_signature(dict(params, sig=sig))
        out.append({'mode': mode, 'params': params, 'sig': random.choice([sig, sig.upper()])})
    return out


def tokens(asked):
    """Receipts with a token, which the SDK takes."""
    out = []
    for _ in range(asked['count']):
        body = json.dumps({
            'message_uuid': str(uuid.uuid4()), 'status': 'delivered', 'client_ref': asked['ref'], 'text': text(80),
        })
        token = jwt.encode({
            'iat': int(time.time()), 'jti': str(uuid.uuid4()), 'iss': 'Vonage', 'api_key': 'abcd1234',
            'application_id': 'app-1', 'payload_hash': hashlib.sha256(body.encode()).hexdigest(),
        }, asked['secret'], algorithm='HS256')
        assert verify_signature(token, asked['secret'])
        out.append({'token': token, 'body': body})
    return out


def accepts(asked):
    """Whether the SDK takes the signatures of requests."""
    auth = lambda mode: Auth(api_key='abcd1234', signature_secret=asked['secret'], signature_method=mode)
    return [auth(signed['mode']).check_signature(signed['params']) for signed in asked['signed']]


def claims(asked):
    """What tokens claim, once the public key has checked them."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    public = load_pem_private_key(asked['key'].encode(), None).public_key()
    read = lambda token: {
        'header': jwt.get_unverified_header(token), 'claims': jwt.decode(token, public, algorithms=['RS256'])}
    return [read(token) for token in asked['tokens']]


asked = json.load(sys.stdin)
json.dump(globals()[asked['do']](asked), sys.stdout)
