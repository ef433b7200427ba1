"""Providers are found by entry points: the kit's own, and those of other packages, broken ones among them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

from orgscope_kit import providers
from orgscope_kit.providers.registry import BUILT_IN, GROUP

ROOT = Path(__file__).parent.parent.parent
PLUGIN = """
from orgscope_kit.providers import OAuth2


class Acme(OAuth2):
    name = "acme"
    org_keys = frozenset({"shard", "org_id"})
    url_from = "`shard:`"
    has_org_parameter = True

    def complete(self, keys):
        return {"token_url": f"{keys['shard']}/api/v2/oauth/token"} if keys.get("shard") else {}
"""
MODULES = {
    "acme_provider": PLUGIN,
    "broken_provider": "raise RuntimeError('no such thing as a\\nplug-in')",
    "leaving_provider": "raise SystemExit(3)",
    "strange_provider": "class Strange:\n    name = 'strange'",
    "misnamed_provider": PLUGIN.replace('"acme"', '"other"'),
}
POINTS = """
[orgscope_kit.providers]
acme = acme_provider:Acme
broken = broken_provider:Broken
leaving = leaving_provider:Leaving
absent = no_such_module:Absent
strange = strange_provider:Strange
misnamed = misnamed_provider:Acme
oauth2 = broken_provider:Broken
"""


def install(folder: Path, name: str, points: str) -> None:
    """What an installed package leaves on ``sys.path``."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(points, "utf-8")


def outside(folder: Path, code: str) -> Any:
    """What ``code`` prints as JSON, in a Python that has the plug-ins installed."""
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text, "utf-8")
    install(folder, "acme_orgscope", POINTS)
    env = {**os.environ, "PYTHONPATH": str(folder)}
    script = textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=env, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_pyproject_declares_the_kits_own() -> None:
    """The entry points of the package are what the registry knows by itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert BUILT_IN == project["entry-points"][GROUP]
    assert set(BUILT_IN) <= set(providers.names())


def test_providers_are_loaded_when_they_are_named() -> None:
    """Importing the registry loads none but the default."""
    code = "import sys, orgscope_kit.providers; print([m for m in sys.modules if m.endswith(('.entra', '.okta'))])"
    assert "[]" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()


def test_provider_is_one_object() -> None:
    """It is made once, since it is asked for with every answer."""
    assert providers.named("okta") is providers.named("okta")


def test_plugin_runs_an_investigation_on_the_sandbox(tmp_path: Path) -> None:
    """A provider installed from outside gives the URL, asks, reads, and gets its verdict."""
    code = """
    import json, yaml
    from pathlib import Path
    from orgscope_kit.desk.sandbox import RunningSandbox
    from orgscope_kit.desk.investigation import load

    with RunningSandbox("story") as box:
        data = yaml.safe_load(Path(box.investigation_file).read_text("utf-8"))
        data["provider"] = "acme"
        for org in data["orgs"].values():
            org["shard"] = org.pop("token_url").removesuffix("/api/v2/oauth/token")
            del org["integration"], org["redirect_uri"]
        path = Path(box.investigation_file).with_name("acme.yaml")
        path.write_text(yaml.safe_dump(data), "utf-8")
        run = load(path).run_here(out=Path("runs"))
        print(json.dumps({name: [each.cause, list(each.scopes)] for name, each in run.diagnosis.items()}))
    """
    expected = {"primary": ["works", []], "secondary": ["scope_not_granted", ["integration:appfoundry:manage"]]}
    assert expected == outside(tmp_path, code)


def test_broken_plugins_are_problems_where_they_are_named(tmp_path: Path) -> None:
    """Each is told in words when an investigation names it, and disturbs nobody else; built-in names stay the kit's."""
    code = """
    import json
    from orgscope_kit.ask.spec import from_mapping
    from orgscope_kit import providers

    def said(provider):
        org = {"token_url": "https://auth.example/token", "client_id": "me", "auth_method": "none"}
        draft = from_mapping({"provider": provider, "scopes": "a", "orgs": {"one": {**org, "shard": "x", "odd": 1}}})
        return [str(each) for each in draft.problems]

    names = ("broken", "leaving", "absent", "strange", "misnamed")
    known = {"names": providers.names(), "oauth2": type(providers.named("oauth2")).__name__}
    print(json.dumps({**{name: said(name) for name in names}, "unknown": said("oauth2"), **known}))
    """
    found = outside(tmp_path, code)
    words = {
        "broken": "cannot be loaded: RuntimeError: no such thing as a plug-in",
        "leaving": "cannot be loaded: SystemExit: 3",
        "absent": "cannot be loaded: ModuleNotFoundError",
        "strange": "is no subclass of orgscope_kit.providers.OAuth2",
        "misnamed": "calls itself 'other', not 'misnamed'",
    }
    for name, part in words.items():
        (problem,) = found[name]
        assert problem.startswith(f"investigation: provider: {name} {part}"), problem
        assert "Repair or uninstall the package" in problem
    assert any("`odd` is unknown" in each for each in found["unknown"])
    assert "OAuth2" == found["oauth2"]
    assert {*words, "acme", *BUILT_IN} == set(found["names"])


def test_two_packages_with_one_name(tmp_path: Path) -> None:
    """Nobody wins by the order of installation."""
    install(tmp_path, "second_orgscope", "[orgscope_kit.providers]\nacme = other_provider:Acme\n")
    code = """
    import json
    from orgscope_kit.ask.spec import from_mapping
    print(json.dumps([str(each) for each in from_mapping({"provider": "acme", "orgs": {}}).problems]))
    """
    (problem,) = outside(tmp_path, code)
    assert "acme is offered by several packages: " in problem
