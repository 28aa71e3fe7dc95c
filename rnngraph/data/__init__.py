"""Data: minibatches, sequences of different length, files of sequences."""

from rnngraph.data.csv import CSVSequenceRecordReader as CSVSequenceRecordReader
from rnngraph.data.csv import NumberedFileInputSplit as NumberedFileInputSplit
from rnngraph.data.dataset import DataSet as DataSet
from rnngraph.data.iteration import Data as Data
from rnngraph.data.iteration import epochs_over as epochs_over
from rnngraph.data.iteration import known_sets as known_sets
from rnngraph.data.minibatches import MiniBatches as MiniBatches
from rnngraph.data.multi import MultiDataSet as MultiDataSet
from rnngraph.data.multi_normalizer import MultiNormalizer as MultiNormalizer
from rnngraph.data.normalizers import NormalizerMinMaxScaler as NormalizerMinMaxScaler
from rnngraph.data.normalizers import NormalizerStandardize as NormalizerStandardize
from rnngraph.data.sequences import sequences_to_dataset as sequences_to_dataset

__all__ = [
    "CSVSequenceRecordReader",
    "Data",
    "DataSet",
    "MiniBatches",
    "MultiDataSet",
    "MultiNormalizer",
    "NormalizerMinMaxScaler",
    "NormalizerStandardize",
    "NumberedFileInputSplit",
    "epochs_over",
    "known_sets",
    "sequences_to_dataset",
]
