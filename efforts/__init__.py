"""What effort does on the reference model, end to end: asked through the gateway, measured, judged and drawn.

`python -m efforts` measures and draws `docs/images/reasoning-effort.png`; the tests beside it hold what it shows, a
small cut of them in every test run.
"""
