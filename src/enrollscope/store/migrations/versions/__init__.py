"""One file for each revision, its name after an `r`. A revision that was released never changes."""
