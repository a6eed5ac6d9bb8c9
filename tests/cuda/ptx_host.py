"""Runs PTX on the host: each instruction becomes LLVM IR, which LLVM compiles for this processor.

PTX is what the GPU's driver receives. It holds everything that NVVM made of a kernel: the order of operations, which
products and sums were fused, libdevice's functions written out. All of it is IEEE arithmetic, so the host gives the
bits that a GPU would, but for the few instructions whose name says "approx". Only what ptxas does is left out.

An instruction that isn't known here is an error, never a guess. Shared memory and barriers are not known: the kernels
use none.
"""

from __future__ import annotations

import collections
import ctypes
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import llvmlite.binding as llvm

LLVM_TYPES = {
    "pred": "i1", "b8": "i8", "u8": "i8", "s8": "i8", "b16": "i16", "u16": "i16", "s16": "i16",
    "b32": "i32", "u32": "i32", "s32": "i32", "b64": "i64", "u64": "i64", "s64": "i64", "f32": "float", "f64": "double",
}  # fmt: skip
WIDTHS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "float": 32, "double": 64}
SPECIAL_REGISTERS = {"%tid.x": "%tid", "%ntid.x": "%ntid", "%ctaid.x": "%ctaid", "%nctaid.x": "%nctaid"}
FLOAT_COMPARISONS = {
    "eq": "oeq", "ne": "one", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "num": "ord", "nan": "uno",
    "equ": "ueq", "neu": "une", "ltu": "ult", "leu": "ule", "gtu": "ugt", "geu": "uge",
}  # fmt: skip
UNSIGNED_COMPARISONS = {"lt": "ult", "le": "ule", "gt": "ugt", "ge": "uge", "lo": "ult", "ls": "ule", "hi": "ugt",
                        "hs": "uge"}  # fmt: skip
