"""What MessageBird's own SDK does, as JSON: the requests that it makes, and the tokens that it takes."""
import hashlib
import json
import random
import string
import sys
import time
import uuid

import jwt
import messagebird.client
from messagebird.request_validator import RequestValidator


def requests(asked):
    """Sends a text message and a call: the recorder sees them in this order."""
    messagebird.client.ENDPOINT = asked['url']
    client = messagebird.client.Client('hunter2hunter2')
    client.message_create('Shop', ['60123456789'], asked['text'], {
        'type': 'sms', 'reference': asked['refs'][0], 'reportUrl': asked['receipts'][0], 'validity': 300,
        'datacoding': 'plain'})
    client.voice_message_create(['60123456789'], asked['speech'], {
        'language': 'en-us', 'repeat': 2, 'ifMachine': 'hangup', 'reference': asked['refs'][1],
        'reportUrl': asked['receipts'][1]})


def text(most):
    return ''.join(random.choices(string.ascii_letters + string.digits + '-._~', k=random.randint(0, most)))


def tokens(asked):
    """Receipts with random queries and bodies, whose tokens the SDK takes."""
    out = []
    for number in range(asked['count']):
        query = f'id={uuid.uuid4().hex}&reference={asked["ref"]}&status=delivered&x={text(40)}%20{text(9)}&price[amount]=0.1'
        body = '' if number % 2 else json.dumps({'text': text(80)})
        now = int(time.time())
        claims = {
            'iss': 'MessageBird', 'nbf': now, 'exp': now + 60, 'jti': str(uuid.uuid4()),
            'url_hash': hashlib.sha256((asked['base'] + query).encode()).hexdigest(),
        }
        if body:
            claims['payload_hash'] = hashlib.sha256(body.encode()).hexdigest()
        token = jwt.encode(claims, asked['key'], algorithm=['HS256', 'HS384', 'HS512'][number % 3])
        RequestValidator(asked['key']).validate_signature(token, asked['base'] + query, body.encode())
        out.append({'token': token, 'query': query, 'body': body})
    return out


asked = json.load(sys.stdin)
json.dump(globals()[asked['do']](asked), sys.stdout)
