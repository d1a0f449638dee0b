"""Pickles that no judge must pass. They are built from bytes and never loaded."""

from __future__ import annotations

import struct

CALLABLES = [
    *("os.system", "posix.system", "nt.system", "subprocess.Popen", "subprocess.check_output", "pty.spawn"),
    *(
        "builtins.eval",
        "builtins.exec",
        "builtins.compile",
        "builtins.open",
        "builtins.getattr",
        "builtins.setattr",
    ),
    *("builtins.__import__", "__builtin__.eval", "builtins.breakpoint", "builtins.globals", "builtins.map"),
    *("builtins.apply", "builtins.type", "builtins.vars", "builtins.print", "builtins.input"),
    *("operator.attrgetter", "operator.methodcaller", "operator.itemgetter", "_operator.attrgetter"),
    *("functools.partial", "functools.reduce", "itertools.starmap", "types.CodeType", "types.FunctionType"),
    *(
        "importlib.import_module",
        "importlib.util.find_spec",
        "runpy.run_path",
        "runpy._run_code",
        "imp.load_source",
    ),
    *(
        "pkgutil.resolve_name",
        "marshal.loads",
        "pickle.loads",
        "_pickle.loads",
        "pickle.Unpickler",
        "dill.loads",
    ),
    *("cloudpickle.loads", "joblib.load", "shelve.open", "code.interact", "code.InteractiveInterpreter"),
    *("pip.main", "pip._internal.main", "pip._vendor.distlib.scripts.ScriptMaker", "ensurepip._run_pip"),
    *(
        "venv.create",
        "setuptools.sandbox.run_setup",
        "distutils.file_util.write_file",
        "distutils.spawn.spawn",
    ),
    *(
        "torch.hub.load",
        "torch.load",
        "torch.serialization.load",
        "torch.jit.load",
        "torch.utils.collect_env.run",
    ),
    *("torch.storage._load_from_bytes", "torch.utils.bottleneck.__main__.run_autograd_prof"),
    *(
        "torch._dynamo.guards.GuardBuilder.get",
        "torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression",
    ),
    *("torch.package.PackageImporter", "torch.ops.load_library", "torch.nn.modules.linear.Linear"),
    *(
        "numpy.load",
        "numpy.f2py.crackfortran.getlincoef",
        "numpy.f2py.crackfortran._eval_length",
        "numpy.fromfile",
    ),
    *(
        "numpy.__builtins__",
        "numpy.testing._private.utils.runstring",
        "numpy.core._multiarray_umath.fromfile",
    ),
    *("numpy.distutils.exec_command.exec_command", "numpy.memmap", "numpy.ndarray.tofile", "numpy.size"),
    *(
        "_io.FileIO",
        "io.open",
        "io.open_code",
        "_io.open",
        "pathlib.Path.write_text",
        "codecs.open",
        "tempfile.mktemp",
    ),
    *("asyncio.unix_events._UnixSubprocessTransport", "asyncio.unix_events._UnixSubprocessTransport._start"),
    *("bdb.Bdb", "bdb.Bdb.run", "pdb.run", "timeit.timeit", "timeit.main", "trace.Trace.run", "profile.run"),
    *(
        "cProfile.run",
        "cProfile.runctx",
        "profile.Profile.runctx",
        "doctest.debug_script",
        "doctest.testsource",
    ),
    *(
        "idlelib.pyshell.ModifiedInterpreter.runcommand",
        "idlelib.run.Executive.runcode",
        "idlelib.autocomplete.x",
    ),
    *(
        "idlelib.calltip.Calltip.fetch_tip",
        "idlelib.debugobj.ObjectTreeItem.SetText",
        "lib2to3.pgen2.grammar.Grammar.loads",
    ),
    *("lib2to3.pgen2.pgen.ParserGenerator.make_label", "webbrowser.open", "antigravity.x", "ctypes.CDLL"),
    *(
        "ctypes.cdll.LoadLibrary",
        "_ctypes.dlopen",
        "multiprocessing.util.spawnv_passfds",
        "posixsubprocess.fork_exec",
    ),
    *("uuid._get_command_stdout", "_osx_support._read_output", "platform.popen", "commands.getoutput"),
    *(
        "logging.config._resolve",
        "logging.config.listen",
        "logging.FileHandler",
        "logging.config.ConvertingDict",
    ),
    *(
        "urllib.request.urlopen",
        "urllib.request.urlretrieve",
        "http.server.test",
        "requests.get",
        "socket.socket",
    ),
    *(
        "smtplib.SMTP",
        "ftplib.FTP",
        "telnetlib.Telnet",
        "ssl.get_server_certificate",
        "xmlrpc.client.ServerProxy",
    ),
    *(
        "sqlite3.connect",
        "zipimport.zipimporter",
        "shutil.rmtree",
        "shutil.copyfile",
        "os.remove",
        "glob.glob",
    ),
    *(
        "linecache.getlines",
        "fileinput.input",
        "configparser.ConfigParser.read",
        "gc.get_objects",
        "sys.exit",
    ),
    *(
        "sys.setprofile",
        "sys.modules",
        "threading.Timer",
        "_thread.start_new_thread",
        "signal.signal",
        "atexit.register",
    ),
    *(
        "_interpreters.run_string",
        "_xxsubinterpreters.run_string",
        "_posixsubprocess.fork_exec",
        "_pyrepl.pager.pipe_pager",
    ),
    *("pandas.read_pickle", "pandas.io.parsers.readers.read_csv", "pandas.core.computation.eval.eval"),
    *(
        "mlflow.projects.backend.local._run_entry_point",
        "cffi.FFI",
        "tensorflow.io.write_file",
        "keras.utils.get_file",
    ),
    *(
        "transformers.training_args.TrainingArguments",
        "transformers.dynamic_module_utils.get_class_in_module",
    ),
    *(
        "picklescan.scanner.scan_pickle_bytes",
        "fickling.hook.deactivate_safe_ml_environment",
        "cloudpickle.cloudpickle._make_function",
    ),
    *(
        "dill._dill._create_function",
        "dill._dill._eval_repr",
        "cloudpickle.cloudpickle._builtin_type",
        "joblib.numpy_pickle.NDArrayWrapper",
    ),
    *(
        "sklearn.utils._joblib.load",
        "copyreg.add_extension",
        "copyreg._extension_registry",
        "collections.namedtuple",
    ),
    *(
        "builtins.memoryview",
        "string.Formatter",
        "random._os.system",
        "turtle.eval",
        "rlcompleter.Completer",
        "inspect.eval",
    ),
]
"""Functions that public collections of malicious models, and advisories on scanners, call."""


