"""The teachers, one look each."""
