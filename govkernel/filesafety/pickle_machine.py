"""Walk one pickle on an abstract stack: names are looked up in an allow-list and never imported, calls are checked by
the rule of what is called and never made. What is refused is collected, and the walk goes on to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from govkernel.filesafety.budget import Budget
from govkernel.filesafety.interface import Refused
from govkernel.filesafety.pickle_opcodes import Malformed, next_opcode
from govkernel.filesafety.pickle_rules import Allowed, array_bytes, fill, persistent_storage
from govkernel.filesafety.pickle_values import MARK, Bulk, Items, Made, Name, Value, weight
from govkernel.filesafety.source import Reader, Truncated

MAX_REFUSALS: Final = 32
MAX_KEY: Final = 256
"""Values in a tuple used as a key: hashing one that is nested in itself takes for ever."""

REFUSED: Final = "refused"


class Machine:
    """Walks one pickle.

    Attributes:
        refusals: rule and detail of what was refused, each once, at most :data:`MAX_REFUSALS`.
        steps: opcodes walked.
        names: names looked up.
        stopped_calls: calls of what was refused.
        arrays: arrays whose bytes stood between the opcodes, as joblib writes them.
        storages: bytes of every storage the pickle refers to, by key.
    """

    def __init__(
        self,
        reader: Reader,
        allowed: Mapping[str, Allowed],
        budget: Budget,
        *,
        tensors: bool = False,
        joblib: bool = False,
    ) -> None:
        """A machine at the start of a pickle.

        Args:
            reader: stands at its first byte.
            allowed: what it may name.
            budget: opcodes and values are counted in it.
            tensors: persistent ids are PyTorch storages.
            joblib: arrays' bytes stand between the opcodes.
        """
        self.refusals: dict[tuple[str, str], None] = {}
        self.steps = 0
        self.names = 0
        self.stopped_calls = 0
        self.arrays = 0
        self.storages: dict[str, int] = {}
        self._reader = reader
        self._allowed = allowed
        self._budget = budget
        self._tensors = tensors
        self._joblib = joblib
        self._stack: list[Value] = []
        self._memo: dict[int, Value] = {}
        self._frame_end = 0

    def run(self) -> Value:
        """Walk to STOP.

        Returns:
            The value a loader would return.

        Raises:
            Refused: it breaks off, is malformed, or is too large.
        """
        budget, reader = self._budget, self._reader
        try:
            while True:
                started = reader.position
                name, argument = next_opcode(reader)
                if started < self._frame_end < reader.position:
                    raise Malformed  # CPython's two unpicklers go on at different places (its issue 154848)
                self.steps += 1
                budget.opcodes += 1
                if name == "STOP":
                    return self._pop()
                if budget.opcodes > budget.limits.opcodes:
                    raise Refused("too-many-opcodes")
                _STEPS[name](self, argument)
                if len(self._stack) + len(self._memo) > budget.limits.held:
                    raise Refused("too-large", "stack")
        except (Truncated, Malformed):
            raise Refused("pickle-broken", f"opcode {self.steps + 1}") from None

    @property
    def rest(self) -> int:
        """Bytes behind the last opcode walked."""
        return self._reader.left

    def _refuse(self, rule: str, detail: str) -> Made:
        if len(self.refusals) < MAX_REFUSALS:
            self.refusals[rule, detail[:200]] = None
        return Made(REFUSED)

    def _pop(self) -> Value:
        if not self._stack or self._stack[-1] is MARK:
            raise Malformed
        return self._stack.pop()

    def _top(self) -> Value:
        if not self._stack or self._stack[-1] is MARK:
            raise Malformed
        return self._stack[-1]

    def _to_mark(self) -> list[Value]:
        position = len(self._stack) - 1
        while position >= 0 and self._stack[position] is not MARK:
            position -= 1
        if position < 0:
            raise Malformed
        items = self._stack[position + 1 :]
        del self._stack[position:]
        return items

    def _constant(self, argument: Any) -> None:
        self._stack.append(argument)

    def _tuple(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def _put(self, index: Any) -> None:
        if isinstance(index, Bulk) or not 0 <= index <= self.steps + (1 << 16):
            raise Refused("pickle-memory", "memo index")
        self._memo[index] = self._top()

    def _get(self, index: Any) -> None:
        if isinstance(index, Bulk) or index not in self._memo:
            raise Malformed
        self._stack.append(self._memo[index])

    def _name(self, module: object, name: object) -> None:
        self.names += 1
        if not (isinstance(module, str) and isinstance(name, str)):
            if not any(self._may_be_text(part) for part in (module, name)):
                raise Malformed  # a loader refuses what is no text
            self._stack.append(self._refuse("pickle-computed-name", "a name that is no constant"))
            return
        text = f"{module}.{name}"
        entry = self._allowed.get(text)
        # "a.b" and "c" is not "a" and "b.c": the list says where the module ends
        known = entry is not None and entry.module == module
        self._stack.append(Name(text) if known else self._refuse("pickle-global", text))

    @staticmethod
    def _may_be_text(value: Value) -> bool:
        return (isinstance(value, Bulk) and value.kind in {"text", "escaped"}) or (
            isinstance(value, Made) and value.kind == REFUSED
        )

    def _stack_global(self, _argument: Any) -> None:
        name, module = self._pop(), self._pop()
        self._name(module, name)

    def _call(self, function: Value, arguments: Value, *, new: bool = False) -> None:
        if isinstance(function, Made) and function.kind == REFUSED:
            self.stopped_calls += 1
            self._stack.append(function)
            return
        if not isinstance(function, Name):
            self._stack.append(self._refuse("pickle-call", "a call of what is no allowed name"))
            return
        entry = self._allowed[function.text]
        check = entry.new if new else entry.call
        if check is None or not isinstance(arguments, tuple):
            self._stack.append(self._refuse("pickle-call", function.text))
            return
        try:
            self._stack.append(check(arguments, self._allowed))
        except Refused as refused:
            self._stack.append(self._refuse(refused.rule, f"{function.text}: {refused.detail}"))

    def _reduce(self, _argument: Any) -> None:
        arguments, function = self._pop(), self._pop()
        self._call(function, arguments)

    def _newobj(self, _argument: Any) -> None:
        arguments, function = self._pop(), self._pop()
        self._call(function, arguments, new=True)

    def _newobj_ex(self, _argument: Any) -> None:
        keywords, arguments, function = self._pop(), self._pop(), self._pop()
        if isinstance(keywords, Items) and keywords.kind == "dict" and keywords.count == 0:
            self._call(function, arguments, new=True)
        else:
            self._stack.append(self._refuse("pickle-call", "a call with keywords"))

    def _inst(self, argument: Any) -> None:
        arguments = tuple(self._to_mark())
        self._name(*argument)
        self._call(self._pop(), arguments)

    def _obj(self, _argument: Any) -> None:
        items = self._to_mark()
        if not items:
            raise Malformed
        self._call(items[0], tuple(items[1:]))

    def _build(self, _argument: Any) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, Made) and target.kind == REFUSED:
            return
        try:
            if not isinstance(target, Made):
                raise Refused(
                    "pickle-state", target.text if isinstance(target, Name) else type(target).__name__
                )
            fill(target, state, self._allowed)
        except Refused as refused:
            self._refuse(refused.rule, refused.detail)
            return
        if target.kind == "joblib-array" and self._joblib:
            self._array(target)

    def _array(self, wrapper: Made) -> None:
        """The array's bytes stand right behind BUILD; an array of objects is a pickle of its own there."""
        reader = self._reader
        if reader.position < self._frame_end:
            raise Refused("pickle-broken", "an array inside a frame")
        self.arrays += 1
        count, objects = array_bytes(wrapper, reader)
        reader.skip(count)
        if objects:
            inner = Machine(reader, self._allowed, self._budget)
            inner.run()
            self.refusals.update(inner.refusals)
        self._stack[-1] = Made("array", built=True)

    def _append(self, _argument: Any) -> None:
        item = self._pop()
        self._extend(self._top(), [item], "list")

    def _appends(self, _argument: Any) -> None:
        items = self._to_mark()
        self._extend(self._top(), items, "list")

    def _additems(self, _argument: Any) -> None:
        items = self._to_mark()
        for item in items:
            self._check_key(item)
        self._extend(self._top(), items, "set")

    def _extend(self, target: Value, items: list[Value], kind: str) -> None:
        if isinstance(target, Made) and target.kind in {REFUSED, kind}:
            return
        if not isinstance(target, Items) or target.kind != kind or target.locked:
            self._refuse("pickle-state", f"items for what is no {kind}")
            return
        target.count += len(items)
        target.heavy |= any(isinstance(item, tuple) and self._is_heavy(item) for item in items)

    def _setitem(self, _argument: Any) -> None:
        value, key = self._pop(), self._pop()
        self._set(self._top(), [key, value])

    def _setitems(self, _argument: Any) -> None:
        items = self._to_mark()
        self._set(self._top(), items)

    def _set(self, target: Value, items: list[Value]) -> None:
        if len(items) % 2:
            raise Malformed
        for key in items[::2]:
            self._check_key(key)
        if isinstance(target, Made) and target.kind in {REFUSED, "ordered", "dict"}:
            return
        if not isinstance(target, Items) or target.kind != "dict" or target.locked:
            self._refuse("pickle-state", "items for what is no dict")
            return
        target.count += len(items) // 2
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str) and len(target.held) < 256:
                target.held[key] = value
            else:
                target.odd = True

    def _check_key(self, key: Value) -> None:
        if isinstance(key, tuple) and self._is_heavy(key):
            self._refuse("pickle-memory", "a key nested in itself")

    def _is_heavy(self, item: tuple[Value, ...]) -> bool:
        seen = weight(item, MAX_KEY)
        self._budget.opcodes += seen  # looking costs, too
        return seen > MAX_KEY

    def _fixed(self, kind: str) -> None:
        items = self._to_mark()
        made = Items(kind)
        self._stack.append(made)
        if kind == "dict":
            self._set(made, items)
            return
        if kind == "set":
            for item in items:
                self._check_key(item)
        self._extend(made, items, kind)

    def _persistent(self, saved: Value) -> None:
        try:
            if not self._tensors:
                raise Refused("pickle-persistent-id", "in a file that can have none")
            key, storage = persistent_storage(saved)
            if self.storages.setdefault(key, storage.count * storage.size) != storage.count * storage.size:
                raise Refused("torch-storage", f"storage {key!r} has two sizes")
            self._stack.append(storage)
        except Refused as refused:
            self._stack.append(self._refuse(refused.rule, refused.detail))

    def _frame(self, size: Any) -> None:
        if self._reader.position < self._frame_end or size > self._reader.left:
            raise Malformed
        self._frame_end = self._reader.position + size

    def _protocol(self, number: Any) -> None:
        if number > 5:
            raise Malformed

    def _extension(self, _argument: Any) -> None:
        self._stack.append(self._refuse("pickle-extension", ""))

    def _buffer(self, _argument: Any) -> None:
        raise Refused("pickle-broken", "a buffer outside the pickle")

    def _drop_to_mark(self, _argument: Any) -> None:
        self._to_mark()

    def _drop(self, _argument: Any) -> None:
        if not self._stack:
            raise Malformed
        self._stack.pop()


