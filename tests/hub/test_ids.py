"""Which ids the tabs and documents of a hub have."""

import dataclasses

from tests.support.hubs import NOBODY, MakeHub, Socket, connect, hello, visitor


async def test_a_hub_numbers_its_tabs_and_documents_from_one(make_hub: MakeHub) -> None:
    for _ in range(2):
        hub = make_hub()
        documents = [connect(hub, "192.0.2.1").document for _ in range(3)]
        assert [document.tab.id for document in documents] == [1, 2, 3]
        assert [document.routing_id for document in documents] == [1, 2, 3]
        assert [document.frame_tree_node_id for document in documents] == [1, 2, 3]


async def test_a_document_in_an_iframe_has_a_frame_of_its_own_in_the_tab_of_its_parent(make_hub: MakeHub) -> None:
    hub = make_hub()
    main = connect(hub, "192.0.2.1")
    below = dataclasses.replace(hello(), parent=main.link_id)
    document = hub.attaches.attach(below, visitor("192.0.2.1"), NOBODY, Socket()).document
    assert (document.tab.id, document.routing_id, document.frame_tree_node_id) == (1, 2, 2)
    assert document.tab.frame_tree_node_id == 1
