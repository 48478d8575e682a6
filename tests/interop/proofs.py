"""What a client sends for each scheme, made with the standard library alone."""

import base64
import datetime
import hashlib
import os

import command

SCHEMES = ["basic", "wsse", "bearer"]


def basic(user, password):
    """RFC 7617, section 2."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def wsse(user, password):
    """A UsernameToken: base64(SHA-1(nonce, created, password)), the nonce in base64."""
    nonce = os.urandom(16)
    created = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()
    encoded = base64.b64encode(nonce).decode()
    token = f'UsernameToken Username="{user}", PasswordDigest="{digest}", Nonce="{encoded}", Created="{created}"'
    return {"Authorization": 'WSSE profile="UsernameToken"', "X-WSSE": token}


def bearer(state, user):
    """RFC 6750, section 2.1, with a token of the gateway's own issuer."""
    return {"Authorization": f"Bearer {command.token(state, user)}"}


def proof(scheme, gateway):
    """The fields that prove the demo user to `gateway`. New each time: a WSSE proof works once."""
    if scheme == "bearer":
        return bearer(gateway.state, gateway.user)
    make = {"basic": basic, "wsse": wsse}[scheme]
    return make(gateway.user, gateway.password)


def wrong_proof(scheme, gateway):
    """The same of somebody who does not know the secret."""
    if scheme == "bearer":
        head, claims, signature = command.token(gateway.state, gateway.user).split(".")
        other = ("A" if signature[0] != "A" else "B") + signature[1:]
        return {"Authorization": f"Bearer {head}.{claims}.{other}"}
    make = {"basic": basic, "wsse": wsse}[scheme]
    return make(gateway.user, gateway.password + "x")
