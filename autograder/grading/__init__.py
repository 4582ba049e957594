"""From submissions to grades: one (`grade`), many in parallel (`pool`), a whole folder (`classroom`)."""
