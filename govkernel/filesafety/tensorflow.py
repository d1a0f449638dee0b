"""TensorFlow SavedModel and GraphDef: which operators a graph runs. Source: TensorFlow's ``saved_model.proto``,
``graph.proto`` and ``function.proto``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from govkernel.filesafety.interface import Finding, Place
from govkernel.filesafety.json_text import parse_json
from govkernel.filesafety.keras import judge_keras
from govkernel.filesafety.names import names
from govkernel.filesafety.protobuf import Walker
from govkernel.filesafety.source import Source

DANGEROUS: Final = names(
    "ReadFile WriteFile MatchingFiles PyFunc PyFuncStateless EagerPyFunc OpaquePyFunc NumpyFunc PrintV2",
    "Print LoadLibrary DebugIdentity DebugIdentityV2 DebugIdentityV3 DumpTensor WholeFileReader",
    "WholeFileReaderV2 TextLineReader TextLineReaderV2 TFRecordReader TFRecordReaderV2",
    "FixedLengthRecordReader FixedLengthRecordReaderV2 LMDBReader TextLineDataset TFRecordDataset",
    "FixedLengthRecordDataset FixedLengthRecordDatasetV2 SqlDataset CSVDataset LoadDataset SaveDataset",
    "SaveDatasetV2 SnapshotDataset SnapshotDatasetV2 CacheDataset CacheDatasetV2 WriteSummary",
    "WriteGraphSummary CreateSummaryFileWriter CreateSummaryDbWriter ImportEvent RegisterDataset",
    "RegisterDatasetV2 DataServiceDataset RpcCall RpcServer XlaLaunch",
)
"""Operators that read or write files, open connections, or call back into Python."""

KNOWN: Final = names(
    "Abs Add AddN AddV2 All Any ArgMax ArgMin Assert Assign AssignAddVariableOp AssignSubVariableOp",
    "AssignVariableOp AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 BatchToSpaceND BiasAdd",
    "BroadcastArgs BroadcastTo Bucketize Case Cast Ceil CheckNumerics ClipByValue Concat ConcatV2 Const",
    "ControlTrigger Conv1D Conv2D Conv2DBackpropInput Conv3D Cos Cumsum DepthToSpace",
    "DepthwiseConv2dNative Dequantize DivNoNan Einsum Elu EmptyTensorList EnsureShape Enter Equal Erf",
    "Exit Exp ExpandDims Expm1 FakeQuantWithMinMaxVars Fill Floor FloorDiv FloorMod FusedBatchNorm",
    "FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Gelu Greater GreaterEqual HashTable",
    "HashTableV2 Identity IdentityN If InitializeTable InitializeTableV2 InvertPermutation IsFinite IsNan",
    "L2Loss LRN LeakyRelu Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr",
    "LookupTableExport LookupTableExportV2 LookupTableFind LookupTableFindV2 LookupTableImportV2",
    "LookupTableSizeV2 LoopCond MatMul MatrixBandPart MatrixDiag MatrixDiagV3 Max MaxPool MaxPoolV2",
    "Maximum Mean Merge MergeV2Checkpoints Min Minimum MirrorPad Mul MutableHashTableV2 Neg NextIteration",
    "NoOp NonMaxSuppressionV2 NonMaxSuppressionV3 NonMaxSuppressionV4 NonMaxSuppressionV5 NotEqual OneHot",
    "OnesLike Pack Pad PadV2 ParseExampleV2 PartitionedCall Placeholder PlaceholderWithDefault Pow",
    "PreventGradient Prod QuantizeAndDequantizeV2 QuantizeV2 RaggedGather RaggedRange",
    "RaggedTensorToTensor RandomStandardNormal RandomUniform RandomUniformInt Range Rank ReadVariableOp",
    "RealDiv Reciprocal RegexReplace Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor",
    "ResourceGather RestoreV2 ReverseSequence ReverseV2 Rint Round Rsqrt SaveV2 ScatterNd SegmentSum",
    "Select SelectV2 Selu Shape ShapeN ShardedFilename Sigmoid Sign Sin Size Slice Snapshot Softmax",
    "Softplus Softsign SpaceToBatchND SpaceToDepth SparseReshape SparseToDense Split SplitV Sqrt Square",
    "SquaredDifference Squeeze StatefulPartitionedCall StatelessIf StatelessRandomGetAlg",
    "StatelessRandomGetKeyCounter StatelessRandomUniformV2 StatelessWhile StaticRegexFullMatch",
    "StaticRegexReplace StopGradient StridedSlice StringFormat StringJoin StringLower StringSplit",
    "StringSplitV2 StringStrip StringToHashBucketFast Sub Sum Switch Tan Tanh TensorArrayGatherV3",
    "TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3 TensorArrayV3 TensorArrayWriteV3",
    "TensorListFromTensor TensorListGetItem TensorListLength TensorListReserve TensorListSetItem",
    "TensorListStack TensorScatterUpdate Tile TopK TopKV2 Transpose TruncateDiv Unique UniqueV2 Unpack",
    "UnsortedSegmentSum VarHandleOp VarIsInitializedOp Variable VariableV2 Where While Xdivy Xlogy",
    "ZerosLike",
)
"""Operators that only compute, and those every SavedModel carries to load and save its own variables."""

_META_GRAPH, _GRAPH, _METADATA = 2, 2, 5
_NODE, _LIBRARY, _FUNCTION, _FUNCTION_NODE, _OPERATOR = 1, 2, 1, 3, 2


def examine_tensorflow(source: Source, place: Place) -> Iterator[Finding]:
    """``saved_model.pb``, a frozen GraphDef, or the metadata beside them."""
    base = place.name.rpartition("/")[2].lower()
    if base.endswith(".pbtxt") or base == "fingerprint.pb":
        if base != "fingerprint.pb":
            yield place.finding("unreadable-structure", "text of a protocol buffer")
        return
    if base == "keras_metadata.pb":
        yield from _keras_metadata(source, place)
        return
    walker = Walker("unreadable-structure")
    operators: set[str] = set()
    for field in walker.fields(source):
        if base == "saved_model.pb":
            if field.number == _META_GRAPH:
                for part in walker.fields(field.nested):
                    if part.number == _GRAPH:
                        operators |= _operators(walker, part.nested)
        elif field.number == _NODE:
            operators |= _node(walker, field.nested)
        elif field.number == _LIBRARY:
            operators |= _library(walker, field.nested)
    yield from _findings(operators, place)


def _keras_metadata(source: Source, place: Place) -> Iterator[Finding]:
    """SavedMetadata: of each object its configuration, as JSON. Source: Keras 2, ``saved_metadata.proto``."""
    walker = Walker("unreadable-structure")
    for node in walker.fields(source):
        for field in walker.fields(node.nested):
            if field.number == _METADATA and field.nested is not None and field.nested.size:
                yield from judge_keras(parse_json(field.nested.read(0, field.nested.size)), place)


def _findings(operators: set[str], place: Place) -> Iterator[Finding]:
    if not operators:
        yield place.finding("unreadable-structure", "no graph")
    for operator in sorted(operators & DANGEROUS):
        yield place.finding("tensorflow-op", operator)
    for operator in sorted(operators - DANGEROUS - KNOWN)[:20]:
        yield place.finding("unknown-operator", operator)


def _operators(walker: Walker, graph: Source | None) -> set[str]:
    found: set[str] = set()
    for field in walker.fields(graph):
        if field.number == _NODE:
            found |= _node(walker, field.nested)
        elif field.number == _LIBRARY:
            found |= _library(walker, field.nested)
    return found


def _library(walker: Walker, library: Source | None) -> set[str]:
    return {
        operator
        for function in walker.fields(library)
        if function.number == _FUNCTION
        for node in walker.fields(function.nested)
        if node.number == _FUNCTION_NODE
        for operator in _node(walker, node.nested)
    }


def _node(walker: Walker, node: Source | None) -> set[str]:
    return {field.text() for field in walker.fields(node) if field.number == _OPERATOR}
