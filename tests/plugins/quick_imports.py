"""Import nbval without a grammar that nobody needs: the Makefile loads this first, with ``-p quick_imports``.

nbval imports jsonschema, and that a checker of addresses whose grammar takes a second and a half to compile, in each
worker. None makes its import fail, and jsonschema does without; `make lab` does the same.
"""

import sys

sys.modules["rfc3987_syntax"] = None
