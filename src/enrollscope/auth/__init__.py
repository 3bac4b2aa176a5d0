"""Who calls, and what they may do.

    caller.py        the verified caller, and `require`
    permissions.py   which permission each access to stored data needs
    guid.py          the one form in which tenants, users and applications are named
    jwk.py           JSON Web Keys as text and values; no cryptography
    keys.py          RSA keys: made, read, signing, verifying
    tokens.py        access tokens as text: bearer header, JOSE header, claims
    trust.py         which claims are believed: lifetime, issuer, audience, tenant, kind
    sources.py       where verification keys come from: the protocol, and keys read from text
    remote.py        verification keys of a real identity provider, by OpenID discovery
    remembered.py    a bounded memory of values that end
    verifier.py      `Authorization` header in, caller out
    development.py   the embedded issuer from outside: its names, documents and verifier
    issuer.py        the embedded issuer from inside: signs access tokens

`joserfc` is imported by `keys.py` alone and `httpx` by `remote.py` alone: each costs a tenth of a second to import, and
the service is to answer sooner than that.
"""
