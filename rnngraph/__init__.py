"""Train recurrent networks in torch, export them as ONNX with their state outside, stream them in onnxruntime.

The names below are imported when they are first used: ``import rnngraph`` needs neither torch nor onnx nor pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngraph.lazy import lazy_exports

__version__ = "0.1.0"

_NAMES = {
    "rnngraph.conf": [
        "AMSGrad",
        "ActivationLayer",
        "AdaBelief",
        "AdaDelta",
        "AdaGrad",
        "AdaMax",
        "Adam",
        "AlphaDropout",
        "BatchNormalization",
        "Bidirectional",
        "BinomialDistribution",
        "CnnToFeedForwardPreProcessor",
        "CnnToRnnPreProcessor",
        "ComputationGraphConfiguration",
        "ConstantDistribution",
        "Convolution1DLayer",
        "ConvolutionLayer",
        "CycleSchedule",
        "DenseLayer",
        "DropConnect",
        "Dropout",
        "DropoutLayer",
        "DuplicateToTimeSeriesVertex",
        "ELU",
        "ElementWiseVertex",
        "EmbeddingLayer",
        "EmbeddingSequenceLayer",
        "ExponentialSchedule",
        "FeedForwardToCnnPreProcessor",
        "FeedForwardToRnnPreProcessor",
        "FixedSchedule",
        "GELU",
        "GRU",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalPoolingLayer",
        "GraphNode",
        "GravesBidirectionalLSTM",
        "GravesLSTM",
        "InputType",
        "InverseSchedule",
        "L2NormalizeVertex",
        "LSTM",
        "LastTimeStep",
        "LastTimeStepVertex",
        "LeakyReLU",
        "LogNormalDistribution",
        "Loss",
        "LossLayer",
        "MapSchedule",
        "MaskZeroLayer",
        "MaxNormConstraint",
        "MergeVertex",
        "MinMaxNormConstraint",
        "MultiLayerConfiguration",
        "Nadam",
        "Nesterovs",
        "NoOp",
        "NonNegativeConstraint",
        "NormalDistribution",
        "OrthogonalDistribution",
        "OutputLayer",
        "PolySchedule",
        "PreprocessorVertex",
        "RReLU",
        "RampSchedule",
        "ReLU",
        "ReverseTimeSeriesVertex",
        "RmsProp",
        "RnnLossLayer",
        "RnnOutputLayer",
        "RnnToCnnPreProcessor",
        "RnnToFeedForwardPreProcessor",
        "ScaleVertex",
        "Sgd",
        "ShiftVertex",
        "SigmoidSchedule",
        "SimpleRnn",
        "SpatialDropout",
        "StackVertex",
        "StandardBackprop",
        "StepSchedule",
        "Subsampling1DLayer",
        "SubsamplingLayer",
        "SubsetVertex",
        "ThresholdedReLU",
        "TimeDistributed",
        "TorchUpdater",
        "TruncatedBPTT",
        "TruncatedNormalDistribution",
        "UniformDistribution",
        "UnitNormConstraint",
        "UnstackVertex",
        "WeightNoise",
    ],
    "rnngraph.data": [
        "CSVSequenceRecordReader",
        "CollectionInputSplit",
        "CollectionSequenceRecordReader",
        "DataFrameSequenceRecordReader",
        "DataSet",
        "FileSplit",
        "GlobInputSplit",
        "InputSplit",
        "MiniBatches",
        "MultiDataSet",
        "MultiNormalizer",
        "NormalizerMinMaxScaler",
        "NormalizerStandardize",
        "NumberedFileInputSplit",
        "SequenceRecordReader",
        "SequenceRecordReaderDataSetIterator",
        "sequences_to_dataset",
    ],
    "rnngraph.errors": [
        "ConfigurationError",
        "ExportError",
        "GraphError",
        "InputError",
        "MissingDependencyError",
        "ModelFileError",
        "RnnGraphError",
        "StateError",
        "StreamingError",
        "TrainingError",
        "TrainingWarning",
    ],
    "rnngraph.evaluation": ["Evaluation", "EvaluationBinary", "ROC", "ROCBinary", "ROCMultiClass", "RegressionEvaluation"],
    "rnngraph.graph_network": ["ComputationGraph"],
    "rnngraph.ir.activations": ["register_activation"],
    "rnngraph.network": ["MultiLayerNetwork"],
    "rnngraph.runtime.async_pool": ["AsyncStreamPool"],
    "rnngraph.runtime.pool": ["StreamPool"],
    "rnngraph.runtime.snapshot": ["StateSnapshot"],
    "rnngraph.torch_modules": ["from_torch"],
    "rnngraph.training.checkpoints": ["CheckpointListener"],
    "rnngraph.training.early_stopping": ["EarlyStopping"],
    "rnngraph.training.evaluative": ["EvaluativeListener"],
    "rnngraph.training.json_lines": ["JsonLinesListener"],
    "rnngraph.training.listeners": ["CollectScoresListener", "ScoreIterationListener", "TrainingListener"],
    "rnngraph.training.tensor_board": ["TensorBoardListener"],
    "rnngraph.training.timing": ["PerformanceListener", "TimeIterationListener"],
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = ["__version__", *_HOMES]

if TYPE_CHECKING:
    from rnngraph.conf import ELU as ELU
    from rnngraph.conf import GELU as GELU
    from rnngraph.conf import GRU as GRU
    from rnngraph.conf import LSTM as LSTM
    from rnngraph.conf import ActivationLayer as ActivationLayer
    from rnngraph.conf import AdaBelief as AdaBelief
    from rnngraph.conf import AdaDelta as AdaDelta
    from rnngraph.conf import AdaGrad as AdaGrad
    from rnngraph.conf import Adam as Adam
    from rnngraph.conf import AdaMax as AdaMax
    from rnngraph.conf import AlphaDropout as AlphaDropout
    from rnngraph.conf import AMSGrad as AMSGrad
    from rnngraph.conf import BatchNormalization as BatchNormalization
    from rnngraph.conf import Bidirectional as Bidirectional
    from rnngraph.conf import BinomialDistribution as BinomialDistribution
    from rnngraph.conf import CnnToFeedForwardPreProcessor as CnnToFeedForwardPreProcessor
    from rnngraph.conf import CnnToRnnPreProcessor as CnnToRnnPreProcessor
    from rnngraph.conf import ComputationGraphConfiguration as ComputationGraphConfiguration
    from rnngraph.conf import ConstantDistribution as ConstantDistribution
    from rnngraph.conf import Convolution1DLayer as Convolution1DLayer
    from rnngraph.conf import ConvolutionLayer as ConvolutionLayer
    from rnngraph.conf import CycleSchedule as CycleSchedule
    from rnngraph.conf import DenseLayer as DenseLayer
    from rnngraph.conf import DropConnect as DropConnect
    from rnngraph.conf import Dropout as Dropout
    from rnngraph.conf import DropoutLayer as DropoutLayer
    from rnngraph.conf import DuplicateToTimeSeriesVertex as DuplicateToTimeSeriesVertex
    from rnngraph.conf import ElementWiseVertex as ElementWiseVertex
    from rnngraph.conf import EmbeddingLayer as EmbeddingLayer
    from rnngraph.conf import EmbeddingSequenceLayer as EmbeddingSequenceLayer
    from rnngraph.conf import ExponentialSchedule as ExponentialSchedule
    from rnngraph.conf import FeedForwardToCnnPreProcessor as FeedForwardToCnnPreProcessor
    from rnngraph.conf import FeedForwardToRnnPreProcessor as FeedForwardToRnnPreProcessor
    from rnngraph.conf import FixedSchedule as FixedSchedule
    from rnngraph.conf import GaussianDropout as GaussianDropout
    from rnngraph.conf import GaussianNoise as GaussianNoise
    from rnngraph.conf import GlobalPoolingLayer as GlobalPoolingLayer
    from rnngraph.conf import GraphNode as GraphNode
    from rnngraph.conf import GravesBidirectionalLSTM as GravesBidirectionalLSTM
    from rnngraph.conf import GravesLSTM as GravesLSTM
    from rnngraph.conf import InputType as InputType
    from rnngraph.conf import InverseSchedule as InverseSchedule
    from rnngraph.conf import L2NormalizeVertex as L2NormalizeVertex
    from rnngraph.conf import LastTimeStep as LastTimeStep
    from rnngraph.conf import LastTimeStepVertex as LastTimeStepVertex
    from rnngraph.conf import LeakyReLU as LeakyReLU
    from rnngraph.conf import LogNormalDistribution as LogNormalDistribution
    from rnngraph.conf import Loss as Loss
    from rnngraph.conf import LossLayer as LossLayer
    from rnngraph.conf import MapSchedule as MapSchedule
    from rnngraph.conf import MaskZeroLayer as MaskZeroLayer
    from rnngraph.conf import MaxNormConstraint as MaxNormConstraint
    from rnngraph.conf import MergeVertex as MergeVertex
    from rnngraph.conf import MinMaxNormConstraint as MinMaxNormConstraint
    from rnngraph.conf import MultiLayerConfiguration as MultiLayerConfiguration
    from rnngraph.conf import Nadam as Nadam
    from rnngraph.conf import Nesterovs as Nesterovs
    from rnngraph.conf import NonNegativeConstraint as NonNegativeConstraint
    from rnngraph.conf import NoOp as NoOp
    from rnngraph.conf import NormalDistribution as NormalDistribution
    from rnngraph.conf import OrthogonalDistribution as OrthogonalDistribution
    from rnngraph.conf import OutputLayer as OutputLayer
    from rnngraph.conf import PolySchedule as PolySchedule
    from rnngraph.conf import PreprocessorVertex as PreprocessorVertex
    from rnngraph.conf import RampSchedule as RampSchedule
    from rnngraph.conf import ReLU as ReLU
    from rnngraph.conf import ReverseTimeSeriesVertex as ReverseTimeSeriesVertex
    from rnngraph.conf import RmsProp as RmsProp
    from rnngraph.conf import RnnLossLayer as RnnLossLayer
    from rnngraph.conf import RnnOutputLayer as RnnOutputLayer
    from rnngraph.conf import RnnToCnnPreProcessor as RnnToCnnPreProcessor
    from rnngraph.conf import RnnToFeedForwardPreProcessor as RnnToFeedForwardPreProcessor
    from rnngraph.conf import RReLU as RReLU
    from rnngraph.conf import ScaleVertex as ScaleVertex
    from rnngraph.conf import Sgd as Sgd
    from rnngraph.conf import ShiftVertex as ShiftVertex
    from rnngraph.conf import SigmoidSchedule as SigmoidSchedule
    from rnngraph.conf import SimpleRnn as SimpleRnn
    from rnngraph.conf import SpatialDropout as SpatialDropout
    from rnngraph.conf import StackVertex as StackVertex
    from rnngraph.conf import StandardBackprop as StandardBackprop
    from rnngraph.conf import StepSchedule as StepSchedule
    from rnngraph.conf import Subsampling1DLayer as Subsampling1DLayer
    from rnngraph.conf import SubsamplingLayer as SubsamplingLayer
    from rnngraph.conf import SubsetVertex as SubsetVertex
    from rnngraph.conf import ThresholdedReLU as ThresholdedReLU
    from rnngraph.conf import TimeDistributed as TimeDistributed
    from rnngraph.conf import TorchUpdater as TorchUpdater
    from rnngraph.conf import TruncatedBPTT as TruncatedBPTT
    from rnngraph.conf import TruncatedNormalDistribution as TruncatedNormalDistribution
    from rnngraph.conf import UniformDistribution as UniformDistribution
    from rnngraph.conf import UnitNormConstraint as UnitNormConstraint
    from rnngraph.conf import UnstackVertex as UnstackVertex
    from rnngraph.conf import WeightNoise as WeightNoise
    from rnngraph.data import CollectionInputSplit as CollectionInputSplit
    from rnngraph.data import CollectionSequenceRecordReader as CollectionSequenceRecordReader
    from rnngraph.data import CSVSequenceRecordReader as CSVSequenceRecordReader
    from rnngraph.data import DataFrameSequenceRecordReader as DataFrameSequenceRecordReader
    from rnngraph.data import DataSet as DataSet
    from rnngraph.data import FileSplit as FileSplit
    from rnngraph.data import GlobInputSplit as GlobInputSplit
    from rnngraph.data import InputSplit as InputSplit
    from rnngraph.data import MiniBatches as MiniBatches
    from rnngraph.data import MultiDataSet as MultiDataSet
    from rnngraph.data import MultiNormalizer as MultiNormalizer
    from rnngraph.data import NormalizerMinMaxScaler as NormalizerMinMaxScaler
    from rnngraph.data import NormalizerStandardize as NormalizerStandardize
    from rnngraph.data import NumberedFileInputSplit as NumberedFileInputSplit
    from rnngraph.data import SequenceRecordReader as SequenceRecordReader
    from rnngraph.data import SequenceRecordReaderDataSetIterator as SequenceRecordReaderDataSetIterator
    from rnngraph.data import sequences_to_dataset as sequences_to_dataset
    from rnngraph.errors import ConfigurationError as ConfigurationError
    from rnngraph.errors import ExportError as ExportError
    from rnngraph.errors import GraphError as GraphError
    from rnngraph.errors import InputError as InputError
    from rnngraph.errors import MissingDependencyError as MissingDependencyError
    from rnngraph.errors import ModelFileError as ModelFileError
    from rnngraph.errors import RnnGraphError as RnnGraphError
    from rnngraph.errors import StateError as StateError
    from rnngraph.errors import StreamingError as StreamingError
    from rnngraph.errors import TrainingError as TrainingError
    from rnngraph.errors import TrainingWarning as TrainingWarning
    from rnngraph.evaluation import ROC as ROC
    from rnngraph.evaluation import Evaluation as Evaluation
    from rnngraph.evaluation import EvaluationBinary as EvaluationBinary
    from rnngraph.evaluation import RegressionEvaluation as RegressionEvaluation
    from rnngraph.evaluation import ROCBinary as ROCBinary
    from rnngraph.evaluation import ROCMultiClass as ROCMultiClass
    from rnngraph.graph_network import ComputationGraph as ComputationGraph
    from rnngraph.ir.activations import register_activation as register_activation
    from rnngraph.network import MultiLayerNetwork as MultiLayerNetwork
    from rnngraph.runtime.async_pool import AsyncStreamPool as AsyncStreamPool
    from rnngraph.runtime.pool import StreamPool as StreamPool
    from rnngraph.runtime.snapshot import StateSnapshot as StateSnapshot
    from rnngraph.torch_modules import from_torch as from_torch
    from rnngraph.training.checkpoints import CheckpointListener as CheckpointListener
    from rnngraph.training.early_stopping import EarlyStopping as EarlyStopping
    from rnngraph.training.evaluative import EvaluativeListener as EvaluativeListener
    from rnngraph.training.json_lines import JsonLinesListener as JsonLinesListener
    from rnngraph.training.listeners import CollectScoresListener as CollectScoresListener
    from rnngraph.training.listeners import ScoreIterationListener as ScoreIterationListener
    from rnngraph.training.listeners import TrainingListener as TrainingListener
    from rnngraph.training.tensor_board import TensorBoardListener as TensorBoardListener
    from rnngraph.training.timing import PerformanceListener as PerformanceListener
    from rnngraph.training.timing import TimeIterationListener as TimeIterationListener
else:  # hidden from the type checker, to which a module with __getattr__ has every name
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
