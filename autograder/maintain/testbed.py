"""The test-bed of the diagnosis: every edit at every place, written as source code in several styles, and diagnosed.

    python -m autograder.maintain.testbed [--every K] [--pairs N] [--styles all] [--jobs N]

An edit is made of the right programs, and the programs are written as a student would write them: attributes, a list of
layers with `+=`, parameters by hand, a helper class, a base class with the layers in another order. It prints, for each
subject, how many of these submissions get exactly the name of the edit, another one, and none; then the same for random
pairs of edits, of which one may hide the other, see `VERDICTS`.
"""

import argparse
import random
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

from autograder.oracle.diagnose import CLASSES, diagnose, tasks_of
from autograder.oracle.edits import Edit, Hints, apply, catalogue
from autograder.oracle.edits.network import place
from autograder.oracle.program import Op, Program, network
from autograder.oracle.trial import Task
from autograder.student.local import LocalStudent

VERDICTS = {
    "exact": "every mistake is named",
    "hidden": "one of two is named, and explains all that can be seen: the other does not show",
    "part": "one of two is named; the other may be one of several",
    "other": "a name is given that is not there",
    "none": "no name is given",
}
STYLES = ("attributes", "list", "parameters", "helper", "base")
HINTS = Hints(frozenset({4, 96}))
"""Sizes of gates and hidden layers."""
PRELUDE = """
import torch
import torch.nn as nn
import torch.nn.functional as F

class Gate(nn.Module):
    def __init__(self, planes, hidden, bias):
        super().__init__()
        self.down, self.up = nn.Linear(planes, hidden, bias=bias), nn.Linear(hidden, planes, bias=bias)
    def forward(self, x):
        return x * torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3))))))[:, :, None, None]

class Scale(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(planes, 1, 1) if planes > 1 else torch.ones(1))
    def forward(self, x):
        return x * self.factor

class LayerNorm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)

class Conv(nn.Module):
    def __init__(self, n_in, n_out, size, stride, padding, dilation, groups, bias, mode):
        super().__init__()
        self.options, self.mode = (stride, padding, dilation, groups), mode
        self.kernel = nn.Parameter(torch.randn(n_out, n_in // groups, size, size) * 0.1)
        self.shift = nn.Parameter(torch.zeros(n_out)) if bias else None
    def forward(self, x):
        stride, padding, dilation, groups = self.options
        if self.mode != "zeros" and padding:
            x, padding = F.pad(x, [padding] * 4, self.mode), 0
        return F.conv2d(x, self.kernel, self.shift, stride, padding, dilation, groups)

class Unit(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, x):
        return self.inner(x)

class Base(nn.Module):
    def add(self, name, layer):
        setattr(self, "layer_" + name, layer)
        return layer
"""
CALLS = {
    **{f"leaky_relu_{slope}": f"F.leaky_relu({{0}}, {slope})" for slope in (0.1, 0.2, 0.3, 0.05, 0.25, 0.5)},
    **{"elu_0.5": "F.elu({0}, 0.5)", "celu_0.5": "F.celu({0}, 0.5)", "abs": "{0}.abs()"},
    **{"squared_relu": "F.relu({0}) ** 2", "quick_gelu": "{0} * torch.sigmoid(1.702 * {0})"},
    **{"gelu_tanh": "F.gelu({0}, approximate='tanh')", "softmax": "{0}.softmax(1)", "softmax_batch": "{0}.softmax(0)"},
    **{"log_softmax": "{0}.log_softmax(1)", "log_softmax_batch": "{0}.log_softmax(0)", "normalize": "F.normalize({0})"},
    **{"log_sigmoid": "F.logsigmoid({0})", "squeeze": "{0}.squeeze()", "sigmoid": "torch.sigmoid({0})"},
    "tanh": "torch.tanh({0})",
    "clamp": "{0}.clamp(0, 1)",
}
COMBINED = {
    **{"add": "{0} + {1}", "none": "{0}", "only": "{1}", "subtract": "{0} - {1}", "reverse": "{1} - {0}"},
    **{
        "average": "({0} + {1}) / 2",
        "twice": "{0} + 2 * {1}",
        "residual_twice": "2 * {0} + {1}",
        "multiply": "{0} * {1}",
    },
    **{"multiply_and_add": "{0} * {1} + {1}", "maximum": "torch.maximum({0}, {1})", "double": "2 * ({0} + {1})"},
    **{"minimum": "torch.minimum({0}, {1})", "concatenate": "torch.cat([{0}, {1}], 1)"},
    "concatenate_reverse": "torch.cat([{1}, {0}], 1)",
    **{"stack": "torch.cat([{0}, {1}])", "stack_reverse": "torch.cat([{1}, {0}])"},
}
POOLED = {
    **{"avg": "{0}.mean((2, 3), keepdim=True)", "max": "{0}.amax((2, 3), keepdim=True)", "first": "{0}[:, :, :1, :1]"},
    **{"sum": "{0}.sum((2, 3), keepdim=True)", "last": "{0}[:, :, -1:, -1:]", "avg_2": "F.avg_pool2d({0}, 2)"},
    **{"channels": "{0}.mean(1)", "channels_height": "{0}.mean((1, 2))", "all": "{0}.mean((1, 2, 3))"},
    **{"max_2": "F.max_pool2d({0}, 2)", "avg_max": "{0}.mean((2, 3), keepdim=True) + {0}.amax((2, 3), keepdim=True)"},
}
FORMS = {
    **{
        "NoneType": "None",
        "tuple": "({0}, {0})",
        "list": "[{0}]",
        "dict": "{{'out': {0}}}",
        "ndarray": "{0}.detach().numpy()",
    },
    **{"str": "str({0})", "int": "1", "float": "1.0", "Size": "{0}.shape", "int64": "{0}.argmax(1)", "bool": "{0} > 0"},
    **{"float16": "{0}.half()", "float64": "{0}.double()", "bfloat16": "{0}.bfloat16()"},
}
NOISES = {
    "dropout": "F.dropout({0}, 0.3, {1})",
    "noise": "({0} + 0.1 * torch.randn_like({0}) if {1} else {0})",
    "stochastic_depth": "({0} * float(torch.rand(()) < 0.5) if {1} else {0})",
}


