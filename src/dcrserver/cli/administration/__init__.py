"""What commands ask for, of either kind: an operation of the administrators' API by its name.

``desks`` has the two who answer: the database (``answers``), and a server (``remote``). Both answer
with the JSON of the API, so that a command prints the same whoever was asked.
"""
