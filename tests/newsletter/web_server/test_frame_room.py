from newsletter.web_server.frame_room import with_frame_room


def test_an_app_is_called_as_it_is() -> None:
    assert with_frame_room(lambda *args: args)("environ", "start") == ("environ", "start")
