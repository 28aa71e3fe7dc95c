"""Data: minibatches, sequences of different length, files of sequences."""

from rnngraph.data.csv import CSVSequenceRecordReader as CSVSequenceRecordReader
from rnngraph.data.dataset import DataSet as DataSet
from rnngraph.data.frames import DataFrameSequenceRecordReader as DataFrameSequenceRecordReader
from rnngraph.data.iteration import Data as Data
from rnngraph.data.iteration import epochs_over as epochs_over
from rnngraph.data.iteration import known_sets as known_sets
from rnngraph.data.minibatches import MiniBatches as MiniBatches
from rnngraph.data.multi import MultiDataSet as MultiDataSet
from rnngraph.data.multi_normalizer import MultiNormalizer as MultiNormalizer
from rnngraph.data.normalizers import NormalizerMinMaxScaler as NormalizerMinMaxScaler
from rnngraph.data.normalizers import NormalizerStandardize as NormalizerStandardize
from rnngraph.data.record_reader import CollectionSequenceRecordReader as CollectionSequenceRecordReader
from rnngraph.data.record_reader import SequenceRecordReader as SequenceRecordReader
from rnngraph.data.sequence_iterator import SequenceRecordReaderDataSetIterator as SequenceRecordReaderDataSetIterator
from rnngraph.data.sequences import sequences_to_dataset as sequences_to_dataset
from rnngraph.data.splits import CollectionInputSplit as CollectionInputSplit
from rnngraph.data.splits import FileSplit as FileSplit
from rnngraph.data.splits import GlobInputSplit as GlobInputSplit
from rnngraph.data.splits import InputSplit as InputSplit
from rnngraph.data.splits import NumberedFileInputSplit as NumberedFileInputSplit

__all__ = [
    "CSVSequenceRecordReader",
    "CollectionInputSplit",
    "CollectionSequenceRecordReader",
    "Data",
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
    "epochs_over",
    "known_sets",
    "sequences_to_dataset",
]
