"""What a member is to the rules, beside its shape."""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """The part that a member plays in rules about several; rules ask for roles, not for names."""

    REQUEST_SIGNATURE = "the algorithm by which the client signs its requests"
    RESPONSE_SIGNATURE = "the algorithm by which the server signs what it answers"
    ASSERTION_SIGNATURE = "the algorithm by which the client signs what authenticates it"
    REQUEST_ENCRYPTION = "the algorithm that encrypts the key of requests"
    RESPONSE_ENCRYPTION = "the algorithm that encrypts the key of answers"
    CONTENT_ENCRYPTION = "what encrypts under that key; NAME_enc stands beside NAME_alg"
    CERTIFICATE_SUBJECT = "the name by which a certificate is known (RFC 8705 2.1.2)"
    PAGE = "a page that a person is shown a link to (RFC 7591 5)"
    IMAGE = "an image that a person is shown (RFC 7591 5)"
    NAME = "a name that a person is shown (RFC 7591 5)"
    LOGOUT = "where the server tells the client that a session has ended"
