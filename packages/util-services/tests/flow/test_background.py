import signal
import threading
import time

import pytest

from util_services.flow.background import Background


def test_work_goes_on_beside_the_caller():
    go = threading.Event()
    work = Background(lambda: go.wait(60) and "done")

    go.set()

    assert work.result() == "done"


def test_an_error_is_raised_where_the_result_is_asked_for():
    def fail():
        raise ValueError("no such thing")

    work = Background(fail)

    with pytest.raises(ValueError, match=r"^no such thing$"):
        work.result()


def test_an_interrupt_ends_the_wait_for_a_result():
    go = threading.Event()
    work = Background(lambda: go.wait(60))
    main = threading.main_thread().ident

    def interrupt():
        time.sleep(0.2)
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()

    with pytest.raises(KeyboardInterrupt):
        work.result()
    go.set()
    assert work.result()