def split(name: str) -> tuple[bytes, bytes]:
    module, _, attribute = name.rpartition(".")
    return module.encode(), attribute.encode()


def text(value: bytes) -> bytes:
    """SHORT_BINUNICODE."""
    return b"\x8c" + bytes([len(value)]) + value


def by_global(name: str) -> bytes:
    module, attribute = split(name)
    return b"\x80\x02c" + module + b"\n" + attribute + b"\nX\x02\x00\x00\x00id\x85R."


def by_stack_global(name: str) -> bytes:
    module, attribute = split(name)
    return b"\x80\x04" + text(module) + text(attribute) + b"\x93" + text(b"id") + b"\x85R."


def by_inst(name: str) -> bytes:
    module, attribute = split(name)
    return b"(S'id'\ni" + module + b"\n" + attribute + b"\n."


def by_obj(name: str) -> bytes:
    module, attribute = split(name)
    return b"(c" + module + b"\n" + attribute + b"\nS'id'\no."


def by_newobj(name: str) -> bytes:
    module, attribute = split(name)
    return b"\x80\x02c" + module + b"\n" + attribute + b"\nX\x02\x00\x00\x00id\x85\x81."


def by_memo(name: str) -> bytes:
    """The names lie in the memo under innocent neighbours, then come back for STACK_GLOBAL."""
    module, attribute = split(name)
    return (
        b"\x80\x04" + text(module) + b"q\x00" + text(attribute) + b"q\x01" + text(b"torch._utils") + b"\x94"
        + text(b"_rebuild_tensor_v2") + b"\x940000h\x00h\x01\x93" + text(b"id") + b"\x85R."
    )  # fmt: skip


def by_dotted(name: str) -> bytes:
    """Protocol 4 walks attributes: the last module part goes into the name."""
    module, attribute = split(name)
    first, _, rest = module.partition(b".")
    return b"\x80\x04" + text(first) + text((rest + b"." if rest else b"") + attribute) + b"\x93)R."


WAYS = [by_global, by_stack_global, by_inst, by_obj, by_newobj, by_memo, by_dotted]

SYSTEM = by_global("posix.system")

