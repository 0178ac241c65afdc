"""Creating tensors, and reading and rewriting parts of them: slices, gathers, masks and scatters."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "TopK"]


class TopK(NamedTuple):
    """The largest values, in descending order, and where they were."""

    values: Any
    indices: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(1)
_CUBE = _RNG.normal(size=(5, 7, 3))
_MATRIX = _RNG.normal(size=(5, 7))
_COUNTS = np.random.default_rng(2).integers(-9, 10, size=(5, 7))
_ROWS = np.array([3, 0, -2, 3])  # row 3 three times, once by its negative name
_UPDATES = _RNG.normal(size=(4, 7))
_MASK = np.random.default_rng(4).random((5, 7)) < 0.4
_TIED = np.round(_RNG.normal(size=(3, 23)))  # some -0.0, too
_NO_ROWS = np.empty((0, 7))
_NONE = np.empty(0, np.int64)


def _arange(start: float, stop: float, step: float, dtype: str) -> Any:
    return np.arange(start, stop, step).astype(dtype)


def _gather_nd(x: Array, indices: Array) -> Any:
    return x[tuple(np.moveaxis(indices, -1, 0))]


def _write_slice(x: Array, start: int, values: Array) -> Any:
    result = x.copy()
    result[start : start + len(values)] = values
    return result


def _scatter_update(x: Array, rows: Array, updates: Array) -> Any:
    result = x.copy()
    for row, update in zip(rows, updates, strict=True):
        result[row] = update
    return result


def _scatter_add(x: Array, rows: Array, updates: Array) -> Any:
    result = x.copy()
    np.add.at(result, rows, updates)
    return result


def _topk(x: Array, k: int) -> Any:
    indices = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return TopK(np.take_along_axis(x, indices, -1), indices)


CONCEPT = Concept(
    module=__name__,
    title="Tensor creation, slicing, gather, gather_nd and boolean mask",
    kind="ops",
    summary="A tensor is read and rewritten by positions: ranges, lists of indices, coordinates or masks.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.1",),
    differences=(
        Difference(
            "D220",
            "writing an array of another shape into a part",
            tf="raises",
            torch="broadcasts: one row silently fills many",
            ours="ValueError unless the shape is the part's",
            demo=Demo(
                tf="tf.tensor_scatter_nd_update(tf.zeros((3, 2)), [[0], [1]], [[5.0, 7.0]])",
                torch="""
                    filled = torch.zeros(3, 2)
                    filled[:2] = torch.tensor([[5.0, 7.0]])
                    filled
                """,
            ),
        ),
        Difference(
            "D221",
            "adding to a row that is listed twice",
            tf="tensor_scatter_nd_add adds both",
            torch="x[rows] += updates keeps one; index_put(accumulate=True) adds both",
            ours="both are added",
        ),
        Difference(
            "D222",
            "writing into a tensor",
            tf="impossible: tensors are immutable",
            torch="in place, which breaks gradients that need the old values",
            ours="a new tensor; the old one stays",
            demo=Demo(
                tf="""
                    ones = tf.ones(3)
                    ones[0] = 5.0
                    ones
                """,
                torch="""
                    ones = torch.ones(3)
                    ones[0] = 5.0
                    ones
                """,
            ),
        ),
        Difference(
            "D234",
            "type of the indices of top k",
            tf="int32; int64 on request, but then the gradient raises InvalidArgumentError",
            torch="int64",
            ours="int64",
        ),
        Difference(
            "D241",
            "top k of equal values",
            tf="the lower index first",
            torch="any of them",
            ours="the lower index first: PyTorch sorts stably",
            demo=Demo(
                tf="tf.math.top_k(tf.ones(7), k=3).indices",
                torch="torch.topk(torch.ones(7), k=3).indices.int()",
            ),
        ),
        Difference(
            "D250",
            "gather",
            tf="tf.gather takes whole slices; gather_nd takes coordinates",
            torch="torch.gather picks one element per position; a tuple of indices takes coordinates",
            ours="three functions under three names: take_rows, take_along_axis and gather_nd",
        ),
        Difference(
            "D251",
            "one_hot",
            tf="zeros for a label out of range; float32",
            torch="RuntimeError for a label out of range; int64",
            ours="IndexError; the type is an argument",
        ),
        Difference(
            "D257",
            "x[rows, columns] with lists of indices",
            tf="raises TypeError",
            torch="picks the elements (rows[i], columns[i])",
            ours="picks the elements",
            demo=Demo(
                tf="x[[0, 1, 2], [5, 3, 1]]",
                torch="x[[0, 1, 2], [5, 3, 1]]",
            ),
        ),
        Difference(
            "D258",
            "slices with a negative step",
            tf="x[::-1] works",
            torch="raises ValueError: step must be greater than zero",
            ours="works on both: PyTorch takes the rows forwards and flips them; a grid's steps are positive",
        ),
        Difference(
            "X-arange-direction",
            "a range whose step leads away from its end",
            tf="raises InvalidArgumentError",
            torch="raises RuntimeError",
            ours="empty, as in NumPy",
            demo=Demo(
                tf="tf.range(5, 2, 1)",
                torch="torch.arange(5, 2, 1)",
            ),
        ),
        Difference(
            "X-arange-rounding",
            "a float32 range",
            tf="counts its elements in float32: 3 from 1 to 1.3 in steps of 0.1",
            torch="counts in float64 (4), adds the steps up in float32",
            ours="counted and computed in float64, then rounded once",
            demo=Demo(
                tf="tf.range(1, 1.3, 0.1, tf.float32)",
                torch="torch.arange(1, 1.3, 0.1, dtype=torch.float32)",
            ),
        ),
        Difference(
            "X-band-part",
            "triangle below another diagonal than the main one",
            tf="tf.linalg.band_part cannot say those below it; keras.ops.tril raises if it lies above the matrix",
            torch="tril has a diagonal",
            ours="any diagonal",
            demo=Demo(
                tf="keras.ops.tril(ties, 5)",
                torch="torch.tril(ties, 5)",
            ),
        ),
        Difference(
            "X-float-into-integers",
            "filling an integer tensor with 1.5",
            tf="raises TypeError",
            torch="fills with 1",
            ours="TypeError",
            demo=Demo(
                tf="tf.fill([2], tf.constant(1.5, tf.int32))",
                torch="torch.full([2], 1.5, dtype=torch.int32)",
            ),
        ),
        Difference(
            "X-gather-nd-one",
            "gather_nd of a single coordinate",
            tf="the value is right, its gradient raises InvalidArgumentError",
            torch="works",
            ours="works",
            demo=Demo(
                tf="tf.gather_nd(x, [1, 2])",
                torch="x[1, 2]",
            ),
        ),
        Difference(
            "X-index-error",
            "an index that is negative or out of range, and a step of 0",
            tf="gather and scatter raise InvalidArgumentError for both (on a GPU: zeros, or nothing written)",
            torch="negative ones count from the end; beyond it IndexError (on a GPU the process ends); "
            "step 0 raises ValueError",
            ours="negative ones count from the end; IndexError beyond it; ValueError for step 0",
            demo=Demo(
                tf="tf.gather(v, [0, -1])",
                torch="v[[0, -1]]",
            ),
        ),
        Difference(
            "X-mask-shape",
            "a mask of another shape, and a mask without axes",
            tf="raises ValueError for both",
            torch="raises IndexError for another shape; without axes it adds one",
            ours="IndexError for both",
            demo=Demo(
                tf="tf.boolean_mask(v, tf.constant(True))",
                torch="v[torch.tensor(True)]",
            ),
        ),
        Difference(
            "X-masked-fill",
            "filling by mask",
            tf="tf.where with a constant of the tensor's type",
            torch="masked_fill, which converts the value: 0.5 fills integers with 0",
            ours="one function",
            demo=Demo(
                tf="tf.where(n > 0, 0.5, n)",
                torch="n.masked_fill(n > 0, 0.5)",
            ),
        ),
        Difference(
            "X-scatter-duplicates",
            "replacing a row that is listed twice",
            tf="which update wins is not defined: on a CPU the last",
            torch="which update wins is not defined: on a CPU the last of any thread",
            ours="the last one, as in NumPy; the others get gradient 0",
            demo=Demo(
                tf="""
                    place, updates = tf.zeros((200_000, 1), tf.int32), tf.range(200_000)
                    winners = [tf.tensor_scatter_nd_update([-1], place, updates) for _ in range(10)]
                    tf.reduce_min(winners)
                """,
                torch="""
                    threads = torch.get_num_threads()
                    torch.set_num_threads(4)
                    place, updates = torch.zeros(200_000, dtype=torch.int64), torch.arange(200_000)
                    winners = [torch.tensor([-1]).index_put([place], updates) for _ in range(10)]
                    torch.set_num_threads(threads)
                    torch.cat(winners).min()
                """,
            ),
        ),
        Difference(
            "X-shape-error",
            "shapes that do not broadcast",
            tf="raises InvalidArgumentError",
            torch="raises RuntimeError",
            ours="ValueError",
        ),
        Difference(
            "X-take-along-wraps",
            "an index out of range in take_along_axis",
            tf="raises InvalidArgumentError",
            torch="take_along_dim takes it modulo the size: 5 of 5 silently gives element 0",
            ours="IndexError",
            demo=Demo(
                tf="keras.ops.take_along_axis(sorted_row, [7], 0)",
                torch="torch.take_along_dim(sorted_row, torch.tensor([7]), 0)",
            ),
        ),
        Difference(
            "X-topk-nan",
            "top k of values with NaN",
            tf="an order that is none, for the other values too",
            torch="NaN counts as largest",
            ours="ValueError",
            demo=Demo(
                tf="tf.math.top_k(tf.constant([2.0, np.nan, 1.0, 3.0]), k=2).values",
                torch="torch.topk(torch.tensor([2.0, np.nan, 1.0, 3.0]), k=2).values",
            ),
        ),
    ),
    cases=(
        Case("full_like", {"x": _CUBE, "value": 0.1}, lambda x, value: np.full_like(x, value)),
        Case("full_like", {"x": _COUNTS, "value": -3}, lambda x, value: np.full_like(x, value), label="integers"),
        Case("full_like", {"x": _NO_ROWS, "value": np.nan}, lambda x, value: np.full_like(x, value), label="empty"),
        Case("full_like", {"x": np.array(2.0), "value": -np.inf}, lambda x, value: np.array(value), label="scalar"),
        Case("full_like", {"x": _COUNTS, "value": 1.5}, raises=TypeError, label="float_into_integers"),
        *(
            Case("arange", {"start": start, "stop": stop, "step": step, "dtype": dtype}, _arange, label=label)
            for label, start, stop, step, dtype in (
                ("integers", -3, 17, 5, "int64"),
                ("down", 7, -5, -2, "int64"),
                ("floats", -3.7, 100, 0.3, "float64"),
                ("rounded_end", 1, 1.3, 0.1, "float64"),
                ("float32", -3.7, 100, 0.3, "float32"),
                ("float32_rounded_end", 1, 1.3, 0.1, "float32"),
                ("float32_down", 5, -2, -0.7, "float32"),
                ("empty", 4, 4, 3, "int64"),
                ("empty_away", 5, 2, 1, "int64"),
                ("empty_away_down", 2.0, 5.0, -0.5, "float64"),
            )
        ),
        Case("arange", {"start": 1, "stop": 7, "step": 0, "dtype": "int64"}, raises=ValueError, label="step_zero"),
        *(
            Case(
                "linspace",
                {"start": start, "stop": stop, "count": count, "dtype": dtype},
                lambda start, stop, count, dtype: np.linspace(start, stop, count, dtype=dtype),
                label=label,
            )
            for label, start, stop, count, dtype in (
                ("", -1.7, 2.3, 13, "float64"),
                ("down", 3.1, -0.4, 11, "float64"),
                ("float32", -1.0, 2.0, 13, "float32"),
                ("one", 2.3, 3.1, 1, "float64"),
                ("empty", 2.3, 3.1, 0, "float64"),
            )
        ),
        Case(
            "linspace",
            {"start": 0.0, "stop": 1.0, "count": -1, "dtype": "float64"},
            raises=ValueError,
            label="negative",
        ),
        *(
            Case(
                "eye",
                {"rows": rows, "columns": columns, "dtype": dtype},
                lambda rows, columns, dtype: np.eye(rows, columns, dtype=dtype),
                label=label,
            )
            for label, rows, columns, dtype in (
                ("", 5, 7, "float64"),
                ("tall", 7, 3, "int64"),
                ("empty", 0, 3, "float32"),
            )
        ),
        Case(
            "one_hot",
            {"labels": np.array([[2, 0, 4], [4, 1, 6]]), "classes": 7, "dtype": "float64"},
            lambda labels, classes, dtype: np.eye(classes, dtype=dtype)[labels],
        ),
        Case(
            "one_hot",
            {"labels": _NONE, "classes": 7, "dtype": "float32"},
            lambda labels, classes, dtype: np.eye(classes, dtype=dtype)[labels],
            label="empty",
        ),
        Case("one_hot", {"labels": np.array([2, 7]), "classes": 7}, raises=IndexError, label="too_large"),
        Case("one_hot", {"labels": np.array([-1, 2]), "classes": 7}, raises=IndexError, label="negative"),
        *(
            Case(
                "lower_triangle",
                {"x": x, "diagonal": diagonal},
                lambda x, diagonal: np.tril(x, diagonal),
                wrt=("x",),
                label=label,
            )
            for label, x, diagonal in (
                ("", _MATRIX, 0),
                ("above", _CUBE, 1),
                ("below", _MATRIX, -2),
                ("everything", _MATRIX, 9),
                ("nothing", _MATRIX, -9),
            )
        ),
        *(
            Case(
                "slice_rows",
                {"x": _CUBE, "start": start, "stop": stop, "step": step},
                lambda x, start, stop, step: x[start:stop:step],
                wrt=("x",),
                label=label,
            )
            for label, start, stop, step in (
                ("", 1, 4, 1),
                ("every_second", None, None, 2),
                ("from_the_end", -3, -1, 1),
                ("beyond_the_ends", -9, 9, 3),
                ("reversed", None, None, -1),
                ("reversed_part", -2, 0, -2),
                ("reversed_beyond", 9, -9, -3),
                ("empty", 3, 1, 1),
                ("empty_reversed", 1, 3, -1),
            )
        ),
        Case("slice_rows", {"x": _CUBE, "start": 0, "stop": 4, "step": 0}, raises=ValueError, label="step_zero"),
        Case(
            "strided_grid",
            {"x": _RNG.normal(size=(2, 5, 7)), "row_step": 2, "column_step": 3},
            lambda x, row_step, column_step: x[:, ::row_step, ::column_step],
            wrt=("x",),
        ),
        Case("strided_grid", {"x": _MATRIX, "row_step": -1, "column_step": 1}, raises=ValueError, label="negative"),
        Case("take_channel", {"x": _CUBE, "channel": 2}, lambda x, channel: x[..., channel], wrt=("x",)),
        Case(
            "take_channel",
            {"x": _CUBE, "channel": -3},
            lambda x, channel: x[..., channel],
            wrt=("x",),
            label="negative",
        ),
        Case("take_channel", {"x": _CUBE, "channel": 3}, raises=IndexError, label="out_of_range"),
        Case("take_channel", {"x": _CUBE, "channel": -4}, raises=IndexError, label="below_range"),
        Case("take_rows", {"x": _CUBE, "rows": np.array([3, 0, 3])}, lambda x, rows: x[rows], wrt=("x",)),
        Case("take_rows", {"x": _CUBE, "rows": _ROWS}, lambda x, rows: x[rows], wrt=("x",), label="negative"),
        Case("take_rows", {"x": _COUNTS, "rows": _ROWS}, lambda x, rows: x[rows], label="integers"),
        Case("take_rows", {"x": _CUBE, "rows": _NONE}, lambda x, rows: x[rows], wrt=("x",), label="empty"),
        Case("take_rows", {"x": _COUNTS, "rows": np.array([5])}, raises=IndexError, label="out_of_range"),
        Case("take_rows", {"x": _COUNTS, "rows": np.array([-6])}, raises=IndexError, label="below_range"),
        Case("take_rows", {"x": _NO_ROWS, "rows": np.array([0])}, raises=IndexError, label="of_none"),
        *(
            Case(
                "take_along_axis",
                {"x": _MATRIX, "indices": indices, "axis": axis},
                lambda x, indices, axis: np.take_along_axis(x, indices, axis),
                wrt=("x",),
                label=label,
            )
            for label, indices, axis in (
                ("", np.array([[4, 1, 3, 0, 4, 2, 1], [0, 1, 0, 2, 2, 2, 1]]), 0),
                ("one_per_row", np.array([[6], [0], [3], [3], [2]]), 1),
                ("duplicates_negative", np.array([[6, -1, 2], [0, 0, -7], [3, 1, 3], [5, 4, 5], [2, 2, 2]]), -1),
                ("broadcast", np.array([[2, -1, 2]]), 1),
                ("empty", np.empty((0, 7), np.int64), 0),
            )
        ),
        Case(
            "take_along_axis",
            {"x": _MATRIX, "indices": np.full((1, 7), 5), "axis": 0},
            raises=IndexError,
            label="out_of_range",
        ),
        Case(
            "take_along_axis",
            {"x": _MATRIX, "indices": np.full((5, 1), -8), "axis": 1},
            raises=IndexError,
            label="below_range",
        ),
        Case(
            "take_along_axis",
            {"x": _MATRIX, "indices": np.zeros((5, 1), np.int64), "axis": 2},
            raises=IndexError,
            label="no_such_axis",
        ),
        Case(
            "take_along_axis",
            {"x": _MATRIX, "indices": np.zeros((2, 3), np.int64), "axis": 1},
            raises=ValueError,
            label="misshapen",
        ),
        *(
            Case("gather_nd", {"x": _CUBE, "indices": indices}, _gather_nd, wrt=("x",), label=label)
            for label, indices in (
                ("", np.array([[4, 1], [0, 6], [4, 1]])),
                ("negative", np.array([[-1, 1], [4, -6], [0, -7]])),
                ("elements", np.array([[4, 1, 2], [0, 6, -1], [4, 1, 2], [2, 3, 0]])),
                ("rows", np.array([[2], [2], [-5]])),
                ("nested", np.array([[[4, 1], [0, 6]], [[4, 1], [3, 3]], [[1, 2], [4, 1]]])),
                ("one", np.array([3, 5])),
                ("empty", np.empty((0, 2), np.int64)),
            )
        ),
        Case("gather_nd", {"x": _CUBE, "indices": np.array([[4, 7]])}, raises=IndexError, label="out_of_range"),
        Case("gather_nd", {"x": _CUBE, "indices": np.array([[-6, 0]])}, raises=IndexError, label="below_range"),
        Case("gather_nd", {"x": _CUBE, "indices": np.array([[0, 0, 0, 0]])}, raises=IndexError, label="too_many"),
        *(
            Case(
                "take_pairs",
                {"x": x, "rows": rows, "columns": columns},
                lambda x, rows, columns: x[rows, columns],
                wrt=("x",),
                label=label,
            )
            for label, x, rows, columns in (
                ("", _MATRIX, _ROWS, np.array([6, 1, 5, 6])),
                ("slices", _CUBE, np.array([0, 4, 0]), np.array([-1, 2, 6])),
                ("empty", _MATRIX, _NONE, _NONE),
            )
        ),
        Case(
            "take_pairs",
            {"x": _MATRIX, "rows": np.array([6]), "columns": np.array([4])},
            raises=IndexError,
            label="exchanged",
        ),
        Case("take_pairs", {"x": _MATRIX, "rows": _ROWS, "columns": _ROWS[:1]}, raises=IndexError, label="unequal"),
        *(
            Case("boolean_mask", {"x": x, "mask": mask}, lambda x, mask: x[mask], wrt=("x",), label=label)
            for label, x, mask in (
                ("", _MATRIX, _MASK),
                ("slices", _CUBE, _MASK),
                ("rows", _CUBE, np.array([True, False, False, True, True])),
                ("all", _MATRIX, np.ones((5, 7), bool)),
                ("none", _CUBE, np.zeros((5, 7), bool)),
                ("empty", _NO_ROWS, np.zeros(0, bool)),
            )
        ),
        Case("boolean_mask", {"x": _MATRIX, "mask": _MASK[:4]}, raises=IndexError, label="misshapen"),
        Case("boolean_mask", {"x": _MATRIX, "mask": np.array(True)}, raises=IndexError, label="scalar"),
        *(
            Case(
                "where",
                {"condition": condition, "x": x, "y": y},
                lambda condition, x, y: np.where(condition, x, y),
                wrt=("x", "y"),
                label=label,
            )
            for label, condition, x, y in (
                ("", _MASK, _MATRIX, _UPDATES[0]),
                ("broadcast", _MASK[:, :1], _UPDATES[:1], np.array(0.7)),
                ("empty", np.zeros((0, 1), bool), _NO_ROWS, _UPDATES[0]),
            )
        ),
        Case(
            "where",
            {"condition": np.array([True, False]), "x": np.array([-1.5, np.nan]), "y": np.array([np.inf, 2.5])},
            lambda condition, x, y: np.array([-1.5, 2.5]),
            wrt=("x", "y"),
            label="hides_nan",
            smooth=False,
            gradients={"x": np.array([1.0, 0.0]), "y": np.array([0.0, 1.0])},
        ),
        Case("where", {"condition": _MASK, "x": _MATRIX, "y": _MATRIX[:3]}, raises=ValueError, label="misshapen"),
        *(
            Case(
                "masked_fill",
                {"x": x, "mask": mask, "value": value},
                lambda x, mask, value: np.where(mask, np.array(value, x.dtype), x),
                wrt=wrt,
                label=label,
            )
            for label, x, mask, value, wrt in (
                ("", _MATRIX, _MASK, 0.1, ("x",)),
                ("broadcast", _CUBE, _MASK[..., None], -1.7, ("x",)),
                ("integers", _COUNTS, _MASK, 11, ()),
                ("none", _MATRIX, np.array(False), 0.1, ("x",)),
            )
        ),
        Case(
            "masked_fill",
            {"x": np.array([1.5, -0.5, 2.5]), "mask": np.array([False, True, True]), "value": -np.inf},
            lambda x, mask, value: np.where(mask, value, x),
            wrt=("x",),
            label="infinite",
            smooth=False,
            gradients={"x": np.array([1.0, 0.0, 0.0])},
        ),
        Case("masked_fill", {"x": _COUNTS, "mask": _MASK, "value": 1.5}, raises=TypeError, label="float_into_integers"),
        Case("masked_fill", {"x": _MATRIX, "mask": _MASK[:3], "value": 0.1}, raises=ValueError, label="misshapen"),
        *(
            Case(
                "write_slice",
                {"x": _MATRIX, "start": start, "values": values},
                _write_slice,
                wrt=("x", "values"),
                label=label,
            )
            for label, start, values in (
                ("", 1, _UPDATES[:3]),
                ("end", 3, _UPDATES[:2]),
                ("empty", 5, _NO_ROWS),
            )
        ),
        Case("write_slice", {"x": _MATRIX, "start": 2, "values": _UPDATES}, raises=ValueError, label="too_long"),
        Case("write_slice", {"x": _MATRIX, "start": -1, "values": _UPDATES[:1]}, raises=ValueError, label="before"),
        Case("write_slice", {"x": _MATRIX, "start": 1, "values": _UPDATES[:, :1]}, raises=ValueError, label="narrow"),
        *(
            Case(
                function,
                {"x": _MATRIX, "rows": rows, "updates": updates},
                oracle,
                wrt=("x", "updates"),
                label=label,
            )
            for function, oracle in (("scatter_update", _scatter_update), ("scatter_add", _scatter_add))
            for label, rows, updates in (
                ("", np.array([4, 0, 2, 1]), _UPDATES),
                ("duplicates", _ROWS, _UPDATES),
                ("one_row", np.array([1, -4, 1, 1]), _UPDATES),
                ("empty", _NONE, _NO_ROWS),
            )
        ),
        *(
            Case(function, {"x": _MATRIX, "rows": rows, "updates": updates}, raises=error, label=label)
            for function in ("scatter_update", "scatter_add")
            for label, rows, updates, error in (
                ("out_of_range", np.array([5]), _UPDATES[:1], IndexError),
                ("below_range", np.array([-6]), _UPDATES[:1], IndexError),
                ("one_update_for_all", _ROWS, _UPDATES[:1], ValueError),
            )
        ),
        *(
            Case("topk", {"x": x, "k": k}, _topk, wrt=wrt, label=label, smooth=label != "ties")
            for label, x, k, wrt in (
                ("", _CUBE, 2, ("x",)),
                ("ties", _TIED, 17, ()),
                ("integers", _COUNTS, 5, ()),
                ("infinite", np.array([2.0, np.inf, -np.inf, np.inf, 3.0]), 4, ()),
                ("everything", _MATRIX, 7, ("x",)),
                ("nothing", _MATRIX, 0, ()),
                ("empty", _NO_ROWS, 3, ()),
            )
        ),
        Case(
            "topk",
            {"x": np.array([0.5, 2.5, 0.5, 0.5]), "k": 2},
            _topk,
            wrt=("x",),
            label="tie_at_the_limit",
            smooth=False,
            gradients={"x": np.array([1.0, 1.0, 0.0, 0.0])},
        ),
        Case("topk", {"x": _MATRIX, "k": 8}, raises=ValueError, label="too_many"),
        Case("topk", {"x": np.array([1.5, np.nan, 0.5]), "k": 2}, raises=ValueError, label="nan"),
    ),
)
