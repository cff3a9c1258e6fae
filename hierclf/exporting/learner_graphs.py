"""Learners as ONNX graphs: scikit-learn's part by skl2onnx, the calibration by us.

skl2onnx (Apache-2.0) has written wrong graphs without a word, for calibrators among
others, so that these are two nodes of our own, and whatever comes out is compared
with the learner before anybody gets it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from hierclf.exporting.graphs import IR_VERSION, OPSET
from hierclf.foundation.errors import InputError
from hierclf.metalearners.search import MetaLearner
from hierclf.metalearners.stacking import LEAST, ProbabilityStack

TABLE, PROBABILITIES = "features", "probabilities"
_ML_OPSET = 3


def learner_graph(stage: Any, n_features: int) -> onnx.ModelProto:
    """Write a learner as a graph from features to probabilities.

    Parameters
    ----------
    stage : classifier
        A fitted `MetaLearner`, or a classifier of scikit-learn.
    n_features : int
        Width of its table.

    Returns
    -------
    model : onnx.ModelProto
        Input `TABLE` (n, n_features) float32, output `PROBABILITIES` (n, n_classes).

    Raises
    ------
    InputError
        If skl2onnx cannot write it.
    """
    if isinstance(stage, MetaLearner):
        last = stage.learner_[-1]
        model = _convert(last, last.n_features_in_, margins=True)
        _declare(model, n_features)
        return _calibrated(_behind_front(model, stage.learner_), stage.calibrator_)
    return _convert(stage, n_features, margins=False)


def _convert(learner: Any, n_features: int, *, margins: bool) -> onnx.ModelProto:
    raw = margins and hasattr(learner, "decision_function")
    options: dict[str, bool] = {"raw_scores": True} if raw else {}
    if not isinstance(learner, LinearSVC):  # which gives no map of its scores
        options["zipmap"] = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for what is deprecated
            model = to_onnx(
                learner,
                np.zeros((1, n_features), dtype=np.float32),
                options={id(learner): options},
                target_opset={"": OPSET, "ai.onnx.ml": _ML_OPSET},
            )
    except Exception as error:  # whatever it raises at what it does not know
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"export: expected a learner that skl2onnx can write, got "
            f"{type(learner).__name__} ({reason}). Take --format skops or joblib."
        ) from error
    graph = model.graph
    rename = {graph.input[0].name: TABLE, graph.output[1].name: PROBABILITIES}
    for node in graph.node:
        node.input[:] = [rename.get(name, name) for name in node.input]
        node.output[:] = [rename.get(name, name) for name in node.output]
    _declare(model, n_features)
    written: onnx.ModelProto = model
    return written


def _declare(model: onnx.ModelProto, n_features: int) -> None:
    """Keep one input and one output, both by their names."""
    graph, number = model.graph, onnx.TensorProto.FLOAT
    del graph.input[:], graph.output[:]
    graph.input.append(helper.make_tensor_value_info(TABLE, number, ["n", n_features]))
    output = helper.make_tensor_value_info(PROBABILITIES, number, ["n", None])
    graph.output.append(output)
    del graph.value_info[:]
    model.ir_version = IR_VERSION


def _behind_front(model: onnx.ModelProto, learner: Pipeline) -> onnx.ModelProto:
    """Put standardization and principal components before a learner.

    In double precision, as in Python, and then as single as the learner's own nodes
    are: a feature does not cross the step of a tree on the way.
    """
    steps = learner.named_steps
    arrays = {"front_mean": steps["scale"].mean_, "front_scale": steps["scale"].scale_}
    nodes = [
        helper.make_node("Cast", [TABLE], ["front_double"], to=onnx.TensorProto.DOUBLE),
        helper.make_node("Sub", ["front_double", "front_mean"], ["front_centered"]),
        helper.make_node("Div", ["front_centered", "front_scale"], ["front_scaled"]),
    ]
    last = "front_scaled"
    if "pca" in steps:
        arrays["front_middle"] = steps["pca"].mean_
        arrays["front_components"] = steps["pca"].components_.T
        told = [last, "front_middle"], ["front_moved"]
        nodes.append(helper.make_node("Sub", *told))
        told = ["front_moved", "front_components"], ["front_turned"]
        nodes.append(helper.make_node("MatMul", *told))
        last = "front_turned"
    single = onnx.TensorProto.FLOAT
    nodes.append(helper.make_node("Cast", [last], ["front_table"], to=single))
    for name, array in arrays.items():
        exact = np.ascontiguousarray(array, dtype=np.float64)
        model.graph.initializer.append(numpy_helper.from_array(exact, name))
    for node in model.graph.node:
        node.input[:] = [n if n != TABLE else "front_table" for n in node.input]
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _calibrated(model: onnx.ModelProto, calibrator: Any) -> onnx.ModelProto:
    """Put the calibration behind the scores: softmax(scores W + b)."""
    weight, bias = _linear(calibrator)
    arrays: dict[str, NDArray[Any]] = {
        "calibration_first": np.array([0], dtype=np.int64),
        "calibration_end": np.array([len(weight)], dtype=np.int64),
        "calibration_axis": np.array([1], dtype=np.int64),
        "calibration_weight": weight,
        "calibration_bias": bias,
    }
    graph = model.graph
    for name, array in arrays.items():
        graph.initializer.append(numpy_helper.from_array(array, name))
    for node in graph.node:
        node.output[:] = [
            "learner_scores" if name == PROBABILITIES else name for name in node.output
        ]
    first, end, axis, product, offset = arrays
    told = ["learner_scores", first, end, axis]
    graph.node.extend(
        [
            helper.make_node("Slice", told, ["calibration_scores"]),
            helper.make_node("MatMul", ["calibration_scores", product], ["product"]),
            helper.make_node("Add", ["product", offset], ["logits"]),
            helper.make_node("Softmax", ["logits"], [PROBABILITIES], axis=1),
        ]
    )
    return model


def _linear(regression: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give weight and bias of a logistic regression, a column for each class."""
    weight, bias = regression.coef_.T, regression.intercept_
    if weight.shape[1] == 1:  # of two classes: the first has weight 0
        weight = np.column_stack([np.zeros(len(weight)), weight])
        bias = np.array([0.0, bias[0]])
    return weight.astype(np.float32), bias.astype(np.float32)


