"""Looks of the page: fonts of the system, a few rules beside those of Gradio, and keys for the slider."""

from __future__ import annotations

import gradio as gr

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """Return the theme, which loads no fonts."""
    base = gr.themes.Base(
        primary_hue="teal", secondary_hue="teal", neutral_hue="slate", radius_size="md", font=_FONTS, font_mono=_MONO
    )
    return base.set(  # white on them can be read
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
    )


CSS = """
.gradio-container { max-width: 1280px !important; margin: 0 auto !important; }
footer { display: none !important; }
.notice { margin: 0; padding: 0.6rem 0.9rem; border-left: 4px solid var(--color-accent);
  background: var(--background-fill-secondary); border-radius: var(--radius-sm); }
.notice.problem { border-left-color: #dc2626; }
.report ul { margin: 0.4rem 0 0; padding-left: 1.2rem; list-style: disc; }
.report .warning { font-weight: 600; }
.report details { margin-top: 0.4rem; } .report summary { cursor: pointer; }
.report td { padding: 0 1rem 0 0; border: 0; }
progress { width: 100%; accent-color: var(--color-accent); }
#slider .outer:focus-visible { outline: 3px solid var(--color-accent); outline-offset: 2px; }
.wide { overflow-x: auto; } .wide table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide th, .wide td { text-align: left; padding: 0.35rem 0.9rem 0.35rem 0; white-space: nowrap;
  border-bottom: 1px solid var(--border-color-primary); }
"""

HEAD = """
<style>
@media (max-width: 600px) {  /* the row of tabs would widen the page */
  .gradio-container { width: 100vw !important; max-width: 100vw !important; }
  .gradio-container .main { min-width: 0; max-width: 100%; padding-inline: 0.75rem !important; }
  .tab-wrapper { max-width: 100%; overflow-x: auto; }
}
</style>
<script>
(() => {  // the slider of Gradio hears the mouse alone: arrow keys move it as a mouse would
  const steps = { ArrowLeft: -0.05, ArrowDown: -0.05, ArrowRight: 0.05, ArrowUp: 0.05, Home: -1, End: 1 };
  const middle = (handle) => {
    const line = handle.querySelector(".inner").getBoundingClientRect();
    return line.left + line.width / 2;
  };
  const tell = (handle) => {
    const frame = handle.parentElement.getBoundingClientRect();
    const share = (middle(handle) - frame.left) / frame.width;
    handle.setAttribute("aria-valuenow", Math.round(100 * Math.min(1, Math.max(0, share))));
  };
  const move = (handle, share) => {
    const box = handle.getBoundingClientRect(), y = box.top + box.height / 2;
    const start = middle(handle), end = start + share * handle.parentElement.getBoundingClientRect().width;
    for (const [type, target, x] of [["down", handle, start], ["move", window, end], ["up", window, end]]) {
      target.dispatchEvent(new MouseEvent("mouse" + type, { bubbles: true, view: window, clientX: x, clientY: y }));
    }
    requestAnimationFrame(() => tell(handle));
  };
  const prepare = () => {
    for (const handle of document.querySelectorAll("#slider .outer:not([tabindex])")) {
      const about = { tabindex: 0, role: "slider", "aria-label": "Before and after", "aria-valuenow": 50 };
      for (const [name, value] of Object.entries(about)) handle.setAttribute(name, value);
      handle.addEventListener("focus", () => tell(handle));
      handle.addEventListener("keydown", (event) => {
        if (!(event.key in steps)) return;
        event.preventDefault();
        move(handle, steps[event.key]);
      });
      handle.addEventListener("mouseup", () => tell(handle));
    }
  };
  new MutationObserver(prepare).observe(document, { childList: true, subtree: true });
})();
</script>
"""
