"""The checks of what `post_message` is given, with Electron's texts."""

from typing import Any

from webipc.channels.emitter import UNSET
from webipc.core.values import undefined
from webipc.electron.message_port_main import MessagePortMain, TransferError, refuse_unusable


def checked_message(channel: Any, message: Any) -> Any:
    """Return the message of `post_message`; raises TypeError with Electron's text when something is missing."""
    if channel is UNSET or message is UNSET:
        raise TypeError("Insufficient number of arguments.")
    if not isinstance(channel, str):
        raise conversion_failure(0, channel)
    return message


def checked_ports(transfer: Any) -> list[MessagePortMain]:
    """Return the ports of `post_message`. Raises TransferError: `Invalid value for transfer`, and what ports raise."""
    if transfer is UNSET or transfer is undefined:
        return []
    if not isinstance(transfer, list | tuple) or not all(isinstance(port, MessagePortMain) for port in transfer):
        raise TransferError("Invalid value for transfer")
    refuse_unusable(transfer)
    return list(transfer)


def conversion_failure(index: int, value: object) -> TypeError:
    """Return Electron's error for an argument of the wrong type."""
    return TypeError(f"Error processing argument at index {index}, conversion failure from {_as_javascript(value)}")


def _as_javascript(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
