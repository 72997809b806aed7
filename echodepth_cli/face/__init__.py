"""Find faces in pictures and reduce each to numbers; pixels go no further than this package."""
