#!/usr/bin/env python3
"""Every bug planted in the table of docs/debugging.md is found: its report says what the row says.
Rows for kernels of other builds: sanitizers.t."""

from bugs import ENDS, Tap, build_of, make, rows

tap = Tap()
make(ENDS)
tap.check_rows([row for row in rows() if build_of(row) is None])
tap.check(len(list(rows())) >= 20, "at least 20 bugs are planted")
tap.end()
