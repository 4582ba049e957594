"""The confined process that executes a student's code and answers requests about it.

The code that it executes can read and change everything in this process, so the grader trusts no reply.
"""

import operator
import os
import random
import socket
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autograder.contract import REQUIRED
from autograder.sandbox import linux, reader, wire
from autograder.sandbox.confine import Plan, confine
from autograder.sandbox.limits import MAX_OUTLINED, MAX_PROBLEMS, MAX_TRACEBACK, Limits
from autograder.sandbox.repeats import lengthen
from autograder.sandbox.tensors import outline, pack, packable, same_bits, unpack
from autograder.student.adam import Adam
from autograder.student.local import LocalStudent
from autograder.student.passes import (
    gradient_norms,
    in_train_mode,
    modes_return_module,
    outputs_of,
    shared_tensors,
    step_along_gradients,
)
from autograder.student.state import is_float_kernel, load_state, state_of
from autograder.student.with_lists import with_lists
from autograder.student.without_dropout import without_dropout
from autograder.submission import Slice
from autograder.submission.execute import execute, is_defined, student_lines, text_of

Result = tuple[dict[str, Any], dict[str, Tensor]]


def main(channel: int, plan: Plan, limits: Limits, parent: int) -> None:
    """Confine this newly forked process, report that it is ready, and answer requests until the channel closes."""
    os.setsid()
    _keep_only(channel, *plan.descriptors)
    os.environ.clear()
    # torch's compiler creates this folder if it does not exist, and writes nothing into it here.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/"
    os.environ["HOME"] = "/tmp"  # `Path.home()` raises where the user id has no name
    os.environ["MPLCONFIGDIR"] = "/tmp"  # matplotlib refuses to be imported unless it may write there; it may not
    sys.argv = ["submission"]
    sock = socket.socket(fileno=channel)
    try:
        confine(plan, limits, parent)
        seed()
        torch.backends.mkldnn.enabled = False  # as in `run_suite`, which says why
        torch.backends.nnpack.set_flags(False)
    except Exception as error:
        wire.send(sock, {"failed": f"{type(error).__name__}: {error}"})
        return
    wire.send(sock, {"ready": {}})
    _serve(sock, limits)


def _keep_only(*descriptors: int) -> None:
    """Close all files but these; standard input and output become the null device."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number not in descriptors:
            try:
                os.close(number)
            except OSError:
                continue  # the descriptor of the listing itself
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115


def seed() -> None:
    """Seed all random number generators: every worker starts with the same state."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def _serve(sock: socket.socket, limits: Limits) -> None:
    server = Server()
    while True:
        try:
            header, body = wire.receive(sock, wire.MAX_REQUEST_HEADER, limits.request_bytes)
        except wire.PeerClosed:
            return
        server.at = 0
        try:
            result, tensors = server.answer(header, memoryview(body))
            reply, packed = {"id": header["id"], "result": result}, pack(tensors)
            if len(packed) > limits.reply_bytes:
                allowed = f"{limits.reply_bytes >> 20} MB"
                raise ValueError(f"a result of {len(packed) >> 20} MB, more than the {allowed} allowed")
        except BaseException as error:  # also SystemExit: a constructor may call sys.exit()
            reply, packed = {"id": header["id"], "at": server.at, "error": describe(error)}, b""
        wire.send(sock, reply, packed)


def describe(error: BaseException) -> dict[str, str]:
    return {
        "kind": type(error).__name__[:100],
        "message": text_of(error),
        "traceback": student_lines(error)[-MAX_TRACEBACK:],
    }


