"""The models that are learned from recordings: how they are made and how good they are."""