_Step = Callable[[Machine, Any], None]

_CONSTANTS: Final = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
)

# Methods of the machine, called from its own table.
_STEPS: Final[dict[str, _Step]] = {
    **dict.fromkeys(_CONSTANTS, Machine._constant),
    "NONE": lambda machine, _: machine._stack.append(None),
    "NEWTRUE": lambda machine, _: machine._stack.append(True),
    "NEWFALSE": lambda machine, _: machine._stack.append(False),
    "EMPTY_LIST": lambda machine, _: machine._stack.append(Items("list")),
    "EMPTY_DICT": lambda machine, _: machine._stack.append(Items("dict")),
    "EMPTY_SET": lambda machine, _: machine._stack.append(Items("set")),
    "EMPTY_TUPLE": lambda machine, _: machine._stack.append(()),
    "MARK": lambda machine, _: machine._stack.append(MARK),
    "TUPLE": lambda machine, _: machine._stack.append(tuple(machine._to_mark())),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "LIST": lambda machine, _: machine._fixed("list"),
    "DICT": lambda machine, _: machine._fixed("dict"),
    "FROZENSET": lambda machine, _: machine._fixed("set"),
    "APPEND": Machine._append,
    "APPENDS": Machine._appends,
    "ADDITEMS": Machine._additems,
    "SETITEM": Machine._setitem,
    "SETITEMS": Machine._setitems,
    "POP": Machine._drop,
    "POP_MARK": Machine._drop_to_mark,
    "DUP": lambda machine, _: machine._stack.append(machine._top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), Machine._put),
    "MEMOIZE": lambda machine, _: machine._put(len(machine._memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine._get),
    "GLOBAL": lambda machine, pair: machine._name(*pair),
    "STACK_GLOBAL": Machine._stack_global,
    "REDUCE": Machine._reduce,
    "NEWOBJ": Machine._newobj,
    "NEWOBJ_EX": Machine._newobj_ex,
    "INST": Machine._inst,
    "OBJ": Machine._obj,
    "BUILD": Machine._build,
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), Machine._extension),
    "PERSID": Machine._persistent,
    "BINPERSID": lambda machine, _: machine._persistent(machine._pop()),
    "FRAME": Machine._frame,
    "PROTO": Machine._protocol,
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), Machine._buffer),
}