ROUNDINGS = {"rni": "roundeven", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


class UnknownPtxError(NotImplementedError):
    """PTX that has no counterpart here."""


@dataclass
class Function:
    """A function of a PTX module: its parameters as (type, name) and its body's text."""

    name: str
    is_entry: bool
    returned: list[str]
    parameters: list[tuple[str, str]]
    body: str


@dataclass
class Module:
    """A parsed PTX module: functions, and global variables as (name, alignment, bytes)."""

    functions: list[Function] = field(default_factory=list)
    variables: list[tuple[str, int, bytes]] = field(default_factory=list)

    @property
    def entry(self) -> Function:
        """The kernel."""
        (found,) = (function for function in self.functions if function.is_entry)
        return found


def _matching_brace(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise UnknownPtxError("braces do not match")


def _parameters(text: str) -> list[tuple[str, str]]:
    return re.findall(r"\.param\s+(?:\.align\s+\d+\s+)?\.(\w+)\s+([\w$]+)", text)


def _parse_variable(header: str, values: str) -> tuple[str, int, bytes]:
    found = re.search(r"\.align\s+(\d+)\s+\.(\w+)\s+([\w$]+)(?:\[(\d+)\])?", header)
    if found is None:
        raise UnknownPtxError(header)
    alignment, kind, name, count = found.groups()
    size = WIDTHS[LLVM_TYPES[kind]] // 8
    if kind not in ("b8", "u64", "b64"):
        raise UnknownPtxError(header)
    numbers = [int(value) for value in values.split(",")] if values else []
    numbers += [0] * (int(count or 1) - len(numbers))
    return name, int(alignment), b"".join(number.to_bytes(size, "little") for number in numbers)


def parse(ptx: str) -> Module:
    """Split PTX into functions and variables."""
    text = re.sub(r"//[^\n]*", "", ptx)
    text = re.sub(r"^\s*\.(version|target|address_size)[^\n]*$", "", text, flags=re.MULTILINE)
    module, at = Module(), 0
    while text[at:].strip():
        end = min(i for i in (text.find(";", at), text.find("{", at)) if i >= 0)
        header = text[at:end].strip()
        if text[end] == ";":
            at = end + 1
            if ".func" not in header:
                module.variables.append(_parse_variable(header, ""))
            continue
        close = _matching_brace(text, end)
        inner = text[end + 1 : close]
        if header.endswith("="):
            module.variables.append(_parse_variable(header, inner))
            at = text.index(";", close) + 1
        else:
            module.functions.append(_parse_function(header, inner))
            at = close + 1
    return module


def _parse_function(header: str, body: str) -> Function:
    found = re.match(r"(?:\.\w+\s+)*\.(entry|func)\s*(\([^)]*\))?\s*([\w$]+)\s*(\([^)]*\))?", header)
    if found is None:
        raise UnknownPtxError(header[:200])
    kind, returned, name, parameters = found.groups()
    return Function(
        name, kind == "entry", [n for _, n in _parameters(returned or "")], _parameters(parameters or ""), body
    )


def statements(body: str) -> Iterator[str]:
    """The statements of a body: "{", "}", "label:", or an instruction or declaration without its semicolon."""
    at = 0
    pattern = re.compile(r"\s*(?:([{}])|([\w$]+):|([^;]+);)")
    while found := pattern.match(body, at):
        brace, label, statement = found.groups()
        at = found.end()
        yield brace or (f"{label}:" if label else " ".join(statement.split()))
    if body[at:].strip():
        raise UnknownPtxError(body[at:].strip()[:80])


def _operands(text: str) -> list[str]:
    """Operands at commas that stand outside of brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


class _Translator:
    """Translates one function."""

    def __init__(self, function: Function, owner: _ModuleTranslator) -> None:
        self.function = function
        self.owner = owner
        self.scopes: list[dict[str, tuple[str, str]]] = [{}]
        self.ranges: list[tuple[str, int, str]] = []
        self.entry: list[str] = ["  %carry = alloca i1"]
        self.lines: list[str] = []
        self.memory: dict[str, str] = {}
        self.numbers = itertools.count()
        self.terminated = False
        self.block_opcodes: list[str] | None = None

    # ---- plumbing

    def fresh(self) -> str:
        """A new SSA name."""
        return f"%v{next(self.numbers)}"

    def emit(self, line: str) -> None:
        """Append an instruction without a result."""
        self.lines.append(f"  {line}")

    def value(self, expression: str) -> str:
        """Append an instruction and return its result's name."""
        name = self.fresh()
        self.emit(f"{name} = {expression}")
        return name

    def intrinsic(self, name: str, result: str, *arguments: tuple[str, str]) -> str:
        """Call an LLVM intrinsic."""
        kinds = ", ".join(kind for kind, _ in arguments)
        self.owner.declarations.add(f"declare {result} @{name}({kinds})")
        return self.value(f"call {result} @{name}({', '.join(f'{kind} {text}' for kind, text in arguments)})")

    def declare_register(self, name: str, kind: str) -> None:
        """Make a register of the innermost scope."""
        place = f"%r{next(self.numbers)}"
        self.entry.append(f"  {place} = alloca {kind}")
        self.scopes[-1][name] = (place, kind)

    def register(self, name: str) -> tuple[str, str]:
        """Place and LLVM type of a register."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        for prefix, count, kind in self.ranges:
            if name.startswith(prefix) and name[len(prefix) :].isdigit() and int(name[len(prefix) :]) < count:
                place = f"%r{next(self.numbers)}"
                self.entry.append(f"  {place} = alloca {kind}")
                self.scopes[0][name] = (place, kind)
                return place, kind
        raise UnknownPtxError(f"register {name}")

    def start_block(self, label: str) -> None:
        """Begin a basic block, falling through to it from the one before."""
        if not self.terminated:
            self.emit(f"br label %{label}")
        self.lines.append(f"{label}:")
        self.terminated = False
        if self.owner.counted:
            self.block_opcodes = []
            number = len(self.owner.block_opcodes)
            self.owner.block_opcodes.append(self.block_opcodes)
            place = self.value(f"getelementptr i64, ptr @executions, i64 {number}")
            before = self.value(f"load i64, ptr {place}")
            after = self.value(f"add i64 {before}, 1")
            self.emit(f"store i64 {after}, ptr {place}")

    def read(self, operand: str, kind: str) -> str:
        """An operand as a value of an LLVM type."""
        if operand in SPECIAL_REGISTERS:
            return SPECIAL_REGISTERS[operand]
        if operand.startswith("%") or any(operand in scope for scope in self.scopes):
            place, declared = self.register(operand)
            loaded = self.value(f"load {declared}, ptr {place}")
            return self.reinterpret(loaded, declared, kind)
        if re.fullmatch(r"0[dD][0-9A-Fa-f]{16}", operand) and kind == "double":
            return f"0x{operand[2:]}"
        if re.fullmatch(r"0[fF][0-9A-Fa-f]{8}", operand) and kind == "float":
            return self.value(f"bitcast i32 {int(operand[2:], 16)} to float")
        if re.fullmatch(r"-?(0[xX][0-9A-Fa-f]+|\d+)U?", operand) and kind.startswith("i"):
            number = int(operand.rstrip("U"), 0)
            return str(int(number != 0)) if kind == "i1" else str(number)
        if operand in self.memory:
            return self.value(f"ptrtoint ptr {self.memory[operand]} to i64")
        if operand in self.owner.variable_names:
            return self.value(f"ptrtoint ptr @{_quoted(operand)} to i64")
        raise UnknownPtxError(f"operand {operand} as {kind}")

    def reinterpret(self, value: str, source: str, target: str) -> str:
        """The same bits as another type; the low bits when it is narrower."""
        if source == target:
            return value
        if WIDTHS[source] == WIDTHS[target]:
            return self.value(f"bitcast {source} {value} to {target}")
        if WIDTHS[source] > WIDTHS[target] and source.startswith("i") and target.startswith("i"):
            return self.value(f"trunc {source} {value} to {target}")
        raise UnknownPtxError(f"{source} used as {target}")

    def write(self, operand: str, kind: str, value: str, signed: bool = False) -> None:
        """Assign to a register; a narrower value is extended."""
        if operand == "_":
            return
        place, declared = self.register(operand)
        if WIDTHS[declared] > WIDTHS[kind] and declared.startswith("i") and kind.startswith("i"):
            value = self.value(f"{'sext' if signed else 'zext'} {kind} {value} to {declared}")
        else:
            value = self.reinterpret(value, kind, declared)
        self.emit(f"store {declared} {value}, ptr {place}")

    # ---- statements

    def translate(self) -> str:
        """LLVM IR of the function."""
        f = self.function
        if f.is_entry:
            for i, (kind, name) in enumerate(f.parameters):
                pointer = f"%p{i}"
                self.entry += [
                    f"  {pointer}a = getelementptr ptr, ptr %arguments, i64 {i}",
                    f"  {pointer}b = load ptr, ptr {pointer}a",
                    f"  {pointer}c = load {LLVM_TYPES[kind]}, ptr {pointer}b",
                    f"  {pointer} = alloca {LLVM_TYPES[kind]}",
                    f"  store {LLVM_TYPES[kind]} {pointer}c, ptr {pointer}",
                ]
                self.memory[name] = pointer
            arguments = "ptr %arguments, i32 %tid, i32 %ntid, i32 %ctaid, i32 %nctaid"
        else:
            names = f.returned + [name for _, name in f.parameters]
            self.memory.update({name: f"%p{i}" for i, name in enumerate(names)})
            arguments = ", ".join(f"ptr %p{i}" for i in range(len(names)))
        self.start_block("start")
        for statement in statements(f.body):
            self.statement(statement)
        if not self.terminated:
            self.emit("ret void")
        first = self.lines.pop(0)  # the branch to "start"
        head = f"define {'' if f.is_entry else 'internal '}void @{_quoted(f.name)}({arguments}) {{\nentry:\n"
        return "\n".join([head + "\n".join(self.entry), first, *self.lines, "}"])

    def statement(self, text: str) -> None:
        """Translate one statement."""
        if text == "{":
            self.scopes.append({})
        elif text == "}":
            self.scopes.pop()
        elif text.endswith(":"):
            self.start_block(_label(text[:-1]))
        elif text.startswith("."):
            self.declaration(text)
        else:
            self.instruction(text)

    def declaration(self, text: str) -> None:
        """Registers, local memory, parameters of calls."""
        if text.startswith(".pragma"):
            return
        if found := re.fullmatch(r"\.reg \.(\w+) (.+)", text):
            kind = LLVM_TYPES[found.group(1)]
            for name in _operands(found.group(2)):
                if many := re.fullmatch(r"(%\w+)<(\d+)>", name):
                    self.ranges.append((many.group(1), int(many.group(2)), kind))
                else:
                    self.declare_register(name, kind)
        elif found := re.fullmatch(r"\.(?:local|param) (?:\.align (\d+) )?\.(\w+) ([\w$]+)(?:\[(\d+)\])?", text):
            alignment, kind, name, count = found.groups()
            place = f"%m{next(self.numbers)}"
            size = WIDTHS[LLVM_TYPES[kind]] // 8 * int(count or 1)
            self.entry.append(f"  {place} = alloca [{size} x i8], align {alignment or 8}")
            self.memory[name] = place
        else:
            raise UnknownPtxError(text)

    def instruction(self, text: str) -> None:
        """Translate one instruction, behind its predicate if it has one."""
        found = re.fullmatch(r"(?:@(!?)([\w%]+) )?([a-z][\w.]*)(?: (.*))?", text)
        if found is None:
            raise UnknownPtxError(text)
        negated, predicate, opcode, operands = found.groups()
        if self.terminated:
            self.start_block(f"b{next(self.numbers)}")
        if self.block_opcodes is not None:
            self.block_opcodes.append(opcode)
        name, *modifiers = opcode.split(".")
        handler = getattr(self, f"do_{name}", None)
        if handler is None:
            raise UnknownPtxError(text)
        arguments = _operands(operands or "")
        condition = None if predicate is None else self.read(predicate, "i1")
        if condition is not None and negated:
            condition = self.value(f"xor i1 {condition}, true")
        if name == "bra":
            self.branch(condition, _label(arguments[0]))
            return
        if condition is None:
            handler(modifiers, arguments)
            return
        yes, after = (f"b{next(self.numbers)}" for _ in range(2))
        self.emit(f"br i1 {condition}, label %{yes}, label %{after}")
        self.terminated = True
        self.start_block(yes)
        handler(modifiers, arguments)
        self.start_block(after)

    def branch(self, condition: str | None, label: str) -> None:
        """Jump."""
        if condition is None:
            self.emit(f"br label %{label}")
            self.terminated = True
            return
        after = f"b{next(self.numbers)}"
        self.emit(f"br i1 {condition}, label %{label}, label %{after}")
        self.terminated = True
        self.start_block(after)

    do_bra = branch  # found by name; `instruction` calls it with its condition

    def do_ret(self, modifiers: list[str], _: list[str]) -> None:
        """Leave."""
        _only(modifiers, "uni")
        self.emit("ret void")
        self.terminated = True

    def do_exit(self, modifiers: list[str], _: list[str]) -> None:
        """Leave the kernel."""
        if not self.function.is_entry:
            raise UnknownPtxError("exit in a function")
        self.do_ret(modifiers, _)

    def do_call(self, modifiers: list[str], arguments: list[str]) -> None:
        """Call a function of the module."""
        _only(modifiers, "uni")
        groups = [argument.strip("()").split(",") if argument.startswith("(") else argument for argument in arguments]
        (name,) = (group for group in groups if isinstance(group, str))
        places = [self.memory[part.strip()] for group in groups if not isinstance(group, str) for part in group]
        if name not in self.owner.function_names:
            raise UnknownPtxError(f"call of {name}")
        self.emit(f"call void @{_quoted(name)}({', '.join(f'ptr {place}' for place in places)})")

    # ---- moves and memory

    def do_mov(self, modifiers: list[str], arguments: list[str]) -> None:
        """Copy, pack or unpack."""
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        target, source = arguments
        if target.startswith("{"):
            parts = _operands(target[1:-1])
            width = WIDTHS[kind] // len(parts)
            whole = self.read(source, f"i{WIDTHS[kind]}")
            for i, part in enumerate(parts):
                piece = self.value(f"lshr i{WIDTHS[kind]} {whole}, {i * width}")
                self.write(part, f"i{width}", self.value(f"trunc i{WIDTHS[kind]} {piece} to i{width}"))
        elif source.startswith("{"):
            parts = _operands(source[1:-1])
            width, wide = WIDTHS[kind] // len(parts), f"i{WIDTHS[kind]}"
            whole = "0"
            for i, part in enumerate(parts):
                narrow = self.read(part, f"i{width}")
                piece = self.value(f"zext i{width} {narrow} to {wide}")
                placed = self.value(f"shl {wide} {piece}, {i * width}")
                whole = self.value(f"or {wide} {whole}, {placed}")
            self.write(target, wide, whole)
        else:
            self.write(target, kind, self.read(source, kind))

    def do_cvta(self, modifiers: list[str], arguments: list[str]) -> None:
        """Addresses of all state spaces are host addresses here."""
        _only(modifiers, "to", "global", "local", "u64")
        self.write(arguments[0], "i64", self.read(arguments[1], "i64"))

    def address(self, operand: str, space: str, size: int) -> str:
        """A pointer from "[base+offset]"."""
        found = re.fullmatch(r"\[([%\w$]+)(?:\+(-?\d+))?\]", operand)
        if found is None:
            raise UnknownPtxError(operand)
        base, offset = found.group(1), int(found.group(2) or 0)
        if space == "param":
            return self.value(f"getelementptr i8, ptr {self.memory[base]}, i64 {offset}")
        number = self.value(f"add i64 {self.read(base, 'i64')}, {offset}")
        if space == "global" and self.owner.checked:
            number = self.value(f"call i64 @checked_address(i64 {number}, i64 {size})")
        return self.value(f"inttoptr i64 {number} to ptr")

    def _access(self, modifiers: list[str]) -> tuple[str, str, int]:
        # without a space an address is a generic one, and on the host all are
        space, *rest = modifiers if modifiers[0] not in LLVM_TYPES else ["generic", *modifiers]
        if space not in ("global", "local", "param", "generic"):
            raise UnknownPtxError(f"memory in {space}")
        _only(rest[:-1], "nc", "v2", "v4")
        return space, rest[-1], 2 if "v2" in rest else 4 if "v4" in rest else 1

    def do_ld(self, modifiers: list[str], arguments: list[str]) -> None:
        """Load."""
        space, suffix, count = self._access(modifiers)
        kind = LLVM_TYPES[suffix]
        size = WIDTHS[kind] // 8
        pointer = self.address(arguments[1], space, count * size)
        targets = _operands(arguments[0][1:-1]) if count > 1 else [arguments[0]]
        for i, target in enumerate(targets):
            place = self.value(f"getelementptr {kind}, ptr {pointer}, i64 {i}")
            self.write(target, kind, self.value(f"load {kind}, ptr {place}, align {size}"), suffix.startswith("s"))

    def do_st(self, modifiers: list[str], arguments: list[str]) -> None:
        """Store."""
        space, suffix, count = self._access(modifiers)
        kind = LLVM_TYPES[suffix]
        size = WIDTHS[kind] // 8
        sources = _operands(arguments[1][1:-1]) if count > 1 else [arguments[1]]
        values = [self.read(source, kind) for source in sources]
        pointer = self.address(arguments[0], space, count * size)
        for i, value in enumerate(values):
            place = self.value(f"getelementptr {kind}, ptr {pointer}, i64 {i}")
            self.emit(f"store {kind} {value}, ptr {place}, align {size}")

    # ---- comparison and choice

    def do_setp(self, modifiers: list[str], arguments: list[str]) -> None:
        """Compare."""
        comparison, suffix = modifiers
        kind = LLVM_TYPES[suffix]
        if suffix.startswith("f"):
            operation = f"fcmp {FLOAT_COMPARISONS[comparison]}"
        elif comparison in ("eq", "ne"):
            operation = f"icmp {comparison}"
        elif suffix.startswith("s"):
            operation = f"icmp s{comparison}"
        else:
            operation = f"icmp {UNSIGNED_COMPARISONS[comparison]}"
        x, y = (self.read(argument, kind) for argument in arguments[1:])
        self.write(arguments[0], "i1", self.value(f"{operation} {kind} {x}, {y}"))

    def do_selp(self, modifiers: list[str], arguments: list[str]) -> None:
        """Choose by a predicate."""
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        x, y = (self.read(argument, kind) for argument in arguments[1:3])
        condition = self.read(arguments[3], "i1")
        self.write(arguments[0], kind, self.value(f"select i1 {condition}, {kind} {x}, {kind} {y}"))

    # ---- arithmetic

    def _binary(self, kind: str, arguments: list[str], operation: str) -> None:
        x, y = (self.read(argument, kind) for argument in arguments[1:])
        self.write(arguments[0], kind, self.value(f"{operation} {kind} {x}, {y}"))

    def _add_or_subtract(self, operation: str, modifiers: list[str], arguments: list[str]) -> None:
        suffix = modifiers[-1]
        kind = LLVM_TYPES[suffix]
        if suffix.startswith("f"):
            _only(modifiers[:-1], "rn")
            self._binary(kind, arguments, f"f{operation}")
        elif modifiers[:-1] == ["cc"]:
            self._with_carry(operation, kind, arguments, carry_in=False, carry_out=True)
        else:
            _only(modifiers[:-1])
            self._binary(kind, arguments, operation)

    def do_add(self, modifiers: list[str], arguments: list[str]) -> None:
        """Add."""
        self._add_or_subtract("add", modifiers, arguments)

    def do_sub(self, modifiers: list[str], arguments: list[str]) -> None:
        """Subtract."""
        self._add_or_subtract("sub", modifiers, arguments)

    def do_addc(self, modifiers: list[str], arguments: list[str]) -> None:
        """Add with the carry."""
        _only(modifiers[:-1], "cc")
        self._with_carry("add", LLVM_TYPES[modifiers[-1]], arguments, True, "cc" in modifiers)

    def do_subc(self, modifiers: list[str], arguments: list[str]) -> None:
        """Subtract with the borrow."""
        _only(modifiers[:-1], "cc")
        self._with_carry("sub", LLVM_TYPES[modifiers[-1]], arguments, True, "cc" in modifiers)

    def _with_carry(
        self, operation: str, kind: str, arguments: Sequence[str], carry_in: bool, carry_out: bool
    ) -> None:
        x, y = (self.read(argument, kind) for argument in arguments[1:])
        wide = f"i{2 * WIDTHS[kind]}"
        x, y = (self.value(f"zext {kind} {operand} to {wide}") for operand in (x, y))
        total = self.value(f"{operation} {wide} {x}, {y}")
        if carry_in:
            carried = self.value("load i1, ptr %carry")
            carry = self.value(f"zext i1 {carried} to {wide}")
            total = self.value(f"{operation} {wide} {total}, {carry}")
        if carry_out:
            high = self.value(f"lshr {wide} {total}, {WIDTHS[kind]}")
            carry = self.value(f"trunc {wide} {high} to i1")
            self.emit(f"store i1 {carry}, ptr %carry")
        self.write(arguments[0], kind, self.value(f"trunc {wide} {total} to {kind}"))

    def _product(self, modifiers: list[str], x: str, y: str) -> tuple[str, str]:
        """Type and value of an integer product: its low half, its high half, or all of it."""
        part, suffix = modifiers
        kind = LLVM_TYPES[suffix]
        a, b = self.read(x, kind), self.read(y, kind)
        if part == "lo":
            return kind, self.value(f"mul {kind} {a}, {b}")
        wide = f"i{2 * WIDTHS[kind]}"
        extend = "sext" if suffix.startswith("s") else "zext"
        a, b = (self.value(f"{extend} {kind} {operand} to {wide}") for operand in (a, b))
        product = self.value(f"mul {wide} {a}, {b}")
        if part == "wide":
            return wide, product
        if part != "hi":
            raise UnknownPtxError(f"mul.{part}")
        high = self.value(f"lshr {wide} {product}, {WIDTHS[kind]}")
        return kind, self.value(f"trunc {wide} {high} to {kind}")

    def do_mul(self, modifiers: list[str], arguments: list[str]) -> None:
        """Multiply."""
        if modifiers[-1].startswith("f"):
            _only(modifiers[:-1], "rn")
            self._binary(LLVM_TYPES[modifiers[-1]], arguments, "fmul")
        else:
            kind, product = self._product(modifiers, *arguments[1:])
            self.write(arguments[0], kind, product)

    def _multiply_add(self, modifiers: list[str], arguments: list[str], carry_in: bool) -> None:
        carry_out = "cc" in modifiers
        kind, product = self._product([m for m in modifiers if m != "cc"], *arguments[1:3])
        self.entry.append(f"  %product{(number := next(self.numbers))} = alloca {kind}")
        self.emit(f"store {kind} {product}, ptr %product{number}")
        self.scopes[-1]["%product"] = (f"%product{number}", kind)
        self._with_carry("add", kind, [arguments[0], "%product", arguments[3]], carry_in, carry_out)

    def do_mad(self, modifiers: list[str], arguments: list[str]) -> None:
        """Multiply integers and add."""
        self._multiply_add(modifiers, arguments, carry_in=False)

    def do_madc(self, modifiers: list[str], arguments: list[str]) -> None:
        """Multiply integers and add with the carry."""
        self._multiply_add(modifiers, arguments, carry_in=True)

    def do_fma(self, modifiers: list[str], arguments: list[str]) -> None:
        """Multiply and add with one rounding."""
        rounding, suffix = modifiers
        _only([rounding], "rn")
        kind = LLVM_TYPES[suffix]
        values = [(kind, self.read(argument, kind)) for argument in arguments[1:]]
        self.write(arguments[0], kind, self.intrinsic(f"llvm.fma.{suffix}", kind, *values))

    def do_div(self, modifiers: list[str], arguments: list[str]) -> None:
        """Divide; the GPU's approximate quotient is off by up to 2 units in the last place, the host's is not."""
        suffix = modifiers[-1]
        allowed = {"f32": ("rn", "approx"), "f64": ("rn",)}.get(suffix, ())
        _only(modifiers[:-1], *allowed)
        self._binary(LLVM_TYPES[suffix], arguments, {"f": "fdiv", "s": "sdiv", "u": "udiv"}[suffix[0]])

    def do_rem(self, modifiers: list[str], arguments: list[str]) -> None:
        """Remainder of a division."""
        (suffix,) = modifiers
        self._binary(LLVM_TYPES[suffix], arguments, {"s": "srem", "u": "urem"}[suffix[0]])

    def do_rcp(self, modifiers: list[str], arguments: list[str]) -> None:
        """Reciprocal."""
        rounding, suffix = modifiers
        _only([rounding], "rn")
        kind = LLVM_TYPES[suffix]
        x = self.read(arguments[1], kind)
        self.write(arguments[0], kind, self.value(f"fdiv {kind} 1.0, {x}"))

    def _float_function(self, name: str, modifiers: list[str], arguments: list[str], *allowed: str) -> None:
        _only(modifiers[:-1], *allowed)
        suffix = modifiers[-1]
        kind = LLVM_TYPES[suffix]
        values = [(kind, self.read(argument, kind)) for argument in arguments[1:]]
        self.write(arguments[0], kind, self.intrinsic(f"llvm.{name}.{suffix}", kind, *values))

    def do_sqrt(self, modifiers: list[str], arguments: list[str]) -> None:
        """Square root."""
        self._float_function("sqrt", modifiers, arguments, "rn")

    def do_copysign(self, modifiers: list[str], arguments: list[str]) -> None:
        """The second operand's magnitude with the first one's sign."""
        self._float_function("copysign", modifiers, [arguments[0], arguments[2], arguments[1]])

    def do_ex2(self, modifiers: list[str], arguments: list[str]) -> None:
        """Power of two: the GPU's is off by up to 2 units in the last place, the host's is not."""
        if modifiers not in (["approx", "ftz", "f32"], ["approx", "f32"]):
            raise UnknownPtxError(f"ex2.{'.'.join(modifiers)}")
        self._float_function("exp2", modifiers[-1:], arguments)

    def do_abs(self, modifiers: list[str], arguments: list[str]) -> None:
        """Magnitude."""
        if modifiers[-1].startswith("f"):
            self._float_function("fabs", modifiers, arguments)
        else:
            (suffix,) = modifiers
            kind = LLVM_TYPES[suffix]
            value = self.intrinsic(f"llvm.abs.{kind}", kind, (kind, self.read(arguments[1], kind)), ("i1", "false"))
            self.write(arguments[0], kind, value)

    def do_neg(self, modifiers: list[str], arguments: list[str]) -> None:
        """Opposite."""
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        x = self.read(arguments[1], kind)
        self.write(arguments[0], kind, self.value(f"fneg {kind} {x}" if suffix[0] == "f" else f"sub {kind} 0, {x}"))

    def _extreme(self, name: str, modifiers: list[str], arguments: list[str]) -> None:
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        function = f"{name}num.{suffix}" if suffix[0] == "f" else f"{suffix[0]}{name}.{kind}"
        values = [(kind, self.read(argument, kind)) for argument in arguments[1:]]
        self.write(arguments[0], kind, self.intrinsic(f"llvm.{function}", kind, *values))

    def do_min(self, modifiers: list[str], arguments: list[str]) -> None:
        """The smaller; a NaN loses."""
        self._extreme("min", modifiers, arguments)

    def do_max(self, modifiers: list[str], arguments: list[str]) -> None:
        """The larger; a NaN loses."""
        self._extreme("max", modifiers, arguments)

    # ---- bits

    def _logic(self, operation: str, modifiers: list[str], arguments: list[str]) -> None:
        (suffix,) = modifiers
        self._binary(LLVM_TYPES[suffix], arguments, operation)

    def do_and(self, modifiers: list[str], arguments: list[str]) -> None:
        """Bits in both."""
        self._logic("and", modifiers, arguments)

    def do_or(self, modifiers: list[str], arguments: list[str]) -> None:
        """Bits in either."""
        self._logic("or", modifiers, arguments)

    def do_xor(self, modifiers: list[str], arguments: list[str]) -> None:
        """Bits in one."""
        self._logic("xor", modifiers, arguments)

    def do_not(self, modifiers: list[str], arguments: list[str]) -> None:
        """Opposite bits."""
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        self.write(arguments[0], kind, self.value(f"xor {kind} {self.read(arguments[1], kind)}, -1"))

    def _shift(self, operation: str, beyond: str, kind: str, arguments: list[str]) -> None:
        """Shift; an amount of the width or more gives `beyond`, where LLVM would leave the result open."""
        x, amount = self.read(arguments[1], kind), self.read(arguments[2], "i32")
        wide = amount if kind == "i32" else self.value(f"{'zext' if kind == 'i64' else 'trunc'} i32 {amount} to {kind}")
        small = self.value(f"icmp ult i32 {amount}, {WIDTHS[kind]}")
        safe = self.value(f"select i1 {small}, {kind} {wide}, {kind} 0")
        shifted = self.value(f"{operation} {kind} {x}, {safe}")
        rest = self.value(f"ashr {kind} {x}, {WIDTHS[kind] - 1}") if beyond == "sign" else "0"
        self.write(arguments[0], kind, self.value(f"select i1 {small}, {kind} {shifted}, {kind} {rest}"))

    def do_shl(self, modifiers: list[str], arguments: list[str]) -> None:
        """Shift to higher bits."""
        (suffix,) = modifiers
        self._shift("shl", "0", LLVM_TYPES[suffix], arguments)

    def do_shr(self, modifiers: list[str], arguments: list[str]) -> None:
        """Shift to lower bits, keeping the sign of signed numbers."""
        (suffix,) = modifiers
        signed = suffix.startswith("s")
        self._shift("ashr" if signed else "lshr", "sign" if signed else "0", LLVM_TYPES[suffix], arguments)

    def do_bfi(self, modifiers: list[str], arguments: list[str]) -> None:
        """Put the low bits of the first operand into the second one; place and number of bits are constants."""
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        place, count = int(arguments[3]), int(arguments[4])
        if not 0 <= place < place + count <= WIDTHS[kind]:
            raise UnknownPtxError(f"bfi of {count} bits at {place}")
        mask = ((1 << count) - 1) << place
        inserted, rest = (self.read(argument, kind) for argument in arguments[1:3])
        moved = self.value(f"shl {kind} {inserted}, {place}")
        moved, rest = self.value(f"and {kind} {moved}, {mask}"), self.value(f"and {kind} {rest}, {~mask}")
        self.write(arguments[0], kind, self.value(f"or {kind} {moved}, {rest}"))

    def do_clz(self, modifiers: list[str], arguments: list[str]) -> None:
        """Leading zero bits."""
        (suffix,) = modifiers
        kind = LLVM_TYPES[suffix]
        count = self.intrinsic(f"llvm.ctlz.{kind}", kind, (kind, self.read(arguments[1], kind)), ("i1", "false"))
        self.write(arguments[0], "i32", count if kind == "i32" else self.value(f"trunc {kind} {count} to i32"))

    # ---- conversion

    def do_cvt(self, modifiers: list[str], arguments: list[str]) -> None:
        """Convert between types."""
        *rounding, target, source = modifiers
        _only(rounding, "rn", *ROUNDINGS)
        into, from_ = LLVM_TYPES[target], LLVM_TYPES[source]
        value = self.read(arguments[1], from_)
        signed = source.startswith("s")
        if source[0] == "f" and target[0] == "f":
            value = self._float_to_float(value, source, target, rounding)
        elif source[0] == "f":
            (mode,) = rounding
            whole = self.intrinsic(f"llvm.{ROUNDINGS[mode]}.{source}", from_, (from_, value))
            function = f"llvm.fpto{'si' if target.startswith('s') else 'ui'}.sat.{into}.{source}"
            value = self.intrinsic(function, into, (from_, whole))
        elif target[0] == "f":
            _only(rounding, "rn")
            value = self.value(f"{'si' if signed else 'ui'}tofp {from_} {value} to {into}")
        elif WIDTHS[into] > WIDTHS[from_]:
            value = self.value(f"{'sext' if signed else 'zext'} {from_} {value} to {into}")
        else:
            value = self.reinterpret(value, from_, into)
        self.write(arguments[0], into, value, target.startswith("s"))

    def _float_to_float(self, value: str, source: str, target: str, rounding: list[str]) -> str:
        kind = LLVM_TYPES[source]
        if source == target:
            (mode,) = rounding
            return self.intrinsic(f"llvm.{ROUNDINGS[mode]}.{source}", kind, (kind, value))
        if target == "f32":
            _only(rounding, "rn")
            return self.value(f"fptrunc {kind} {value} to float")
        _only(rounding)
        return self.value(f"fpext {kind} {value} to double")


def _only(modifiers: Sequence[str], *allowed: str) -> None:
    for modifier in modifiers:
        if modifier not in allowed:
            raise UnknownPtxError(f"modifier .{modifier}")


def _label(name: str) -> str:
    return f'"L{name}"'


def _escaped(data: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in data)


def _quoted(name: str) -> str:
    return f'"{name}"'


class _ModuleTranslator:
    """Translates a module and adds the loop over the grid."""

    def __init__(self, module: Module, checked: bool, counted: bool) -> None:
        self.module = module
        self.checked = checked
        self.counted = counted
        self.declarations: set[str] = set()
        self.block_opcodes: list[list[str]] = []
        self.variable_names = {name for name, _, _ in module.variables}
        self.function_names = {function.name for function in module.functions}

    def translate(self) -> str:
        """LLVM IR of the module."""
        functions = [_Translator(function, self).translate() for function in self.module.functions]
        variables = [
            f'@{_quoted(name)} = global [{len(data)} x i8] c"{_escaped(data)}", align {alignment}'
            for name, alignment, data in self.module.variables
        ]
        parts = [*sorted(self.declarations), *variables, *functions, _GRID.format(kernel=self.module.entry.name)]
        if self.counted:
            parts.append(f"@executions = global [{max(len(self.block_opcodes), 1)} x i64] zeroinitializer")
        if self.checked:
            parts.append(_CHECK)
        return "\n".join(parts)


_GRID = """
define void @run_blocks(i32 %first, i32 %end, i32 %blocks, i32 %threads, ptr %arguments) {{
entry:
  %some = icmp slt i32 %first, %end
  br i1 %some, label %block, label %done
block:
  %b = phi i32 [ %first, %entry ], [ %next_b, %block_end ]
  br label %thread
thread:
  %t = phi i32 [ 0, %block ], [ %next_t, %thread ]
  call void @"{kernel}"(ptr %arguments, i32 %t, i32 %threads, i32 %b, i32 %blocks)
  %next_t = add i32 %t, 1
  %more_t = icmp slt i32 %next_t, %threads
  br i1 %more_t, label %thread, label %block_end
block_end:
  %next_b = add i32 %b, 1
  %more_b = icmp slt i32 %next_b, %end
  br i1 %more_b, label %block, label %done
done:
  ret void
}}"""

_CHECK = """
@ranges = global ptr null
@range_count = global i64 0
@violation = global i64 0
@dump = internal global [64 x i8] zeroinitializer, align 16
define internal i64 @checked_address(i64 %address, i64 %size) noinline {
entry:
  %list = load ptr, ptr @ranges
  %count = load i64, ptr @range_count
  %end = add i64 %address, %size
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %again ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %test, label %bad
test:
  %low_place = getelementptr [2 x i64], ptr %list, i64 %i
  %high_place = getelementptr i64, ptr %low_place, i64 1
  %low = load i64, ptr %low_place
  %high = load i64, ptr %high_place
  %above = icmp uge i64 %address, %low
  %below = icmp ule i64 %end, %high
  %inside = and i1 %above, %below
  br i1 %inside, label %good, label %again
again:
  %next = add i64 %i, 1
  br label %loop
good:
  ret i64 %address
bad:
  store i64 %address, ptr @violation
  %substitute = ptrtoint ptr @dump to i64
  ret i64 %substitute
}"""


class MemoryAccessError(IndexError):
    """A kernel read or wrote outside of the arrays that it was given."""


class HostProgram:
    """A kernel in PTX, compiled for this processor.

    Parameters
    ----------
    ptx : str
        A module with one kernel.
    checked : bool
        Refuse global memory outside of the ranges given to `run`.
    counted : bool
        Count the instructions executed.
    """

    def __init__(self, ptx: str, checked: bool = False, counted: bool = False) -> None:
        translator = _ModuleTranslator(parse(ptx), checked, counted)
        self.parameters = [kind for kind, _ in translator.module.entry.parameters]
        self._block_opcodes = translator.block_opcodes
        self._checked = checked
        self._variables = translator.module.variables
        text = translator.translate()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_triple(llvm.get_process_triple())
        machine = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
        )
        module = llvm.parse_assembly(text)
        module.verify()
        builder = llvm.create_pass_builder(machine, llvm.PipelineTuningOptions(speed_level=2))
        builder.getModulePassManager().run(module, builder)
        self._jit = llvm.create_mcjit_compiler(module, machine)
        self._jit.finalize_object()
        prototype = ctypes.CFUNCTYPE(None, *[ctypes.c_int32] * 4, ctypes.c_void_p)
        self._run: Callable[..., None] = prototype(self._jit.get_function_address("run_blocks"))

    def run(self, blocks: int, threads: int, arguments: int, ranges: Sequence[tuple[int, int]] = ()) -> None:
        """Run all threads, one after the other.

        Parameters
        ----------
        blocks, threads : int
            One-dimensional grid.
        arguments : int
            Address of an array of pointers to the arguments, as the driver's launch function takes it.
        ranges : sequence of (int, int)
            First address and end of every array, for checked programs.

        Raises
        ------
        MemoryAccessError
            If a checked program left the ranges.
        """
        if self._checked:
            own = [(self._jit.get_global_value_address(name), len(data)) for name, _, data in self._variables]
            everything = [*ranges, *((start, start + size) for start, size in own)]
            table = (ctypes.c_int64 * (2 * len(everything)))(*itertools.chain.from_iterable(everything))
            self._global("ranges").value = ctypes.addressof(table)
            self._global("range_count").value = len(everything)
            self._global("violation").value = 0
        self._run(0, blocks, blocks, threads, arguments)
        if self._checked and self._global("violation").value:
            raise MemoryAccessError(f"address {self._global('violation').value:#x} belongs to no array")

    def _global(self, name: str) -> Any:
        return ctypes.c_int64.from_address(self._jit.get_global_value_address(name))

    def executed(self) -> collections.Counter[str]:
        """How often each instruction was executed by a counted program."""
        place = self._jit.get_global_value_address("executions")
        counts = (ctypes.c_int64 * len(self._block_opcodes)).from_address(place)
        total: collections.Counter[str] = collections.Counter()
        for opcodes, count in zip(self._block_opcodes, counts, strict=True):
            for opcode in opcodes:
                total[opcode] += count
        return total
