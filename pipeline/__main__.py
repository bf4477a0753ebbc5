"""`python -m pipeline …`."""

import faulthandler

from pipeline.cli import main

_EXIT_S = 20

try:
    main()
finally:
    # A thread of tf.data that is left in mid-epoch can block the exit of the interpreter for ever
    # (tensorflow#22632), and the queue would wait for this process.
    faulthandler.dump_traceback_later(_EXIT_S, exit=True)
