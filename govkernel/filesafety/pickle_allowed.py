"""The allow-lists: full names, with the rule of each. One list per format; whoever adds a name adds a test.

A name belongs here when, called with what its rule lets through, it only makes data: it imports nothing, opens nothing,
allocates in proportion to the file, and gives no way to a name that is not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from govkernel.filesafety.interface import Refused
from govkernel.filesafety.pickle_rules import (
    LATIN,
    STORAGES,
    Allowed,
    Check,
    dtype_of,
    encode,
    is_shape,
    length,
    make_dtype,
    one_text,
    refuse_unless,
    role,
)
from govkernel.filesafety.pickle_tensors import TENSOR_CALLS
from govkernel.filesafety.pickle_values import Items, Made, Value

_List = Mapping[str, Allowed]
_Arguments = tuple[Value, ...]


def _named(module: str, name: str, **entry: Any) -> dict[str, Allowed]:
    return {f"{module}.{name}": Allowed(module, **entry)}


def _plain(arguments: _Arguments, kind: str) -> Made:
    """A call whose arguments are small constants."""
    refuse_unless(len(arguments) <= 8, "arguments")
    constants = all(item is None or isinstance(item, int | float | str | bytes) for item in arguments)
    refuse_unless(constants, "what is no constant")
    return Made(kind)


def _data(kind: str) -> Check:
    return lambda arguments, _: _plain(arguments, kind)


def _collection(kind: str) -> Check:
    """``set([...])`` and the like: made of at most one list, dict or tuple."""

    def check(arguments: _Arguments, _: _List) -> Value:
        fine = len(arguments) <= 1 and all(isinstance(item, Items | tuple) for item in arguments)
        refuse_unless(fine, "what is no list")
        heavy = any(isinstance(item, Items) and item.heavy for item in arguments)
        refuse_unless(not heavy and not _has_tuple(arguments), "a key nested in itself", "pickle-memory")
        return Made(kind)

    return check


def _has_tuple(arguments: _Arguments) -> bool:
    """A tuple of tuples, or one too long to look at each time it is used."""
    return any(
        isinstance(item, tuple) and (len(item) > 64 or any(isinstance(part, tuple) for part in item))
        for item in arguments
    )


def _defaultdict(arguments: _Arguments, allowed: _List) -> Value:
    fine = not arguments or arguments[0] is None or role(arguments[0], allowed) == "factory"
    refuse_unless(fine and len(arguments) <= 1, "a factory")
    return Made("dict")


def _bytearray(arguments: _Arguments, _: _List) -> Value:
    refuse_unless(len(arguments) <= 2, "arguments")
    refuse_unless(not arguments or length(arguments[0]) >= 0, "what are no bytes", "pickle-memory")
    refuse_unless(all(isinstance(item, str) and item in LATIN for item in arguments[1:]), "a codec")
    return bytearray()


def _moment(arguments: _Arguments, _: _List) -> Value:
    """A time, perhaps with its zone behind."""
    zoned = len(arguments) == 2 and isinstance(arguments[1], Made) and arguments[1].kind == "zone"
    return _plain(arguments[:1] if zoned else arguments, "time")


def _zone(arguments: _Arguments, _: _List) -> Value:
    """``datetime.timezone(timedelta, name)``."""
    fine = 1 <= len(arguments) <= 2 and isinstance(arguments[0], Made) and arguments[0].kind == "time"
    refuse_unless(fine, "what is no offset")
    _plain(arguments[1:], "zone")
    return Made("zone")


def _no_arguments(value: Value) -> Check:
    def check(arguments: _Arguments, _: _List) -> Value:
        refuse_unless(not arguments, "arguments")
        return value

    return check


def _new(kind: str) -> Check:
    def check(arguments: _Arguments, _: _List) -> Value:
        refuse_unless(not arguments, "arguments")
        return Made(kind)

    return check


def _reconstructor(arguments: _Arguments, allowed: _List) -> Value:
    """``copyreg._reconstructor(cls, object, None)``: a new instance, as protocols 0 and 1 write it."""
    refuse_unless(len(arguments) == 3 and arguments[2] is None, "arguments")
    refuse_unless(role(arguments[1], allowed) == "object", "a base")
    entry = allowed.get(getattr(arguments[0], "text", ""))
    if entry is None or entry.new is None:
        raise Refused("pickle-call", "a class")
    return entry.new((), allowed)


def _reconstruct(arguments: _Arguments, allowed: _List) -> Value:
    """``numpy…multiarray._reconstruct(ndarray, (0,), b"b")``: an empty array, whose content comes as state."""
    refuse_unless(len(arguments) == 3 and role(arguments[0], allowed) == "array", "a class")
    shape, kind = arguments[1:]
    refuse_unless(is_shape(shape) and shape[:1] == (0,) and len(shape) == 1, "a shape", "pickle-memory")
    refuse_unless(isinstance(kind, str | bytes) and kind in {"b", b"b"}, "a type")
    return Made("array")


def _scalar(arguments: _Arguments, _: _List) -> Value:
    """``numpy…multiarray.scalar(dtype, bytes)``."""
    refuse_unless(len(arguments) == 2 and isinstance(arguments[0], Made), "arguments")
    dtype = arguments[0]
    long = isinstance(arguments[1], Made) and arguments[1].kind == "long-bytes"
    fine = dtype.kind == "dtype" and not dtype.objects and (long or length(arguments[1]) >= 0)
    refuse_unless(fine, "what is no number")
    return Made("scalar")


def _from_buffer(arguments: _Arguments, _: _List) -> Value:
    """``numpy…numeric._frombuffer(bytes, dtype, shape, order)``, as protocol 5 writes arrays."""
    refuse_unless(len(arguments) == 4 and length(arguments[0]) >= 0, "a buffer")
    dtype, shape, order = arguments[1:]
    fine = isinstance(dtype, Made) and dtype.kind == "dtype" and not dtype.objects
    refuse_unless(fine and is_shape(shape) and isinstance(order, str), "what is no array")
    return Made("array", built=True)


def _size_one(arguments: _Arguments, _: _List) -> Value:
    """``torch.Size([...])``: a tuple."""
    refuse_unless(len(arguments) == 1 and isinstance(arguments[0], Items | tuple), "what is no list")
    return Made("size")


def _layout(arguments: _Arguments, _: _List) -> Value:
    refuse_unless(one_text(arguments).removeprefix("torch.") in _LAYOUTS, "a layout")
    return Made("layout")


_LAYOUTS: Final = frozenset({"strided", *(f"sparse_{kind}" for kind in ("coo", "csr", "csc", "bsr", "bsc"))})
_FACTORIES: Final = ("list", "dict", "set", "int", "float", "str", "tuple", "bool")
_SETS: Final = {"set": "set", "frozenset": "frozenset"}


def _builtins(module: str) -> dict[str, Allowed]:
    entries = {name: Allowed(module, role="factory") for name in _FACTORIES}
    entries |= {name: Allowed(module, call=_collection(kind), role="factory") for name, kind in _SETS.items()}
    entries |= {
        "object": Allowed(module, role="object"),
        "bytearray": Allowed(module, call=_bytearray),
        "bytes": Allowed(module, call=_no_arguments(b"")),
        "complex": Allowed(module, call=_data("number")),
        "slice": Allowed(module, call=_data("slice")),
        "range": Allowed(module, call=_data("range")),
    }
    return {f"{module}.{name}": entry for name, entry in entries.items()}


PLAIN: Final[_List] = {
    **_builtins("builtins"),
    **_builtins("__builtin__"),
    **_named("collections", "OrderedDict", call=_collection("ordered"), new=_new("ordered"), role="factory"),
    **_named("collections", "Counter", call=_collection("dict")),
    **_named("collections", "defaultdict", call=_defaultdict),
    **_named("collections", "deque", call=_collection("list")),
    **_named("datetime", "timezone", call=_zone),
    **_named("datetime", "datetime", call=_moment),
    **_named("datetime", "date", call=_data("time")),
    **_named("datetime", "time", call=_moment),
    **_named("datetime", "timedelta", call=_data("time")),
    **_named("decimal", "Decimal", call=_data("number")),
    **_named("argparse", "Namespace", new=_new("namespace")),
    **_named("_codecs", "encode", call=encode),
    **_named("copyreg", "_reconstructor", call=_reconstructor),
    **_named("copy_reg", "_reconstructor", call=_reconstructor),
}
"""Data of the standard library."""

_SCALARS: Final = (
    *("bool", "bool_", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "longdouble", "complex64", "complex128", "str_", "bytes_"),
)

NUMPY: Final[_List] = {
    **_named("numpy", "dtype", call=make_dtype, role="type"),
    **_named("numpy", "ndarray", role="array"),
    **{f"numpy.{name}": Allowed("numpy", role="type") for name in _SCALARS},
    **{
        f"numpy.{core}.{name}": Allowed(f"numpy.{core}.{name.rpartition('.')[0]}", call=check)
        for core in ("core", "_core")
        for name, check in {
            "multiarray._reconstruct": _reconstruct,
            "multiarray.scalar": _scalar,
            "numeric._frombuffer": _from_buffer,
        }.items()
    },
    **{
        f"numpy.dtypes.{name}DType": Allowed("numpy.dtypes", call=_no_arguments(dtype_of(kind)), role="type")
        for name, kind in {
            **{"Bool": "?", "Int8": "i1", "Int16": "i2", "Int32": "i4", "Int64": "i8", "UInt8": "u1"},
            **{
                "UInt16": "u2",
                "UInt32": "u4",
                "UInt64": "u8",
                "Float16": "f2",
                "Float32": "f4",
                "Float64": "f8",
            },
        }.items()
    },
}
"""Arrays, their types, and numbers."""

_DTYPES: Final = (
    *("float64", "double", "float32", "float", "float16", "half", "bfloat16", "complex32", "complex64"),
    *("complex128", "int64", "long", "int32", "int", "int16", "short", "int8", "uint8", "uint16", "uint32"),
    *("uint64", "bool", "quint8", "qint8", "qint32", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz"),
    *("float8_e5m2fnuz", "float8_e8m0fnu"),
)
_SCHEMES: Final = tuple(
    f"per_{kind}"
    for kind in (
        *("tensor_affine", "tensor_symmetric", "channel_affine", "channel_symmetric"),
        "channel_affine_float_qparams",
    )
)

TORCH: Final[_List] = {
    **PLAIN,
    **NUMPY,
    **{name: Allowed(name.rpartition(".")[0], role="storage", size=size) for name, size in STORAGES.items()},
    **{f"torch.{name}": Allowed("torch", role="dtype") for name in _DTYPES},
    **{f"torch.{name}": Allowed("torch", role="scheme") for name in _SCHEMES},
    **{
        f"torch._utils.{name}": Allowed("torch._utils", call=check)
        for name, check in TENSOR_CALLS.items()
        if name != "_rebuild_from_type_v2"
    },
    **_named("torch._tensor", "_rebuild_from_type_v2", call=TENSOR_CALLS["_rebuild_from_type_v2"]),
    **_named("torch", "Tensor", role="tensor"),
    **_named("torch.nn.parameter", "Parameter", role="tensor"),
    **_named("torch", "Size", call=_size_one, new=_size_one),
    **_named("torch", "device", call=_data("device")),
    **_named("torch.serialization", "_get_layout", call=_layout),
}
"""What ``torch.save`` writes for tensors, state dicts and checkpoints of plain data."""

_ESTIMATORS: Final = {
    "sklearn.linear_model._base": ("LinearRegression",),
    "sklearn.linear_model._logistic": ("LogisticRegression",),
    "sklearn.linear_model._ridge": ("Ridge", "RidgeClassifier"),
    "sklearn.linear_model._coordinate_descent": ("Lasso", "ElasticNet"),
    "sklearn.preprocessing._data": (
        *(
            "StandardScaler",
            "MinMaxScaler",
            "MaxAbsScaler",
            "RobustScaler",
            "Normalizer",
            "PolynomialFeatures",
        ),
        *("PowerTransformer", "QuantileTransformer"),
    ),
    "sklearn.preprocessing._encoders": ("OneHotEncoder", "OrdinalEncoder"),
    "sklearn.preprocessing._label": ("LabelEncoder", "LabelBinarizer"),
    "sklearn.preprocessing._polynomial": ("PolynomialFeatures",),
    "sklearn.preprocessing._discretization": ("KBinsDiscretizer",),
    "sklearn.feature_extraction.text": ("CountVectorizer", "TfidfVectorizer", "TfidfTransformer"),
    "sklearn.svm._classes": ("LinearSVC", "LinearSVR"),
    "sklearn.compose._column_transformer": ("ColumnTransformer",),
    "sklearn.calibration": ("CalibratedClassifierCV", "_CalibratedClassifier", "_SigmoidCalibration"),
    "sklearn.decomposition._pca": ("PCA",),
    "sklearn.decomposition._truncated_svd": ("TruncatedSVD",),
    "sklearn.cluster._kmeans": ("KMeans",),
    "sklearn.naive_bayes": ("GaussianNB", "MultinomialNB", "BernoulliNB"),
    "sklearn.impute._base": ("SimpleImputer",),
    "sklearn.pipeline": ("Pipeline", "FeatureUnion"),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis",),
}

GENERAL: Final[_List] = {
    **PLAIN,
    **NUMPY,
    **_named("joblib.numpy_pickle", "NumpyArrayWrapper", new=_new("joblib-array")),
    **{
        f"{module}.{name}": Allowed(module, new=_new("estimator"), role="type")
        for module, names in _ESTIMATORS.items()
        for name in names
    },
}
"""Pickles under other names, joblib's among them: data, arrays, and estimators whose state is plain attributes."""

OBJECTS: Final[_List] = {**PLAIN, **NUMPY}
"""Object arrays in numpy's own formats."""
