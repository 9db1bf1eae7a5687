from gateway.spec.codex import INSTRUCTIONS, catalog_entry

MANDATORY = {
    "slug",
    "display_name",
    "supported_reasoning_levels",
    "shell_type",
    "visibility",
    "supported_in_api",
    "priority",
    "base_instructions",
    "support_verbosity",
    "truncation_policy",
    "experimental_supported_tools",
}
"""Without one of these Codex refuses a whole catalog."""


def test_an_entry_has_all_that_codex_insists_on_and_the_tool_for_patches() -> None:
    entry = catalog_entry("up/m", 1000)
    assert set(entry) == MANDATORY | {"apply_patch_tool_type", "context_window"}
    assert (entry["slug"], entry["context_window"], entry["apply_patch_tool_type"]) == ("up/m", 1000, "freeform")


def test_an_unknown_window_is_left_out() -> None:
    assert "context_window" not in catalog_entry("up/m", None)


def test_the_instructions_show_the_form_of_a_patch_and_stay_short() -> None:
    assert "\n*** Begin Patch\n*** Update File: " in INSTRUCTIONS
    assert len(INSTRUCTIONS) < 4000
