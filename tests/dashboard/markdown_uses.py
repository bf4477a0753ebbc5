"""Find Markdown of the dashboard that may hold a text which is not written in this project.

A text is safe if it is a literal, a number, `escape_markdown(…)`, or made from such: a name is
followed to its assignments, a call to what the function returns, a parameter to all calls.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from pipeline.workspace import PROJECT

LABEL = ((0, "label"), (None, "help"))
BODY = ((0, "body"), (None, "help"), (None, "title"))
ELEMENTS = {
    **dict.fromkeys(
        "button camera_input checkbox download_button expander file_uploader form_submit_button "
        "multiselect number_input popover select_slider selectbox slider status text_area "
        "text_input toggle".split(),
        LABEL,
    ),
    **dict.fromkeys(
        "caption error header info markdown subheader success title toast warning write".split(),
        BODY,
    ),
    **dict.fromkeys(("menu_button", "pills", "radio", "segmented_control"), LABEL),
    "Column": ((None, "help"),),
    "NumberColumn": ((None, "help"),),
    "TextColumn": ((None, "help"),),
    "ProgressColumn": ((None, "help"),),
    "dialog": ((0, "title"),),
    "image": ((1, "caption"),),
    "metric": (*LABEL, (1, "value"), (2, "delta")),
    "page_link": ((1, "label"), (None, "help")),
    "progress": ((1, "text"),),
    "spinner": ((0, "text"),),
    "table": ((0, "data"),),
    "tabs": ((0, "tabs"),),
}
"""Element → the arguments that it renders as Markdown: their positions and names."""

CHOICES = ("menu_button", "pills", "radio", "segmented_control")
SAFE_CALLS = set("escape_markdown columns get_args len sum round int float abs range bool".split())
OF_ARGUMENTS = {"str", "dict", "enumerate", "zip", "max", "min", "next", "iter"}
OF_KEYS = {"sorted", "list", "tuple", "set", "reversed", "fromkeys"}
OF_OBJECT = {"join", "lower", "capitalize", "upper", "replace", "items", "values", "keys", "get"}
OF_OBJECT |= {"pop", "setdefault", "removesuffix", "removeprefix"}
VALUE_OF_OPTIONS = {"radio", "segmented_control", "selectbox", "pills"}
SAFE_TYPE = re.compile(r"(Annotated\[)?(int|float|bool|Literal)\b(?!.*str).*")

Scope = ast.FunctionDef | ast.Lambda | ast.Module


def read_sources() -> dict[str, str]:
    """Return module → source of the dashboard and of what it imports."""
    paths = [path for each in ("dashboard", "pipeline") for path in (PROJECT / each).rglob("*.py")]
    names = [".".join(path.relative_to(PROJECT).with_suffix("").parts) for path in paths]
    return {
        name.removesuffix(".__init__"): path.read_text()
        for name, path in sorted(zip(names, paths, strict=True))
    }


class Sources:
    """All functions, names and calls of some modules.

    Args:
        sources: module → its source.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.module: dict[ast.AST, str] = {}
        self.functions: dict[tuple[str, str], ast.FunctionDef] = {}
        self.imports: dict[tuple[str, str], str] = {}
        self.trees: dict[str, ast.Module] = {}
        self.calls: dict[str, list[ast.Call]] = defaultdict(list)
        self.types: dict[str, set[str]] = defaultdict(set)
        for module, source in sources.items():
            self.trees[module] = ast.parse(source)
            for node in ast.walk(self.trees[module]):
                for child in ast.iter_child_nodes(node):
                    self.parents[child] = node
                self._index(node, module)
        self._open: set[int] = set()
        self._followed: set[int] = set()

    def _index(self, node: ast.AST, module: str) -> None:
        self.module[node] = module
        match node:
            case ast.FunctionDef(name):
                self.functions[module, name] = node
                self.types[name].add(ast.unparse(node.returns) if node.returns else "unknown")
            case ast.Call(func, args, keywords) if module.startswith("dashboard"):
                self.calls[_name(func)].append(node)
                if _name(func) == "partial":
                    given = ast.Call(args[0], args[1:], keywords)
                    self.module[given] = module
                    self.calls[_name(args[0])].append(given)
            case ast.AnnAssign(target, annotation):
                self.types[_name(target)].add(ast.unparse(annotation))
            case ast.ImportFrom(imported, names):
                for each in names:
                    self.imports[module, each.asname or each.name] = f"{imported}"

    def _defined(self, name: str, module: str) -> str:
        """Return the module where a name of a module comes from, by its imports."""
        while (module, name) in self.imports:
            module = self.imports[module, name]
        return module

    def _function(self, call: ast.Call) -> ast.FunctionDef | None:
        name, module = _name(call.func), self.module[call]
        if isinstance(call.func, ast.Attribute) and _name(call.func.value) == "resources":
            module = "dashboard.resources"
        return self.functions.get((self._defined(name, module), name))

    def place(self, node: ast.AST) -> str:
        """Return module and line."""
        return f"{self.module.get(node)}:{getattr(node, 'lineno', 0)}"

    def elements(self) -> Iterator[tuple[ast.Call, ast.expr]]:
        """Yield each call of an element of the dashboard, with each text it renders."""
        for name, arguments in ELEMENTS.items():
            for call in self.calls[name]:
                if not isinstance(call.func, ast.Attribute):
                    continue
                if name in ("table", "write") and _name(call.func.value) != "st":
                    continue
                named = {keyword.arg: keyword.value for keyword in call.keywords}
                for position, argument in arguments:
                    if argument in named:
                        yield call, named[argument]
                    elif position is not None and position < len(call.args):
                        yield call, call.args[position]
                if name in CHOICES:
                    options = named.get("options") or call.args[1]
                    yield call, self._called(named.get("format_func")) or _keys_of(options)

    def _called(self, function: ast.expr | None) -> ast.expr | None:
        """Return what calls a `format_func`."""
        if isinstance(function, ast.Attribute) and function.attr in ("get", "__getitem__"):
            return function.value
        if not isinstance(function, ast.Name):
            return function
        call = ast.Call(function, [], [])
        self.module[call] = self.module[function]
        return call

    def unsafe(self, node: ast.AST | None) -> list[ast.AST]:
        """Return the parts of an expression that may be any text."""
        if node is None or id(node) in self._open:
            return []
        self._open.add(id(node))
        try:
            return self._unsafe(node)
        finally:
            self._open.discard(id(node))

    def _all(self, nodes: Sequence[ast.AST | None]) -> list[ast.AST]:
        return [part for node in nodes for part in self.unsafe(node)]

    def _unsafe(self, node: ast.AST) -> list[ast.AST]:
        match node:
            case ast.Constant() | ast.Compare() | ast.UnaryOp():
                return []
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[*_, ast.Constant(value)])):
                return [] if value[-1] in ",dfgn%e" else self.unsafe(node.value)
            case ast.FormattedValue(value) | ast.Starred(value) | ast.Subscript(value):
                return self.unsafe(value)
            case ast.NamedExpr(value=value):
                return self.unsafe(value)
            case ast.JoinedStr(values) | ast.BoolOp(values=values):
                return self._all(values)
            case ast.List(elts) | ast.Tuple(elts) | ast.Set(elts):
                return self._all(elts)
            case ast.Dict(keys, values):
                return self._all([*keys, *values])
            case ast.BinOp(left, ast.Add() | ast.Mult() | ast.BitOr(), right):
                return self._all([left, right])
            case ast.BinOp():
                return []
            case ast.IfExp(_, body, orelse):
                return self._all([body, orelse])
            case ast.ListComp(elt) | ast.SetComp(elt) | ast.GeneratorExp(elt):
                return self.unsafe(elt)
            case ast.DictComp(key, value):
                return self._all([key, value])
            case ast.Lambda(_, body):
                return self.unsafe(body)
            case ast.Call():
                return self._unsafe_call(node)
            case ast.Name():
                return self._each_source(node, self.unsafe)
            case ast.Attribute(_, attr):
                types = self.types.get(attr, {"unknown"})
                return [] if all(map(SAFE_TYPE.fullmatch, types)) else [node]
        return [node]

    def _unsafe_call(self, call: ast.Call) -> list[ast.AST]:
        name = _name(call.func)
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if name in SAFE_CALLS:
            return []
        if isinstance(call.func, ast.Attribute) and name in OF_OBJECT:
            return self._all([call.func.value, *arguments])
        if name in ("keys_of", *OF_KEYS):
            return [part for each in arguments for part in self._unsafe_keys(each)]
        if name in OF_ARGUMENTS or name[:1].isupper():
            return self._all(arguments)
        if name == "map":
            return self.unsafe(self._called(call.args[0]))
        if name in VALUE_OF_OPTIONS and len(arguments) > 1:
            return self.unsafe(arguments[1])
        function = self._function(call)
        if function and SAFE_TYPE.fullmatch(ast.unparse(function.returns or ast.Constant(0))):
            return []
        returned = self._returned(call)
        return self._all(returned) if returned else [call]

    def _returned(self, call: ast.Call) -> list[ast.expr]:
        """Return what a function of the dashboard returns, or one that formats numbers."""
        function = self._function(call)
        if function is None:
            return []
        if not self.module[function].startswith(("dashboard", "pipeline.report.units")):
            return []
        found = (node for node in ast.walk(function) if isinstance(node, ast.Return))
        return [each.value for each in found if each.value and self._scope(each) is function]

    def _scope(self, node: ast.AST) -> ast.AST:
        node = self.parents[node]
        while not isinstance(node, ast.FunctionDef | ast.Lambda | ast.Module):
            node = self.parents[node]
        return node

    def _unsafe_keys(self, node: ast.AST) -> list[ast.AST]:
        """Return the unsafe parts of what an iteration yields, of a dictionary its keys."""
        match node:
            case ast.Dict(keys):
                return self._all(keys)
            case ast.DictComp(key):
                return self.unsafe(key)
            case ast.Name():
                return self._each_source(node, self._unsafe_keys)
            case ast.Call() if self._returned(node):
                return [part for each in self._returned(node) for part in self._unsafe_keys(each)]
        return self.unsafe(node)

    def _each_source(
        self, name: ast.Name, check: Callable[[ast.AST], list[ast.AST]]
    ) -> list[ast.AST]:
        """Check what a name stands for: assignments, arguments of callers, constants."""
        if id(name) in self._followed:
            return []
        self._followed.add(id(name))
        try:
            sources = self._sources(name)
            return [part for each in sources for part in check(each)] if sources else [name]
        finally:
            self._followed.discard(id(name))

    def _sources(self, name: ast.Name) -> list[ast.AST]:
        scope = self._scope(name)
        while not isinstance(scope, ast.Module):
            values: list[ast.AST] = list(_values(scope, name.id))
            parameter = _parameter(scope, name.id)
            if parameter is not None:
                return values + self._given(scope, parameter)
            if values:
                return values
            scope = self._scope(scope)
        module = self._defined(name.id, self.module[name])
        if (module, name.id) in self.functions:
            return [ast.Constant("")]  # which is no text
        return list(_values(self.trees[module], name.id)) if module in self.trees else []

    def _given(self, scope: ast.AST, parameter: ast.arg) -> list[ast.AST]:
        """Return what callers give for a parameter; nothing if they are not known."""
        annotation = ast.unparse(parameter.annotation) if parameter.annotation else ""
        if SAFE_TYPE.fullmatch(annotation):
            return [ast.Constant(0)]
        if isinstance(scope, ast.Lambda):
            return []
        arguments = scope.args
        names = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        is_method = names[:1] == ["self"]
        given: list[ast.AST] = []
        if parameter.arg in names[len(names) - len(arguments.defaults) :]:
            given.append(arguments.defaults[names.index(parameter.arg) - len(names)])
        for call in self.calls[scope.name]:
            if self._function(call) is not scope:
                continue
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            position = names.index(parameter.arg) - is_method if parameter.arg in names else -1
            if parameter.arg in keywords:
                given.append(keywords[parameter.arg])
            elif 0 <= position < len(call.args):
                given.append(call.args[position])
        return given


