"""The page of each provider: what it must say, and its example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from orgscope_kit.ask.spec import from_mapping, read
from orgscope_kit.desk.cli import app
from orgscope_kit.providers import named, page
from orgscope_kit.providers.registry import BUILT_IN

SECTIONS = ["Keys", "Example", "How it asks and reads", "Where it is mended", "What it cannot tell"]


def example(name: str) -> str:
    """The one investigation of a page."""
    (text,) = re.findall(r"```yaml\n(.*?)```", page(name), re.DOTALL)
    return str(text)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_page_has_its_sections(name: str) -> None:
    """Every page says the same things in the same order, and names each key of its provider."""
    text = page(name)
    assert SECTIONS == re.findall(r"^## (.*)$", text, re.MULTILINE)
    keys = text.partition("## Keys")[2].partition("## Example")[0]
    assert not {key for key in named(name).org_keys if f"`{key}`" not in keys}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_example_is_accepted_and_freezes(name: str, tmp_path: Path) -> None:
    """`ask.spec` takes the example without a warning about the provider, and its frozen form makes an equal Spec."""
    path = tmp_path / f"{name}.yaml"
    path.write_text(example(name), "utf-8")
    draft = read(path)
    assert draft.spec is not None, draft.problems
    assert name == draft.spec.provider
    assert [] == [str(each) for each in draft.problems if "shared by" not in each.what]
    again = from_mapping(draft.spec.frozen, source=path)
    assert draft.spec == again.spec
    assert draft.spec.digest() == again.spec.digest()


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_check_accepts_the_example(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`orgscope check` finds nothing wrong once the variables are set."""
    for variable in re.findall(r"env: (\w+)", example(name)):
        monkeypatch.setenv(variable, f"secret of {variable}")
    path = tmp_path / f"{name}.yaml"
    path.write_text(example(name), "utf-8")
    done = CliRunner().invoke(app, ["check", str(path)])
    assert 0 == done.exit_code, done.output


def test_check_says_what_the_provider_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A need is printed in words, with its place and its fix."""
    monkeypatch.setenv("CONTOSO_SECRET", "secret-of-contoso")
    data = yaml.safe_load(example("entra"))
    data["scopes"] = ["User.Read"]
    path = tmp_path / "entra.yaml"
    path.write_text(yaml.safe_dump(data), "utf-8")
    done = CliRunner().invoke(app, ["check", str(path)])
    assert 0 == done.exit_code
    assert "'User.Read' has no meaning with client credentials here" in " ".join(done.output.split())


def test_settings_are_kept_in_the_frozen_form() -> None:
    """What only the provider knows is on the org, and in what a run freezes."""
    org = {"realm": "acme", "base_url": "https://sso.example", "client_id": "me", "auth_method": "none"}
    spec = from_mapping({"provider": "keycloak", "scopes": "a", "orgs": {"acme": org}}).spec
    assert spec is not None
    assert {"base_url": "https://sso.example", "realm": "acme"} == spec.orgs[0].settings
    assert "acme" == spec.frozen["orgs"]["acme"]["realm"]
