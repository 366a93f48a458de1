"""The page of the interface: what OpenAPI says of it, as HTML without scripts, so that nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The content security policy of the page."""

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; } code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre { padding: 0.75rem; border: 1px solid #8884; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.75rem 0.3rem 0; border-bottom: 1px solid #8884; }
"""
_EXAMPLES = {
    ("post", "/api/remove"): "curl -F file=@photo.jpg {base}/api/remove -o photo_cutout.png",
    (
        "post",
        "/v1/mattes",
    ): "curl -F picture=@photo.jpg -F plate=@empty.jpg -F target=white {base}/v1/mattes -o out.png",
    ("get", "/v1/models"): "curl {base}/v1/models",
}


def page(openapi: Mapping[str, Any], base: str) -> str:
    """Return the page of an interface, by its OpenAPI description; ``base`` is the address of the server."""
    info = openapi["info"]
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>',
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        '<p>For programs: <a href="/openapi.json">openapi.json</a></p>',
    ]
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            parts += _operation(method, path, operation, base)
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Mapping[str, Any], base: str) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation.get('summary', ''))}.</p>"
    example = _EXAMPLES.get((method, path))
    if example:
        yield f"<pre>{escape(example.format(base=base))}</pre>"
    rows = [*_parameters(operation), *_fields(operation)]
    if rows:
        yield "<table><tr><th>name<th>type<th>meaning</tr>"
        for name, schema, description in rows:
            cells = f"<td><code>{escape(name)}</code><td>{escape(_kind(schema))}<td>{escape(description)}"
            yield f"<tr>{cells}</tr>"
        yield "</table>"


def _parameters(operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for each in operation.get("parameters", ()):
        yield each["name"], each["schema"], each.get("description", "")


def _fields(operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    content = operation.get("requestBody", {}).get("content", {})
    for form in content.values():
        for name, schema in form["schema"].get("properties", {}).items():
            yield name, schema, schema.get("description", "")


def _kind(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "binary":
        return "file"
    kind = ", ".join(map(str, schema.get("enum", (schema.get("type", "string"),))))
    default = schema.get("default", "")
    return f"{kind}; default: {default}" if default != "" else kind