def _name(function: ast.AST) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _parameter(scope: ast.AST, name: str) -> ast.arg | None:
    arguments = scope.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    every += tuple(each for each in (arguments.vararg, arguments.kwarg) if each)
    return next((each for each in every if each.arg == name), None)


@cache
def _values(scope: ast.AST, name: str) -> list[ast.expr]:
    return list(_assigned(scope, name))


def _assigned(scope: ast.AST, name: str) -> Iterator[ast.expr]:
    """Yield what is assigned to a name in a function or module; of a tuple, all of it."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets, value):
                pairs = [(target, value) for target in targets]
            case ast.AnnAssign(target, _, value) if value is not None:
                pairs = [(target, value)]
            case ast.AugAssign(target, _, value) | ast.NamedExpr(target, value):
                pairs = [(target, value)]
            case ast.For(target, iterated) | ast.comprehension(target, iterated):
                yield from (v for t, v in _each(target, iterated) if _binds(t, name))
                continue
            case ast.withitem(context, target) if target is not None:
                pairs = [(target, context)]
            case ast.ExceptHandler(name=caught) if caught == name and node.type:
                yield node.type  # which is not safe
                continue
            case _:
                continue
        for target, value in pairs:
            yield from (v for t, v in _parts(target, value) if _binds(t, name))


def _binds(target: ast.expr, name: str) -> bool:
    if isinstance(target, ast.Tuple):
        return any(_binds(each, name) for each in target.elts)
    return isinstance(target, ast.Name) and target.id == name


def _parts(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Return the parts of an assignment, as far as they are known apart."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(target.elts, value.elts, strict=False)
        return [part for pair in pairs for part in _parts(*pair)]
    return [(target, value)]


def _each(target: ast.expr, iterated: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """Return the parts of what an iteration assigns."""
    match target, iterated:
        case _, ast.Tuple(elts) | ast.List(elts):
            return [part for each in elts for part in _parts(target, each)]
        case ast.Tuple(targets), ast.Call(ast.Name("zip"), arguments):
            pairs = zip(targets, arguments, strict=False)
            return [part for pair in pairs for part in _each(*pair)]
        case ast.Tuple([_, counted]), ast.Call(ast.Name("enumerate"), [items, *_]):
            return _each(counted, items)
        case ast.Tuple([key, value]), ast.Call(ast.Attribute(mapping, "items")):
            return [(key, _keys_of(mapping)), (value, mapping)]
    return [(target, _keys_of(iterated))]


def _keys_of(node: ast.expr) -> ast.Call:
    return ast.Call(ast.Name("keys_of"), [node], [])


def unsafe_texts(sources: Mapping[str, str]) -> list[str]:
    """Return the place and the text of each unsafe part of the dashboard's Markdown.

    Args:
        sources: module → its source, see `read_sources`.
    """
    modules, found = Sources(sources), set()
    for call, text in modules.elements():
        for part in modules.unsafe(text):
            shown = f"shown at {modules.place(call)}"
            found.add(f"{modules.place(part)}: {ast.unparse(part)} ({shown})")
    return sorted(found)