def write(kind: str, edits: Sequence[Edit], style: str) -> str | None:
    """The source of a class with these edits made; None where they cannot be made, or make no difference."""
    programs = _made(kind, edits)
    if None in programs or programs == _made(kind, ()):
        return None
    return PRELUDE + "\n".join(_class_lines(kind, list(zip(tasks_of(kind), programs, strict=True)), style))


def _class_lines(kind: str, tasks: Sequence[tuple[Task, Program]], style: str) -> Iterator[str]:
    """The lines of the class: a case for each of the arguments that a diagnosis asks for."""
    programs = [program for _, program in tasks]
    blocks = kind != "ResNet"
    arguments = "in_planes, planes, stride=1" if blocks else "block, num_blocks, num_classes=10"
    yield f"class {kind}({'Base' if style == 'base' else 'nn.Module'}):"
    if blocks and (expansion := programs[0].fact("expansion")) is not None:
        yield f"    expansion = {expansion}"
    raising = {tuple(p.fact("raises") or ()) for p in programs if p.kind != "ResNet18"} - {()}
    if any("Module.__init__" in text for _, text in raising):
        yield from (f"    def __init__(self, {arguments}, *, case=None):", "        self.layer = nn.ReLU()")
        if not blocks:
            yield from _resnet18_lines(programs[-1], False)
        return
    default = next(p for p in programs if p.fact("how") == "default")
    arguments_alone = next(task.arguments for task, p in tasks if p is default)
    same = next(p for task, p in tasks if p is not default and task.arguments == arguments_alone)
    classes, stride = 10, 1
    if any("positional argument" in text for _, text in raising):
        if "required" in str(default.fact("raises")):
            given = "in_planes, planes, stride" if blocks else "block, num_blocks, num_classes"
            arguments = f"{given}, more" if programs[0].fact("raises") else given
        else:
            arguments = "in_planes, planes" if blocks else "block, num_blocks"
    elif blocks and default.ops != same.ops:
        stride = 2 if default.arguments[2] != same.arguments[2] else 1
        arguments = f"in_planes, planes, stride={stride}"
    elif not blocks and programs[0].by_name["linear"]["classes"] == 10:
        classes = default.by_name["linear"]["classes"]
        arguments = f"block, num_blocks, num_classes={classes}"
    yield f"    def __init__(self, {arguments}, *, case=None):"
    yield "        super().__init__()"
    last = (
        "stride" if "stride" in arguments else "1" if blocks else "num_classes" if "num_classes" in arguments else "10"
    )
    key = f"(in_planes, planes, {last})" if blocks else f"(block.expansion, tuple(num_blocks), {last})"
    yield f"        self.case = case or {key}"
    cases: dict[object, Program] = {task.arguments or p.kind: p for task, p in tasks if p is not default}
    alone = (*arguments_alone[:-1], stride if blocks else classes)
    if alone not in cases or not default.fact("raises"):
        cases[alone] = default
    forward = ["    def forward(self, x):"]
    for case, p in cases.items():
        made, called = _raising(p) if p.fact("raises") else _body(p, style)
        yield f"        if self.case == {case!r} and not hasattr(self, 'done'):"
        yield from (f"            {line}" for line in [*made, "self.done = True"])
        forward += [f"        if self.case == {case!r}:", *(f"            {line}" for line in called)]
    if not any(f"[{p.kind}] is missing" in (p.fact("forward_raises") or ("", ""))[1] for p in programs):
        yield from forward
    if not blocks:
        net = next(p for p in programs if p.kind == "ResNet18")
        yield from _resnet18_lines(net, arguments.endswith("num_classes") and not net.fact("raises"))


