"""What holds for every test, whoever starts them and wherever."""

import signal

# A shell that starts pytest in the background has it ignore Ctrl-C, and so would every command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
