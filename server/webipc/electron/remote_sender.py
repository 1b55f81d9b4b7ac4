"""`RemoteSender`: a document at another worker that has used `sendTo`, as the application's policy sees it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteSender:
    """What is known of it. It is no WebFrameMain: a policy that reads anything else raises, and that allows nothing."""

    # Which browser it is in, and the identity of its user; None for nobody.
    principal: str
    identity: str | None
    # The `Origin` that the browser sent.
    origin: str
    # Random, unique for the document.
    frame_token: str
    # The id of its tab, and whether it is the main document of it.
    web_contents_id: int
    is_main_frame: bool