def _resnet18_lines(p: Program, needs_classes: bool) -> Iterator[str]:
    raises = p.fact("raises")
    yield "class BasicBlock(nn.Module):"
    yield "    expansion = 1"
    yield "KEPT = []"
    yield "def ResNet18():"
    if raises and "is no module" in raises[1]:
        yield "    return None" if "NoneType" in raises[1] else "    return ResNet"
        return
    yield f"    net = ResNet(BasicBlock, [2, 2, 2, 2], {'10, ' * needs_classes}case='ResNet18')"
    if p.fact("shared"):
        yield "    KEPT.append(net)"
        yield "    return KEPT[0]"
    yield "    return net.eval()" if p.fact("mode") == "eval" else "    return net"


def _raising(p: Program) -> tuple[list[str], list[str]]:
    """A constructor that raises; a wrong number of arguments raises by itself."""
    fragment = p.fact("raises")[1]
    made = {
        "in_channels must be divisible by groups": ["nn.Conv2d(3, 4, 1, groups=2)"],
        "out_channels must be divisible by groups": ["nn.Conv2d(4, 3, 1, groups=2)"],
        "divisible by num_groups": ["nn.GroupNorm(2, 3)"],
    }
    return made.get(fragment, ["pass"]), ["pass"]


def _body(p: Program, style: str) -> tuple[list[str], list[str]]:
    """The lines of the constructor and of forward for one case."""
    if p.fact("opaque"):
        built = [_layer(o, style, p, set()) for o in p.ops if o.kind == "block" and p.fact("blocks_not_called")]
        lines = [
            f"self.built = nn.ModuleList([{', '.join(built)}])",
            f"self.head = nn.Linear(48, {p.by_name['linear']['classes']})",
        ]
        return lines, ["return self.head(F.adaptive_avg_pool2d(x, 4).flatten(1))"]
    made, called, names, flat = [], [], {}, {"flat", "hidden", "linear", "second", "hidden_act", "hidden_bn"}
    if style == "list":
        made.append("self.layers = nn.ModuleList()")
    if any(not o["registered"] for o in p.ops):
        made.append("self.hidden = []")
    ops = [o for o in p.ops if (o.roles or not o["registered"] or o.kind in ("norm", "act")) and not o["shares"]]
    ops = sorted(ops, key=lambda o: place(o) if o.kind == "block" else ())
    for o in reversed(ops) if style == "base" else ops:
        layer = _layer(o, style, p, flat)
        if layer is None:
            continue
        clean = o.name.replace(".", "_")
        if not o["registered"]:
            made.append(f"self.hidden.append({layer})")
            names[o.name] = f"self.hidden[{sum(line.startswith('self.hidden.append') for line in made) - 1}]"
        elif style == "list":
            made.append(f"self.layers.append({layer})")
            names[o.name] = f"self.layers[{sum(line.startswith('self.layers.append') for line in made) - 1}]"
        elif style == "base":
            made.append(f"self.add('{clean}', {layer})")
            names[o.name] = f"self.layer_{clean}"
        else:
            made.append(f"self.{clean} = {f'Unit({layer})' if style == 'helper' else layer}")
            names[o.name] = f"self.{clean}"
        if not o["learns"]:
            weight = (
                "" if o.kind == "norm" or style == "parameters" else ".inner.weight" if style == "helper" else ".weight"
            )
            made.append(f"{names[o.name]}{weight}.requires_grad_(False)")
    value = {"x": "x"}
    for o in p.ops:
        if o["called"] or o.kind == "block":
            layer = names.get(o["shares"] or o.name, "")
            inputs = [value[i] for i in o.inputs]
            variable = f"v_{o.name.replace('.', '_')}"
            expression = inputs[0] if not o["called"] else _expression(o, layer, inputs, style)
            if o.kind == "combine" and o["how"] == "add" and style == "list" and not o["writes"]:
                called += [f"{variable} = {inputs[0]}", f"{variable} += {inputs[1]}"]
            else:
                called.append(f"{variable} = {expression}")
            if o["lost"]:
                called.append(f"{variable} = {inputs[0]}")
            if o["writes"]:
                called += [f"x.copy_({variable})", f"{variable} = x"]
            value[o.name] = variable
        else:
            value[o.name] = value[o.inputs[0]]
    if p.fact("unused_blocks") and not any(o["shares"] for o in p.ops):  # they are built and thrown away
        made.append(f"[block(*call) for call in {network(*(p.arguments or (1, (2, 2, 2, 2), 10))).calls}]")
    if p.fact("list_changed"):
        made.append("num_blocks.clear()")
    if raised := p.fact("forward_raises"):
        module = next((name for name in ("ModuleList", "ModuleDict") if name in raised[1]), "")
        called = [f"nn.{module}()(x)" if module else "None(x)"]
    return made or ["pass"], [*called, f"return {value[p.output]}"]


