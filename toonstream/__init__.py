"""Turns the faces in live video into cartoons."""
