"""What can go wrong between a request and its response.

TransportError
├── ConnectError          no connection could be made
├── ProxyMisconfigured    the environment names a proxy that cannot be one
├── ReadTimeout           nothing was received for too long
├── ResponseTooLarge      more was received than a response may have
└── ProtocolError         the connection ended too early, or what was received is not HTTP
    └── ServerDisconnected    a reused connection ended before the first byte of the response
"""


class TransportError(Exception):
    """A request got no complete response."""


class ConnectError(TransportError):
    """No connection could be made."""


class ProxyMisconfigured(TransportError):
    """The environment names a proxy that cannot be one. The text names the variable."""


class ReadTimeout(TransportError):
    """Nothing was received for too long."""


class ResponseTooLarge(TransportError):
    """More was received than a response may have."""


class ProtocolError(TransportError):
    """The connection ended too early, or what was received is not HTTP."""


class ServerDisconnected(ProtocolError):
    """A reused connection ended after a request was sent over it and before the first byte of the response.

    The server may have received the request or not.
    """