class Server:
    """Holds the student's classes and objects; one method for each request, named as the request is."""

    def __init__(self):
        self._student: LocalStudent | None = None
        self._modules: dict[int, nn.Module] = {}
        self._loaded: dict[int, tuple[int, dict[str, Tensor]]] = {}
        """The state that was loaded last into each module, and its number."""
        self._calls: dict[int, tuple[Tensor, Tensor]] = {}
        self._probes: dict[int, type[nn.Module]] = {}
        self._optimizers: dict[int, Adam] = {}
        self._drops = True
        """Whether dropout drops values; otherwise it returns its input."""
        self._lists = False
        """Whether a list of layers in the place of a layer is taken for its layers."""
        self.at = 0
        """The number of the request that is executed."""
        self._operations: dict[str, Callable[..., Result]] = {
            "forget": self._forget,
            "read": self._read,
            "load": self._load,
            "probe": self._probe,
            "probe_calls": self._probe_calls,
            "expansion": self._expansion,
            "signature": self._signature,
            "skeleton": self._skeleton,
            "construct": self._construct,
            "call": self._call,
            "backward": self._backward,
            "outputs": self._outputs,
            "in_train_mode": self._in_train_mode,
            "state": self._state,
            "gradients": self._gradients,
            "gradient_norms": self._gradient_norms,
            "step_along": self._step_along,
            "shared": self._shared,
            "load_state_dict": self._load_state_dict,
            "train": self._train,
            "modes": self._modes,
            "zero_grad": self._zero_grad,
            "adam": self._adam,
            "step": self._step,
            "dropout": self._dropout,
            "lists": self._with_lists,
        }

    def answer(self, header: dict[str, Any], body: memoryview) -> Result:
        """Execute the requests in the header; return the result of the last one.

        Exceptions of the student's code propagate; nothing is executed after one.
        """
        requests = [*header.get("before", ()), header]
        start = 0
        for self.at, one in enumerate(requests):
            linux.set_name(str(self.at))
            end = start + one["size"]
            try:
                tensors = lengthen(unpack(body[start:end]), one.get("shapes", {}))
                with with_lists(self._lists):
                    result = self._operations[one["op"]](tensors=tensors, **one["args"])
            except BaseException:
                for other in requests[self.at + 1 :]:
                    if other["op"] == "forget":
                        self._forget(**other["args"])
                raise
            start = end
        return result

    def _next_pass(self, number: int) -> None:
        """Tell that a pass begins: each has a time limit of its own."""
        linux.set_name(f"{self.at}.{number}")

    def _forget(self, handle: int, tensors: dict[str, Tensor] | None = None) -> Result:
        for table in (self._modules, self._loaded, self._calls, self._probes, self._optimizers):
            table.pop(handle, None)
        return {}, {}

    def _read(self, name: str, sizes: dict[str, int], tensors: dict[str, Tensor]) -> Result:
        """In a process that only reads: see `reader`."""
        return reader.answer(name, sizes, tensors["files"].numpy().tobytes())

    def _load(self, slice: dict[str, Any], tensors: dict[str, Tensor]) -> Result:
        namespace: dict[str, Any] = {}
        problems = execute(Slice.from_json(slice), namespace)
        self._student = LocalStudent(namespace)
        defined = [name for name in REQUIRED if is_defined(namespace, name)]
        return {"problems": [text[:MAX_TRACEBACK] for text in problems[:MAX_PROBLEMS]], "defined": defined}, {}

    def _probe(self, probe: int, expansion: int, norm: bool, tensors: dict[str, Tensor]) -> Result:
        self._probes[probe] = self._student.probe(expansion, norm)
        return {}, {}

    def _probe_calls(self, probe: int, tensors: dict[str, Tensor]) -> Result:
        return _report(self._probes[probe]), {}

    def _expansion(self, name: str, tensors: dict[str, Tensor]) -> Result:
        return {"expansion": operator.index(getattr(self._student, name).expansion)}, {}

    def _skeleton(self, name: str, args: list[Any], tensors: dict[str, Tensor]) -> Result:
        built = self._student.skeleton(name, *map(self._resolve, args))
        return {"shapes": [[name, list(parameter.shape)] for name, parameter in built.named_parameters()]}, {}

    def _signature(self, name: str, tensors: dict[str, Tensor]) -> Result:
        return {"parameters": [[p.name, p.positional, p.default] for p in self._student.parameters(name)]}, {}

    def _construct(
        self,
        handle: int,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        exactly: bool,
        tensors: dict[str, Tensor],
    ) -> Result:
        make = getattr(self._student, name)
        make = make.exactly if exactly else make
        built = make(*map(self._resolve, args), **{key: self._resolve(arg) for key, arg in kwargs.items()})
        self._modules[handle] = built
        lists = [arg for arg in args if isinstance(arg, list)]  # as the code leaves them
        probes = [_report(self._resolve(arg)) for arg in (*args, *kwargs.values()) if _is_probe(arg)]
        is_module = isinstance(built, nn.Module)
        return {"type_name": type(built).__name__, "is_module": is_module, "lists": lists, "probes": probes}, {}

    def _resolve(self, argument: Any) -> Any:
        """Return the class for a reference to a class, and other arguments unchanged."""
        if isinstance(argument, dict):
            return self._probes[argument["probe"]] if _is_probe(argument) else getattr(self._student, argument["name"])
        return argument

    def _call(
        self,
        module: int,
        call: int,
        with_grad: bool,
        needs_grad: bool,
        is_leaf: bool,
        tensors: dict[str, Tensor],
    ) -> Result:
        """Compute y = module(x); keep the graph if a backward pass may follow. Send `x` back if it was changed."""
        leaf = tensors["x"].clone().requires_grad_(needs_grad)
        with torch.set_grad_enabled(with_grad), without_dropout(not self._drops):
            x = leaf if is_leaf else leaf.clone()
            y = self._modules[module](x)
        if not (isinstance(y, Tensor) and packable(y)):
            return {"type_name": _type_name(y), "is_tensor": False, "has_graph": False}, {}
        reply = {"y": y, "x": x} if _changed(x, tensors["x"]) else {"y": y}
        has_graph = with_grad and y.requires_grad
        if has_graph:
            self._calls[call] = (leaf, y)
        return {"type_name": "Tensor", "is_tensor": True, "has_graph": has_graph}, reply

    def _backward(self, call: int, tensors: dict[str, Tensor]) -> Result:
        """Propagate the gradient `y`; reply with the gradient of the call's input as `x`, if it has one."""
        leaf, y = self._calls[call]
        torch.autograd.backward(y, tensors["y"])
        reply = {"x": leaf.grad} if leaf.grad is not None else {}
        leaf.grad = None
        return {}, reply

    def _outputs(
        self, module: int, inputs: list[str], afresh: bool, names: list[str] | None, tensors: dict[str, Tensor]
    ) -> Result:
        """Compute module(x) for each of the inputs, without gradients; load the state first if `afresh`."""
        reply, kind, given = {}, "Tensor", {name: tensors.pop(name) for name in set(inputs)}
        state = self._whole(module, names, {name.removeprefix("state:"): value for name, value in tensors.items()})
        with torch.no_grad(), without_dropout(not self._drops):
            for number, name in enumerate(inputs):
                self._next_pass(number)
                if afresh:
                    load_state(self._modules[module], state)
                y = self._modules[module](given[name].clone())
                if not _sendable(y):
                    kind = _type_name(y)
                    break
                reply[str(number)] = y.clone()  # the next pass may change it
        return {"type_name": kind}, reply

    def _in_train_mode(self, module: int, repeats: int, tensors: dict[str, Tensor]) -> Result:
        x = tensors["x"]
        with without_dropout(not self._drops):
            reply = in_train_mode(self._modules[module], x, tensors["upstream"], 0)
            for number in range(repeats):
                self._next_pass(number + 1)
                (reply[f"again {number}"],) = outputs_of(self._modules[module], [x])
        return {}, reply

    def _state(self, module: int, gradients: bool, kernels: bool, known: int, tensors: dict[str, Tensor]) -> Result:
        """Send the state as `state:NAME`, parameters that it lacks as `value:NAME`, gradients as `grad:NAME`.

        What is as it was loaded is only named, if that was the state of the number `known`. Of the weights of layers
        only the outlines are sent, if no `kernels` are wanted.
        """
        state = self._sendable_state(module)
        number, loaded = self._loaded.get(module, (0, {}))
        loaded = loaded if number == known else {}
        learned = dict(self._modules[module].named_parameters())
        outlined = {} if kernels else {n: v for n, v in state.items() if n in learned and _is_weight(v, learned[n])}
        if sum(value.nbytes for value in outlined.values()) > MAX_OUTLINED:
            outlined = {}
        sent = {n: v for n, v in state.items() if n not in outlined and not (n in loaded and _is_copy(v, loaded[n]))}
        reply = {f"state:{name}": value for name, value in sent.items()}
        parameters = []
        for name, parameter in learned.items():
            if name not in state or not _is_view(state[name], parameter):
                reply[f"value:{name}"] = parameter
            if gradients and parameter.grad is not None:
                reply[f"grad:{name}"] = parameter.grad
            parameters.append([name, parameter.requires_grad])
        outlines = {name: outline(value) for name, value in outlined.items()}
        return {"state": list(state), "parameters": parameters, "outlines": outlines}, reply

    def _gradients(self, module: int, tensors: dict[str, Tensor]) -> Result:
        parameters = list(self._modules[module].named_parameters())
        return {"names": [name for name, _ in parameters]}, {n: p.grad for n, p in parameters if p.grad is not None}

    def _shared(self, module: int, another: int, tensors: dict[str, Tensor]) -> Result:
        return {"names": shared_tensors(self._modules[module], self._modules[another])}, {}

    def _gradient_norms(self, module: int, tensors: dict[str, Tensor]) -> Result:
        norms = gradient_norms(self._modules[module])
        known = [norm for norm in norms.values() if norm is not None]
        given = [[name, norm is not None] for name, norm in norms.items()]
        return {"names": given}, {"norms": torch.tensor(known, dtype=torch.float64)}

    def _step_along(self, module: int, names: list[str] | None, size: float, tensors: dict[str, Tensor]) -> Result:
        step_along_gradients(self._modules[module], self._whole(module, names, tensors), size)
        return {}, {}

    def _load_state_dict(
        self, module: int, number: int, names: list[str] | None, whole: bool, tensors: dict[str, Tensor]
    ) -> Result:
        """Load tensors and keep them; those that are neither sent nor named stay as they are, if not `whole`."""
        given = self._whole(module, names, tensors)
        _, known = self._loaded.pop(module, (0, {}))
        if whole:
            load_state(self._modules[module], given)
        else:
            load_state(self._modules[module], {**self._sendable_state(module), **given})
            given = given if names is None else {**known, **given}
        self._loaded[module] = number, given
        return {}, {}

    def _sendable_state(self, module: int) -> dict[str, Tensor]:
        return {name: value for name, value in state_of(self._modules[module]).items() if _sendable(value)}

    def _whole(self, module: int, names: list[str] | None, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state of these names; what is not sent is as it was loaded last."""
        if names is None:
            return tensors
        return {name: tensors[name] if name in tensors else self._loaded[module][1][name] for name in names}

    def _train(self, module: int, mode: bool, tensors: dict[str, Tensor]) -> Result:
        self._modules[module].train() if mode else self._modules[module].eval()
        return {}, {}

    def _modes(self, module: int, tensors: dict[str, Tensor]) -> Result:
        return {"return_module": modes_return_module(self._modules[module])}, {}

    def _zero_grad(self, module: int, tensors: dict[str, Tensor]) -> Result:
        self._modules[module].zero_grad()
        return {}, {}

    def _adam(self, optimizer: int, module: int, lr: float, tensors: dict[str, Tensor]) -> Result:
        self._optimizers[optimizer] = self._student.Adam(self._modules[module], lr)
        return {}, {}

    def _step(self, optimizer: int, tensors: dict[str, Tensor]) -> Result:
        self._optimizers[optimizer].step()
        return {}, {}

    def _dropout(self, on: bool, tensors: dict[str, Tensor]) -> Result:
        self._drops = on
        return {}, {}

    def _with_lists(self, on: bool, tensors: dict[str, Tensor]) -> Result:
        self._lists = on
        return {}, {}


def _is_probe(argument: Any) -> bool:
    return isinstance(argument, dict) and "probe" in argument


def _report(probe: Any) -> dict[str, Any]:
    """What was built of a probe."""
    lists = {"calls": list(map(list, probe.calls)), "kept": list(map(list, probe.kept))}
    return {**lists, "foreign_call": probe.foreign_call}


def _is_view(value: Tensor, parameter: Tensor) -> bool:
    same = value.shape == parameter.shape and value.dtype == parameter.dtype and value.stride() == parameter.stride()
    return same and packable(parameter) and value.data_ptr() == parameter.data_ptr()


def _is_weight(value: Tensor, parameter: Tensor) -> bool:
    return is_float_kernel(value) and _is_view(value, parameter)


def _is_copy(value: Tensor, loaded: Tensor) -> bool:
    """Whether a tensor of the state is equal to what was loaded, and has memory of its own."""
    same = value.shape == loaded.shape and value.dtype == loaded.dtype and value.data_ptr() != loaded.data_ptr()
    return same and torch.equal(value, loaded)


def _sendable(value: object) -> bool:
    return isinstance(value, Tensor) and packable(value)


def _type_name(value: object) -> str:
    """The type of what the student's code returned, for a message."""
    if isinstance(value, Tensor):
        return f"Tensor ({value.layout}, {value.dtype}, {value.device.type})".replace("torch.", "")
    return type(value).__name__


def _changed(x: Tensor, before: Tensor) -> bool:
    """Whether the input was changed in place. Compared bit by bit, so that a NaN equals itself."""
    if x.shape != before.shape or x.dtype != before.dtype:
        return False  # resized or of another type: the caller's tensor cannot show that
    return not same_bits(x, before)
