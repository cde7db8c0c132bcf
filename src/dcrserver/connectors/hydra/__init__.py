"""Ory Hydra, told of clients by its admin API.

Which members it has is ``members``; what it would store and never do, ``judging``; a client in its
words and back, ``documents``; the calls, ``connector``.
"""
