"""Skill messages in FastAPI: a JSON API, and a page that one can click."""