def _layer(o: Op, style: str, p: Program, flat: set[str]) -> str | None:
    """The expression that builds a layer; None for an operation that is none."""
    if o.kind == "conv":
        mode = o["padding_mode"] if o["padding_mode"] != "constant" else "zeros"
        sizes = ", ".join(
            str(o[n]) for n in ("in_planes", "planes", "kernel", "stride", "padding", "dilation", "groups")
        )
        return f"{'Conv' if style == 'parameters' else 'nn.Conv2d'}({sizes}, {o['bias']}, '{mode}')"
    if o.kind == "norm":
        options = (
            f"{o['planes']}, {o['eps']}, {o['momentum']}, {o['affine']}, {o['tracked'] and o['norm'] != 'instance'}"
        )
        return {
            "batch": f"nn.BatchNorm{1 if o.inputs[0] in flat else 2}d({options})",
            "group": f"nn.GroupNorm({o['groups']}, {o['planes']}, affine={o['affine']})",
            "layer": f"LayerNorm2d({o['planes']}, {o['eps']}, {o['affine']})",
            "response": f"nn.LocalResponseNorm({o['groups']})",
        }.get(o["norm"], f"nn.InstanceNorm2d({options})")
    if o.kind == "linear":
        return f"nn.Linear({o['features']}, {o['classes']}, {o['bias']})"
    if o.kind == "block":
        return f"block({o['in_planes']}, {o['planes']}, {o['stride']})"
    if o.kind == "gate":
        return f"Gate({o['planes']}, {o['hidden']}, {o['bias']})"
    if o.kind == "scale" and o["learned"]:
        return f"Scale({o['planes']})"
    if o.kind == "combine" and o["how"] == "blend":
        return "Scale(1)"
    return f"nn.PReLU({o['planes']})" if o.kind == "act" and o["how"] == "prelu" else None


