from __future__ import annotations

from collections.abc import Generator

import pytest

from modelpact._internal.guards import capture, convert_errors, on_error
from modelpact.errors import LoadError


class TestConvertErrors:
    def test_raises_the_converted_error_from_the_original(self) -> None:
        with pytest.raises(LoadError, match="broken: 3") as caught, convert_errors(as_load_error):
            raise KeyError(3)
        assert isinstance(caught.value.__cause__, KeyError)

    def test_leaves_excluded_classes_alone(self) -> None:
        with (
            pytest.raises(ZeroDivisionError),
            convert_errors(as_load_error, unless=ArithmeticError),
        ):
            _ = 1 / 0

    def test_raises_the_original_if_there_is_no_other(self) -> None:
        error = KeyError(3)
        with pytest.raises(KeyError) as caught, convert_errors(lambda _: None):
            raise error
        assert caught.value is error

    def test_does_not_convert_an_interrupt(self) -> None:
        with pytest.raises(KeyboardInterrupt), convert_errors(as_load_error):
            raise KeyboardInterrupt

    def test_does_not_convert_the_end_of_a_generator(self) -> None:
        def numbers() -> Generator[int, None, None]:
            with convert_errors(as_load_error):
                yield 1
                yield 2

        iterator = numbers()
        assert next(iterator) == 1
        iterator.close()


def test_on_error_calls_and_raises_again() -> None:
    seen: list[BaseException] = []
    with pytest.raises(KeyboardInterrupt) as caught, on_error(seen.append):
        raise KeyboardInterrupt
    assert seen == [caught.value]
    with pytest.raises(KeyboardInterrupt), on_error(seen.append, Exception):
        raise KeyboardInterrupt
    assert len(seen) == 1


def test_capture_returns_the_result_or_the_exception() -> None:
    assert capture(lambda: 3, Exception) == 3
    assert isinstance(capture(lambda: 1 / 0, Exception), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        capture(lambda: 1 / 0, OSError)


def as_load_error(error: Exception) -> LoadError:
    return LoadError(f"broken: {error}")
