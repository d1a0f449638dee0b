"""Keras: every layer and object a configuration names, by class and module, against an allow-list.

Source: ``keras.src.saving.serialization_lib``, Keras 3. ``module`` and ``class_name`` are imported; a Lambda layer
holds marshalled bytecode; some layers read files or wrap foreign code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from govkernel.filesafety.interface import Finding, Place
from govkernel.filesafety.json_text import MAX_BYTES, parse_json
from govkernel.filesafety.names import names
from govkernel.filesafety.source import Source

_MODULE: Final = re.compile(
    r"(?:tf_)?keras(?:\.src)?(?:\.engine)?(?:\.(?:layers|models|initializers|regularizers|constraints|activations|optimizers|losses|metrics"
    r"|dtype_policies|random|backend|src|rnn|core|attention|convolutional|pooling|normalization|merging|reshaping"
    r"|regularization|preprocessing|functional|sequential|model|training|schedules|learning_rate_schedule|input_layer"
    r"|dense|embedding|(?:torch|tensorflow|jax)\.optimizers\.(?:torch|tf|jax)_\w+))*"
)
_CLASSES: Final = names(
    "Sequential Functional Model InputLayer Dense Activation Embedding Masking Identity EinsumDense",
    "Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D",
    "DepthwiseConv1D DepthwiseConv2D MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D",
    "AveragePooling2D AveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D",
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D LSTM LSTMCell GRU GRUCell",
    "SimpleRNN SimpleRNNCell RNN ConvLSTM1D ConvLSTM2D ConvLSTM3D StackedRNNCells Bidirectional",
    "TimeDistributed BatchNormalization LayerNormalization GroupNormalization UnitNormalization",
    "RMSNormalization SpectralNormalization Normalization Rescaling Resizing CenterCrop Discretization",
    "CategoryEncoding Hashing HashedCrossing IntegerLookup StringLookup TextVectorization Dropout",
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout GaussianNoise",
    "ActivityRegularization MultiHeadAttention GroupQueryAttention Attention AdditiveAttention Reshape",
    "Flatten RepeatVector Permute Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D",
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D Concatenate Average Maximum Minimum Add Subtract Multiply",
    "Dot ReLU Softmax LeakyReLU PReLU ELU ThresholdedReLU RandomFlip RandomRotation RandomZoom",
    "RandomTranslation RandomCrop RandomContrast RandomBrightness GlorotUniform GlorotNormal HeUniform",
    "HeNormal LecunUniform LecunNormal Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal",
    "VarianceScaling Orthogonal OrthogonalInitializer IdentityInitializer L1 L2 L1L2",
    "OrthogonalRegularizer MaxNorm NonNeg UnitNorm MinMaxNorm DTypePolicy Policy FloatDTypePolicy",
    "QuantizedDTypePolicy Adam AdamW Adamax Adagrad Adadelta Nadam RMSprop SGD Ftrl Lion Adafactor",
    "LossScaleOptimizer ExponentialDecay PiecewiseConstantDecay PolynomialDecay InverseTimeDecay",
    "CosineDecay CosineDecayRestarts MeanSquaredError MeanAbsoluteError BinaryCrossentropy",
    "CategoricalCrossentropy SparseCategoricalCrossentropy Huber KLDivergence Poisson Hinge",
    "CosineSimilarity LogCosh Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy",
    "TopKCategoricalAccuracy AUC Precision Recall F1Score Mean RootMeanSquaredError __keras_tensor__",
    "__tensor__ __numpy__ __bytes__ __ellipsis__ __tuple__ __slice__ SeedGenerator",
)
_FUNCTIONS: Final = names(
    "relu relu6 leaky_relu elu selu gelu silu swish sigmoid hard_sigmoid hard_silu hard_swish log_sigmoid",
    "tanh softmax log_softmax softplus softsign exponential linear mish mean_squared_error",
    "mean_absolute_error binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "accuracy mse mae",
)
_DANGEROUS: Final = frozenset(
    [
        "Lambda",
        "TFSMLayer",
        "TorchModuleWrapper",
        "FlaxLayer",
        "JaxLayer",
        "TFOpLambda",
        "SlicingOpLambda",
        "ClassMethod",
        "InstanceMethod",
        "InstanceProperty",
        "__lambda__",
        "__typespec__",
        "function",
        "MelSpectrogram",
    ]
)
_NO_MODULE: Final = frozenset({"builtins", "", None})
_FILES: Final = frozenset({"vocabulary", "idf_weights", "filepath", "weights_path"})


def is_keras_config(document: Any) -> bool:
    """Whether a JSON document is a Keras model: an object that names its class and has a configuration."""
    return isinstance(document, dict) and {"class_name", "config"} <= document.keys()


def examine_keras(source: Source, place: Place) -> Iterator[Finding]:
    """``config.json`` or ``metadata.json`` of a ``.keras`` file."""
    document = parse_json(source.read(0, MAX_BYTES + 1))
    if place.name.endswith("config.json") and not is_keras_config(document):
        yield place.finding("unreadable-structure", "no Keras model")
    yield from judge_keras(document, place)


def judge_keras(document: Any, place: Place) -> Iterator[Finding]:
    """Every object in a configuration that names a class."""
    waiting, seen = [document], set[tuple[str, str]]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                seen.update(_object_dangers(value))
            seen.update(
                ("keras-layer", f"{key} from a file") for key in _FILES & value.keys() if _is_path(value[key])
            )
            waiting.extend(item for item in value.values() if isinstance(item, dict | list))
        elif isinstance(value, list):
            waiting.extend(item for item in value if isinstance(item, dict | list))
    yield from (place.finding(rule, detail) for rule, detail in sorted(seen))


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _object_dangers(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    name, module, registered = value["class_name"], value.get("module"), value.get("registered_name")
    text = f"{module}.{name}" if module else str(name)
    if not isinstance(name, str) or (module is not None and not isinstance(module, str)):
        yield "keras-layer", "a class that is no name"
    elif module in _NO_MODULE or _MODULE.fullmatch(str(module)):
        if name == "function" and isinstance(value.get("config"), str) and value["config"] in _FUNCTIONS:
            return
        if name in _DANGEROUS:
            yield "keras-layer", text
        elif name not in _CLASSES:
            yield "unknown-operator", f"layer {text}"
        elif isinstance(registered, str) and ">" in registered:
            yield "unknown-operator", f"layer registered as {registered}"
    else:
        yield "keras-layer", text