def _expression(o: Op, layer: str, inputs: Sequence[str], style: str) -> str:
    """The expression that computes a value."""
    x, kind, how = inputs[0], o.kind, dict(o.options).get("how", "")
    if kind == "norm" and o["statistics"] and o["tracked"]:
        inner = f"{layer}.inner" if style == "helper" else layer
        mode = {"running": "False", "batch": "True", "inverted": "not self.training"}[o["statistics"]]
        return f"F.batch_norm({x}, {inner}.running_mean, {inner}.running_var, {inner}.weight, {inner}.bias, {mode})"
    if kind == "act" and how != "prelu":
        called = CALLS.get(how, f"F.{how}({{0}})").format(x)
        only = o["train_only"] or o["eval_only"]
        return f"{called} if {'' if o['train_only'] else 'not '}self.training else {x}" if only else called
    if kind == "random":
        return NOISES[o["what"]].format(x, "True" if o["in_eval"] else "self.training")
    if kind == "option_a":
        small = f"F.avg_pool2d({x}, {o['stride']})" if how == "avg" else f"{x}[:, :, ::{o['stride']}, ::{o['stride']}]"
        return f"F.pad({small}, (0, 0, 0, 0, *{o['channels']}))"
    if how in ("weighted", "blend"):
        share = o["share"] if how == "weighted" else f"{layer}.inner.factor" if style == "helper" else f"{layer}.factor"
        return f"{share} * {x} + (1 - {share}) * {inputs[1]}"
    if how == "nearest":
        return f"F.interpolate({x}, size=[-(-s // {o['stride']}) for s in {x}.shape[2:]])"
    table = {"combine": COMBINED, "pool": POOLED, "form": FORMS}.get(kind)
    if table is not None:
        return table[how].format(*inputs)
    if kind == "window":
        return f"F.{how}_pool2d({x}, {o['kernel']}, {o['stride']}, {o['padding']})"
    if kind == "scale" and not o["learned"]:
        return f"{x} * {o['factor']} + {o['shift']}"
    others = {
        "flatten": f"{x}.flatten(1)",
        "reshape": f"{x}.reshape({dict(o.options).get('shape')})",
        "detach": f"{x}.detach()",
        "identity": x,
    }
    return others.get(kind, f"{layer}({x})")