TRICKS = {
    "broken off after the call": SYSTEM[:-1],
    "broken by an unknown opcode": SYSTEM[:-1] + b"\xff\xff",
    "behind another pickle": b"N." + SYSTEM,
    "behind thousands of opcodes": b"(" + b"N" * 50_000 + b"1" + SYSTEM[2:],
    "result thrown away": SYSTEM[:-1] + b"0N.",
    "named, not called": b"cposix\nsystem\n.",
    "getattr of an allowed module": b"c__builtin__\ngetattr\n(cnumpy\nndarray\nS'tofile'\ntR.",
    "extension registry": b"\x80\x02\x82\x01)R.",
    "extension registry, four bytes": b"\x80\x02\x84\x01\x00\x00\x00)R.",
    "persistent id": b"Pposix.system\n.",
    "binary persistent id": b"\x80\x02X\x01\x00\x00\x00xQ.",
    "state for a function (modelscan 330)": (
        b"\x80\x04" + text(b"numpy") + text(b"ndarray") + b"\x93}" + text(b"shape") + b"NsN\x86b."
    ),
    "state for a class": b"ccollections\nOrderedDict\n}S'x'\nNsb.",
    "items for a class": b"ccollections\nOrderedDict\nNNs.",
    "appending to a function": b"c_codecs\nencode\nNa.",
    "calling what a call returned": b"ccollections\nOrderedDict\n)R)R.",
    "calling a constant": b"S'x'\n)R.",
    "a codec by name": b"c_codecs\nencode\n(X\x01\x00\x00\x00xX\x03\x00\x00\x00zipt\x52.",
    "a factory that is not data": b"ccollections\ndefaultdict\n(c_codecs\nencode\ntR.",
    "reconstructor of another class": b"ccopy_reg\n_reconstructor\n(cos\n_wrap_close\nc__builtin__\nobject\nNtR.",
    "reconstructor with a base": b"ccopy_reg\n_reconstructor\n(ccollections\nOrderedDict\nc__builtin__\ndict\nNtR.",
    "a dunder attribute": b"ccollections\nOrderedDict\n)R}S'__class__'\nNsb.",
    "an attribute of a dict": b"ccollections\nOrderedDict\n)R}S'items'\nc_codecs\nencode\nsb.",
    "memory by shape": b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I999999999999\ntS'b'\ntR.",
    "memory by bytearray": b"cbuiltins\nbytearray\n(I999999999999\ntR.",
    "memory by memo index": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a key nested in itself": b"}" + b"N\x85" + b"2\x86" * 60 + b"Ns.",
    "a set of what is nested in itself": b"c__builtin__\nset\n(](N\x85" + b"2\x86" * 60 + b"etR.",
    "an object dtype that lies": b"cnumpy\ndtype\n(S'f8'\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntb.",
    "a dtype of many types": b"cnumpy\ndtype\n(S'f8,O'\ntR.",
    "an array of references from bytes": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\ntRI00\nC\x08AAAAAAAAtb."
    ),
    "a scalar of an object": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'O'\ntRC\x01xtR.",
    "module and name cut elsewhere": b"ctorch\n_utils._rebuild_tensor_v2\n)R.",
    "a name with a line in it": b"\x80\x04" + text(b"collections\nos") + text(b"OrderedDict") + b"\x93.",
    "a name too long to read": b"\x80\x04X" + struct.pack("<I", 5000) + b"o" * 5000 + text(b"system") + b"\x93.",
    "an escaped name": b"\x80\x04S'\\x6fs'\nS'system'\n\x93.",
    "buffers": b"\x80\x05\x97.",
    "a frame that lies": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f" + SYSTEM[2:],
    "bytes that begin in a frame and end behind it": (
        b"\x80\x05NV" + b"a" * (8192 * 16 - 17) + b"\n0(\x95" + struct.pack("<QcI", 2, b"B", 263) + b"\0\0"
        + (SYSTEM[2:-1] + b"(").ljust(261, b"N") + b"1."
    ),
    "a short text across the end of a frame": b"\x80\x05\x95" + struct.pack("<Q", 3) + text(b"A" * 20) + b".",
    "a name across the end of a frame": b"\x80\x05\x95" + struct.pack("<Q", 4) + b"ccollections\nOrderedDict\n.",
    "a number across the end of a frame": b"\x80\x05\x95" + struct.pack("<Q", 2) + b"J\7\0\0\0.",
    "a frame in a frame": (
        b"\x80\x05\x95" + struct.pack("<Q", 30) + b"N0\x95" + struct.pack("<Q", 2) + b"N." + b" " * 20
    ),
    "a joblib array whose bytes are opcodes": (
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00shapeK\x20\x85X\x05\x00\x00\x00dtype"
        b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x85RX\x08\x00\x00\x00subclasscnumpy\nndarray\nub"
        + b"cposix\nsystem\n(S'id'\ntR.".ljust(32, b"N") + b"."
    ),
    "a joblib array of objects": (
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00shapeK\x01\x85X\x05\x00\x00\x00dtype"
        b"cnumpy\ndtype\nX\x01\x00\x00\x00O\x85RX\x08\x00\x00\x00subclasscnumpy\nndarray\nub"
        + SYSTEM + b"."
    ),
}  # fmt: skip
"""Whole pickles, by what they try."""
