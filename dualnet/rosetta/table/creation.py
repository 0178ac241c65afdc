"""Making tensors, and their types."""

from dualnet.rosetta.row import EXACT, Row

ROWS = (
    Row(
        "tensor from data",
        tf=("tf.constant([[1.0, 2.0], [3.0, 4.0]], dtype=tf.float64)", "keras.ops.array([[1.0, 2.0], [3.0, 4.0]])"),
        torch="torch.tensor([[1.0, 2.0], [3.0, 4.0]])",
        within=EXACT,
    ),
    Row(
        "decimal constant in float64",
        tf="tf.constant(0.1, tf.float64)",
        torch="torch.tensor(0.1, dtype=torch.float64)",
        note="tf.cast of a Python number builds a float32 first",
        without="tf.cast(0.1, tf.float64)",
        within=EXACT,
        difference="D228",
    ),
    Row(
        "tensor from an array",
        tf=("tf.convert_to_tensor(np.arange(6.0))", "keras.ops.convert_to_tensor(np.arange(6.0))"),
        torch=("torch.from_numpy(np.arange(6.0))", "torch.as_tensor(np.arange(6.0))"),
        note="PyTorch's tensor shares the array's memory, TensorFlow's is a copy",
        within=EXACT,
        difference="D219",
    ),
    Row(
        "array from a tensor",
        tf=("x.numpy()", "keras.ops.convert_to_numpy(x)"),
        torch="x.numpy()",
        note="PyTorch: of a tensor with gradient, x.detach().numpy()",
        within=EXACT,
        gradients=False,
        difference="D219",
    ),
    Row(
        "zeros",
        tf=("tf.zeros((5, 7), tf.float64)", "keras.ops.zeros((5, 7))"),
        torch="torch.zeros(5, 7)",
        within=EXACT,
    ),
    Row("ones", tf=("tf.ones((5, 7), tf.float64)", "keras.ops.ones((5, 7))"), torch="torch.ones(5, 7)", within=EXACT),
    Row(
        "filled",
        tf=("tf.fill((5, 7), tf.constant(0.25, tf.float64))", "keras.ops.full((5, 7), 0.25)"),
        torch="torch.full((5, 7), 0.25)",
        within=EXACT,
    ),
    Row(
        "zeros of the same shape",
        tf=("tf.zeros_like(x)", "keras.ops.zeros_like(x)"),
        torch="torch.zeros_like(x)",
        within=EXACT,
        gradients=False,
    ),
    Row(
        "ones of the same shape",
        tf=("tf.ones_like(x)", "keras.ops.ones_like(x)"),
        torch="torch.ones_like(x)",
        within=EXACT,
        gradients=False,
    ),
    Row(
        "filled, of the same shape",
        tf="keras.ops.full_like(x, 0.25)",
        torch="torch.full_like(x, 0.25)",
        within=EXACT,
        gradients=False,
    ),
    Row(
        "identity matrix",
        tf=("tf.eye(5, 7, dtype=tf.float64)", "keras.ops.eye(5, 7)"),
        torch="torch.eye(5, 7)",
        within=EXACT,
    ),
    Row(
        "range of integers",
        tf=("tf.range(2, 11, 3)", "keras.ops.arange(2, 11, 3)"),
        torch="torch.arange(2, 11, 3)",
        note="int32 in TensorFlow, int64 in PyTorch",
        difference="D234",
    ),
    Row(
        "range of many integers, squared",
        tf="tf.range(50_000, dtype=tf.int64) ** 2",
        torch="torch.arange(50_000) ** 2",
        note="dtype=tf.int64: TensorFlow's int32 overflows",
        without="tf.range(50_000) ** 2",
        difference="D234",
    ),
    Row(
        "evenly spaced",
        tf=("tf.linspace(tf.constant(0.0, tf.float64), 1.0, 11)", "keras.ops.linspace(0.0, 1.0, 11)"),
        torch="torch.linspace(0.0, 1.0, 11)",
    ),
    Row(
        "evenly spaced logarithms",
        tf="keras.ops.logspace(-2.0, 3.0, 11)",
        torch="torch.logspace(-2.0, 3.0, 11)",
    ),
    Row(
        "grid of coordinates",
        tf=('tf.meshgrid(v, bias, indexing="ij")', 'keras.ops.meshgrid(v, bias, indexing="ij")'),
        torch='torch.meshgrid(v, bias, indexing="ij")',
        note='indexing="ij": TensorFlow\'s default is "xy"',
        without="tf.meshgrid(v, bias)",
        within=EXACT,
        difference="D247",
    ),
    Row(
        "diagonal matrix of a vector",
        tf=("tf.linalg.diag(v)", "keras.ops.diag(v)"),
        torch=("torch.diag(v)", "torch.diag_embed(v)"),
        within=EXACT,
    ),
    Row(
        "lower triangle",
        tf=("tf.linalg.band_part(x, -1, 0)", "keras.ops.tril(x)"),
        torch="torch.tril(x)",
        within=EXACT,
    ),
    Row(
        "upper triangle",
        tf=("tf.linalg.band_part(x, 0, -1)", "keras.ops.triu(x)"),
        torch="torch.triu(x)",
        within=EXACT,
    ),
    Row(
        "copy",
        tf=("tf.identity(x)", "keras.ops.copy(x)"),
        torch="x.clone()",
        note="TensorFlow's tensors never change, so that a name is as good as a copy",
        within=EXACT,
        difference="D219",
    ),
    Row(
        "variable and its assignment",
        tf="""
            variable = tf.Variable(x)
            variable.assign(2 * y)
            variable.assign_add(x)
            variable
        """,
        torch="""
            parameter = torch.nn.Parameter(x.clone())
            with torch.no_grad():
                parameter.copy_(2 * y)
                parameter.add_(x)
            parameter
        """,
        note="PyTorch: under no_grad; copy_ broadcasts silently, assign does not",
        names=("tf.Variable", "torch.nn.Parameter"),
        within=EXACT,
        gradients=False,
        difference="D220",
    ),
    Row(
        "cast to float32",
        tf=("tf.cast(x, tf.float32)", 'keras.ops.cast(x, "float32")'),
        torch=("x.to(torch.float32)", "x.float()"),
        within=EXACT,
    ),
    Row(
        "cast to integers",
        tf=("tf.cast(x, tf.int32)", 'keras.ops.cast(x, "int32")'),
        torch=("x.to(torch.int32)", "x.int()"),
        note="towards zero on both sides",
    ),
    Row(
        "cast of booleans to numbers",
        tf="tf.cast(mask, tf.float64)",
        torch=("mask.double()", "mask.to(torch.float64)"),
        within=EXACT,
    ),
    Row(
        "cast to unsigned bytes, saturated",
        tf="tf.saturate_cast(300.0 * x, tf.uint8)",
        torch="(300.0 * x).clamp(0, 255).to(torch.uint8)",
        note="clamp: PyTorch's to wraps around",
        without="(300.0 * x).to(torch.uint8)",
        names=("tf.saturate_cast", "torch.uint8"),
        difference="D235",
    ),
    Row(
        "bits read as another type",
        tf="tf.bitcast(tf.cast(x, tf.float32), tf.int32)",
        torch="x.to(torch.float32).view(torch.int32)",
        names=("tf.bitcast", "torch.int32"),
    ),
    Row(
        "sum of two types",
        tf="tf.cast(tf.cast(x, tf.float32), tf.float64) + y",
        torch="x.to(torch.float32) + y",
        note="TensorFlow promotes no types: cast first",
        without="tf.cast(x, tf.float32) + y",
        difference="D225",
    ),
    Row(
        "quotient of integers",
        tf=("tf.math.truediv(n, m)", "keras.ops.true_divide(n, m)"),
        torch="torch.true_divide(n, m)",
        note="float64 in TensorFlow, in PyTorch the default type",
        difference="D226",
    ),
    Row(
        "largest and smallest number of a type",
        tf="tf.constant([tf.float64.max, tf.float64.min])",
        torch="torch.tensor([torch.finfo(torch.float64).max, torch.finfo(torch.float64).min])",
        names=("tf.float64.max", "torch.finfo"),
        within=EXACT,
    ),
    Row(
        "shape",
        tf=("tf.unstack(tf.shape(cube))", "cube.shape.as_list()", "keras.ops.shape(cube)"),
        torch=("cube.shape", "cube.size()"),
        note="tf.shape is a tensor, and knows the sizes that a graph does not",
        names=("tf.shape", "tf.Tensor.shape", "keras.ops.shape", "torch.Tensor.shape", "torch.Tensor.size"),
    ),
    Row(
        "number of elements", tf=("tf.size(cube)", "keras.ops.size(cube)"), torch=("cube.numel()", "torch.numel(cube)")
    ),
    Row("number of axes", tf=("tf.rank(cube)", "keras.ops.ndim(cube)"), torch=("cube.ndim", "cube.dim()")),
    Row(
        "complex numbers of two parts",
        tf="tf.complex(x, y)",
        torch="torch.complex(x, y)",
        within=EXACT,
    ),
    Row(
        "complex numbers of polar coordinates",
        tf="tf.complex(positive * tf.cos(x), positive * tf.sin(x))",
        torch="torch.polar(positive, x)",
        names=("tf.complex", "torch.polar"),
    ),
)