def judge(kind: str, edits: Sequence[Edit], style: str) -> tuple[str, tuple[str, ...]]:
    """How a submission with these edits is diagnosed: one of `VERDICTS`, or "" where there is none; with the names."""
    source = write(kind, edits, style)
    if source is None:
        return "", ()
    namespace: dict = {}
    torch.manual_seed(0)
    exec(compile(source, f"{kind}.py", "exec"), namespace)
    question = next(q for q, name in CLASSES.items() if name == kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnosis = diagnose(LocalStudent(namespace), question)
    if diagnosis is None:
        return "none", ()
    wanted, names = {edit.name for edit in edits}, set(diagnosis.names)
    part = "hidden" if diagnosis.complete else "part"
    return "exact" if names == wanted else part if names < wanted else "other", diagnosis.names


def singles(every: int, all_styles: bool) -> list[tuple[str, tuple[int, ...], str]]:
    """Each edit of each class in one of the styles in turn, or in all of them."""
    jobs = []
    for kind in CLASSES.values():
        for index in (n for n, edit in enumerate(catalogue(kind, HINTS)) if edit.name and n % every == 0):
            styles = STYLES if all_styles else (STYLES[index // every % len(STYLES)],)
            jobs += [(kind, (index,), style) for style in styles]
    return jobs


def pairs(number: int) -> list[tuple[str, tuple[int, ...], str]]:
    """Random pairs of edits with different names, of which neither undoes the other."""
    generator, jobs = random.Random(0), []
    while len(jobs) < number:
        kind, style = generator.choice([*CLASSES.values()]), generator.choice(STYLES)
        edits = catalogue(kind, HINTS)
        chosen = tuple(sorted(generator.sample(range(len(edits)), 2)))
        a, b = (edits[index] for index in chosen)
        if (
            a.name != b.name
            and a.name
            and b.name
            and write(kind, (a, b), style)
            and _made(kind, (a, b)) not in (_made(kind, [a]), _made(kind, [b]))
        ):
            jobs.append((kind, chosen, style))
    return jobs


def _made(kind: str, edits: Sequence[Edit]) -> list[Program | None]:
    """The programs with these edits."""
    return [apply(edits, task.program) for task in tasks_of(kind)]


def run(job: tuple[str, tuple[int, ...], str]) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
    """Diagnose one job: its subject, the names that it should get, the verdict, the names that it gets."""
    torch.set_num_threads(1)
    kind, chosen, style = job
    edits = [catalogue(kind, HINTS)[index] for index in chosen]
    verdict, names = judge(kind, edits, style)
    return f"{kind} {edits[0].kind}", tuple(edit.name for edit in edits), verdict, names


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit status 1 where a submission gets a name that is not there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="take every K-th edit only")
    parser.add_argument("--pairs", type=int, default=300, help="number of random pairs")
    parser.add_argument("--styles", choices=("one", "all"), default="one", help="each edit in one style, or in all")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    others = 0
    with ProcessPoolExecutor(options.jobs, get_context("forkserver")) as pool:
        for title, jobs in (
            ("edits", singles(options.every, options.styles == "all")),
            ("pairs", pairs(options.pairs)),
        ):
            table: dict[str, Counter[str]] = {}
            results = pool.map(run, jobs, chunksize=8)
            for (_, _, style), (subject, wanted, verdict, names) in zip(jobs, results, strict=True):
                row = table.setdefault(subject if title == "edits" else subject.split()[0], Counter())
                row[verdict] += 1
                others += verdict == "other"
                if verdict not in ("exact", ""):
                    print(
                        f"  {subject} ({style}): {' + '.join(wanted)} is named {' + '.join(names) or 'nothing'}",
                        flush=True,
                    )
            print(f"{title:40}" + "".join(f"{verdict:>8}" for verdict in VERDICTS))
            for subject, row in sorted(table.items()):
                print(f"{subject:40}" + "".join(f"{row[verdict]:>8}" for verdict in VERDICTS))
            total = sum((row for row in table.values()), Counter())
            del total[""]
            share = {verdict: f"{total[verdict] / max(total.total(), 1):.1%}" for verdict in VERDICTS}
            print(f"{total.total()} {title}: {share}")
            if shown := total.total() - total["hidden"]:
                print(f"{shown} of them show all that is wrong; {total['exact'] / shown:.1%} are named exactly")
    return int(others > 0)


if __name__ == "__main__":
    sys.exit(main())
