from gateway.telemetry.labels import OTHER, Names


def test_known_names_are_always_admitted() -> None:
    names = Names({"a", "b"}.__contains__, most=0)
    assert [names.label(name) for name in ("a", "b", "c", "")] == ["a", "b", OTHER, ""]


def test_others_are_admitted_when_they_stand_for_something_and_only_so_many() -> None:
    names = Names(lambda _: False, most=2)
    assert names.label("a") == OTHER
    assert [names.label(name, is_proven=True) for name in ("a", "b", "c")] == ["a", "b", OTHER]
    assert names.label("a") == "a"


def test_what_is_no_name_is_not_admitted() -> None:
    names = Names(lambda _: False, most=9)
    for name in ('a"b', "a\nb", "a b", "x" * 129, "\u2028"):
        assert names.label(name, is_proven=True) == OTHER