def combination_graph(
    stage: ProbabilityStack, members: Sequence[str], output: str
) -> onnx.ModelProto:
    """Write what combines the probabilities of a stack.

    Parameters
    ----------
    stage : ProbabilityStack
        Fitted; all its members know all its classes.
    members : sequence of str
        Names of the inputs, (n, n_classes) each, in the order of its members.
    output : str
        Name of the output (n, n_classes).

    Returns
    -------
    model : onnx.ModelProto
        Logarithms, where there are some, of probabilities of at least
        `hierclf.metalearners.stacking.LEAST`.
    """
    number, names = onnx.TensorProto.FLOAT, list(members)
    arrays = {"least": np.array(LEAST, dtype=np.float32)}
    nodes = []
    if stage.combine != "mean":
        for name in names:
            nodes.append(helper.make_node("Max", [name, "least"], [f"{name}_least"]))
            nodes.append(helper.make_node("Log", [f"{name}_least"], [f"{name}_log"]))
        names = [f"{name}_log" for name in names]
    if stage.combiner_ is None:
        last = output if stage.combine == "mean" else "logits"
        nodes.append(helper.make_node("Mean", names, [last]))
    else:
        arrays["weight"], arrays["bias"] = _linear(stage.combiner_)
        nodes.append(helper.make_node("Concat", names, ["logs"], axis=1))
        nodes.append(helper.make_node("MatMul", ["logs", "weight"], ["product"]))
        nodes.append(helper.make_node("Add", ["product", "bias"], ["logits"]))
    if stage.combine != "mean":
        nodes.append(helper.make_node("Softmax", ["logits"], [output], axis=1))
    shape: list[str | int | None] = ["n", len(stage.classes_)]
    graph = helper.make_graph(
        nodes,
        "combination",
        [helper.make_tensor_value_info(name, number, shape) for name in members],
        [helper.make_tensor_value_info(output, number, shape)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)


def beside_graph(inputs: Mapping[str, int], output: str) -> onnx.ModelProto:
    """Write what lays tables side by side.

    Parameters
    ----------
    inputs : mapping of str to int
        Names of the inputs (n, width), and their widths.
    output : str
        Name of the output (n, sum of the widths).

    Returns
    -------
    model : onnx.ModelProto
        One node.
    """
    number = onnx.TensorProto.FLOAT
    told = [
        helper.make_tensor_value_info(name, number, ["n", width])
        for name, width in inputs.items()
    ]
    whole = helper.make_tensor_value_info(output, number, ["n", sum(inputs.values())])
    node = helper.make_node("Concat", list(inputs), [output], axis=1)
    graph = helper.make_graph([node], "beside", told, [whole])
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
