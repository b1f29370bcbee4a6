import base64
import hashlib
import hmac
import struct
import uuid
import zlib


def seal(key: bytes, value: bytes) -> str:
    body = struct.pack(">I", len(value)) + zlib.compress(value)
    tag = hmac.new(key, body, hashlib.sha256).digest()
    return f"{uuid.uuid4()}:{base64.urlsafe_b64encode(tag + body).decode()}"
