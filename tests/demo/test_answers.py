"""The sentences of the demo upstream."""

from gateway.demo import answers


def test_the_greeting_quotes_the_user_on_one_line() -> None:
    text = answers.greeting("good\nmorning " + "x" * 500)
    assert "“good morning" in text
    assert "…”" in text
    assert len(text) < 500


def test_the_greeting_needs_no_message() -> None:
    assert "“”" not in answers.greeting("")


def test_the_greeting_has_accents_and_an_emoji() -> None:
    assert {"à", "ï", "é", "🚀"} <= set(answers.greeting("hi"))


def test_images_are_counted_and_described() -> None:
    images = [{"url": "data:image/png;base64,AAAA", "detail": "low"}, {"url": "https://example.com/a.png"}]
    text = answers.about_images(images)
    assert "2 images" in text
    assert "1: image/png, a data URL of 26 characters, detail low" in text
    assert "2: https://example.com/a.png, detail auto" in text
    assert "an image" in answers.about_images(images[:1])


def test_results_are_told_and_clipped() -> None:
    text = answers.about_results([("get_weather", "18 °C"), ("get_time", "x" * 1000), ("ping", "")])
    assert "get_weather says: 18 °C." in text
    assert "ping says: nothing." in text
    assert len(text) < 500


def test_more_effort_means_more_thoughts() -> None:
    lengths = [len(answers.thoughts("Hi", effort, remembers=False)) for effort in ("low", "medium", "high")]
    assert lengths == sorted(set(lengths))


def test_remembered_thoughts_are_mentioned() -> None:
    assert "My earlier thoughts" in answers.thoughts("", None, remembers=True)
    assert "My earlier thoughts" not in answers.thoughts("", None, remembers=False)


def test_a_story_has_the_length_asked_for() -> None:
    assert len(answers.story(777)) == 777
    assert answers.story(0) == []
