"""Which providers there are: the kit's own, and those of packages that declare them as entry points.

Nothing is imported before it is named, so that a plug-in that is broken breaks nobody else's investigation.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from ..errors import ProviderError
from .oauth2 import OAuth2

__all__ = ["BUILT_IN", "GROUP", "knowing", "named", "names"]

GROUP = "orgscope_kit.providers"

#: The kit's own, where each stands. pyproject declares the same; no plug-in takes their names.
BUILT_IN = {
    "appfoundry": "orgscope_kit.providers.appfoundry:AppFoundry",
    "auth0": "orgscope_kit.providers.auth0:Auth0",
    "entra": "orgscope_kit.providers.entra:Entra",
    "genesys": "orgscope_kit.providers.genesys:Genesys",
    "keycloak": "orgscope_kit.providers.keycloak:Keycloak",
    "oauth2": "orgscope_kit.providers.oauth2:OAuth2",
    "okta": "orgscope_kit.providers.okta:Okta",
    "salesforce": "orgscope_kit.providers.salesforce:Salesforce",
}


@cache
def _declared() -> dict[str, tuple[str, ...]]:
    """Where each provider stands, as ``module:Class``; several places where packages quarrel about a name."""
    found: dict[str, tuple[str, ...]] = {name: (place,) for name, place in BUILT_IN.items()}
    for point in entry_points(group=GROUP):
        if point.name not in BUILT_IN:
            places = (*found.get(point.name, ()), point.value)
            found[point.name] = tuple(dict.fromkeys(places))
    return found


def names() -> list[str]:
    """The providers that an investigation file can name.

    >>> {"appfoundry", "genesys", "oauth2"} <= set(names())
    True
    """
    return sorted(_declared())


@cache
def named(name: str) -> OAuth2:
    """The provider of that name.

    >>> named("entra").name
    'entra'

    Raises:
        KeyError: no such provider.
        ProviderError: a plug-in of that name is installed, and cannot be used.
    """
    places = _declared()[name]
    if len(places) > 1:
        raise ProviderError(name, f"is offered by several packages: {', '.join(places)}", "Uninstall all but one")
    return _loaded(name, places[0])


def knowing(key: str) -> list[str]:
    """The kit's own providers for which ``key`` of an org means something.

    >>> knowing("realm")
    ['keycloak']
    """
    return [name for name in sorted(BUILT_IN) if key in named(name).org_keys]


def _loaded(name: str, place: str) -> OAuth2:
    module, _, path = place.partition(":")
    fix = f"Repair or uninstall the package that offers it ({place}), or name another provider"
    try:
        found = getattr(import_module(module), path.strip())
        if not (isinstance(found, type) and issubclass(found, OAuth2)):
            raise ProviderError(name, "is no subclass of orgscope_kit.providers.OAuth2", fix)
        provider: OAuth2 = found()
    except ProviderError:
        raise
    except (Exception, SystemExit) as error:  # whatever foreign code raises
        said = " ".join(str(error).split())[:200]
        raise ProviderError(name, f"cannot be loaded: {type(error).__name__}: {said}", fix) from error
    if provider.name != name:
        raise ProviderError(name, f"calls itself {str(provider.name)[:60]!r}, not {name!r}", fix)
    return provider
