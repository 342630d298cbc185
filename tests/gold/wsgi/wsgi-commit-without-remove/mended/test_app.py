def test_write_a_page(wiki):
    wiki.put("/start", "Hello.", content_type="text/plain", status=204)


def test_missing_page(wiki):
    wiki.get("/nowhere", status=404)


def test_read_a_page(wiki):
    assert wiki.get("/news").text == "None so far."
