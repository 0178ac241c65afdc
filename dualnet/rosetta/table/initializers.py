"""Initial weights: constants are equal, random ones in their bounds and deviations."""

from dualnet.rosetta.row import EXACT, STATISTICAL, Row


def drawn(
    title: str, keras: str, torch: str, note: str = "", *, without: tuple[str, ...] = (), difference: str = ""
) -> Row:
    """A random initializer on both sides: the deviation and the greatest number of a 200 x 300 matrix."""
    return Row(
        title,
        f"kernel = keras.initializers.{keras}((200, 300))\ntf.math.reduce_std(kernel), tf.reduce_max(tf.abs(kernel))",
        _torch(torch),
        note,
        without=tuple(map(_torch, without)),
        names=(f"keras.initializers.{keras.partition('(')[0]}", f"torch.nn.init.{torch.partition('(')[0]}"),
        within=STATISTICAL,
        difference=difference,
    )


def _torch(call: str) -> str:
    return f"weight = torch.nn.init.{call}\nweight.std(), weight.abs().max()"


EMPTY = "torch.empty(300, 200)"

ROWS = (
    Row(
        "zeros as initial weights",
        tf="keras.initializers.Zeros()((3, 2))",
        torch="torch.nn.init.zeros_(torch.empty(3, 2))",
        within=EXACT,
    ),
    Row(
        "ones as initial weights",
        tf="keras.initializers.Ones()((3, 2))",
        torch="torch.nn.init.ones_(torch.empty(3, 2))",
        within=EXACT,
    ),
    Row(
        "a constant as initial weights",
        tf="keras.initializers.Constant(0.25)((3, 2))",
        torch="torch.nn.init.constant_(torch.empty(3, 2), 0.25)",
        within=EXACT,
    ),
    Row(
        "the identity as initial weights",
        tf="keras.initializers.Identity()((3, 3))",
        torch="torch.nn.init.eye_(torch.empty(3, 3))",
        within=EXACT,
    ),
    Row(
        "orthogonal initial weights: their product",
        tf="""
            kernel = keras.initializers.Orthogonal(gain=2.0)((7, 5))
            tf.matmul(kernel, kernel, transpose_a=True)
        """,
        torch="""
            weight = torch.nn.init.orthogonal_(torch.empty(5, 7), gain=2.0)
            weight @ weight.T
        """,
        note="gain on both sides",
        without="""
            weight = torch.nn.init.orthogonal_(torch.empty(5, 7))
            weight @ weight.T
        """,
        names=("keras.initializers.Orthogonal", "torch.nn.init.orthogonal_"),
        difference="D054",
    ),
    drawn(
        "uniform initial weights",
        "RandomUniform(-0.05, 0.05)",
        f"uniform_({EMPTY}, -0.05, 0.05)",
        without=(f"uniform_({EMPTY})",),
        note="from 0 to 1 by default in PyTorch, from -0.05 to 0.05 in Keras",
        difference="D053",
    ),
    Row(
        "normal initial weights",
        tf="tf.math.reduce_std(keras.initializers.RandomNormal(0.0, 0.05)((200, 300)))",
        torch="torch.nn.init.normal_(torch.empty(300, 200), 0.0, 0.05).std()",
        note="the deviation: 0.05 by default in Keras, 1 in PyTorch",
        without="torch.nn.init.normal_(torch.empty(300, 200)).std()",
        within=STATISTICAL,
    ),
    drawn(
        "normal initial weights, truncated",
        "TruncatedNormal(0.0, 0.05)",
        f"trunc_normal_({EMPTY}, std=0.05, a=-0.1, b=0.1)",
        "a=-2 * std, b=2 * std: PyTorch's bounds are absolute, -2 and 2 by default",
        without=(f"trunc_normal_({EMPTY}, std=0.05)",),
        difference="D057",
    ),
    drawn(
        "Glorot's uniform initial weights",
        "GlorotUniform()",
        f"xavier_uniform_({EMPTY})",
        "the default of Keras' layers, not of PyTorch's",
        without=(f"kaiming_uniform_({EMPTY}, a=5**0.5)",),
        difference="D051",
    ),
    Row(
        "Glorot's normal initial weights",
        tf="tf.math.reduce_std(keras.initializers.GlorotNormal()((200, 300)))",
        torch="torch.nn.init.xavier_normal_(torch.empty(300, 200)).std()",
        note="of the same deviation; truncated in Keras, not in PyTorch",
        within=STATISTICAL,
        difference="D056",
    ),
    drawn(
        "He's uniform initial weights",
        "HeUniform()",
        f'kaiming_uniform_({EMPTY}, nonlinearity="relu")',
        'nonlinearity="relu": else a leaky relu of slope 0, which is the same',
        without=(f"kaiming_uniform_({EMPTY}, a=5**0.5)",),
    ),
    drawn(
        "He's normal initial weights",
        "HeNormal()",
        f"trunc_normal_({EMPTY}, std=0.1 / 0.8796, a=-0.2 / 0.8796, b=0.2 / 0.8796)",
        "truncated at two deviations, widened for it: kaiming_normal_ has long tails",
        without=(f"kaiming_normal_({EMPTY})",),
        difference="D056",
    ),
    drawn(
        "LeCun's uniform initial weights",
        "LecunUniform()",
        f'kaiming_uniform_({EMPTY}, nonlinearity="linear")',
        'nonlinearity="linear"',
        without=(f"kaiming_uniform_({EMPTY})",),
    ),
    drawn(
        "initial weights of scaled variance",
        'VarianceScaling(2.0, mode="fan_out", distribution="uniform")',
        f'kaiming_uniform_({EMPTY}, mode="fan_out", nonlinearity="relu")',
        'mode="fan_out" on both sides',
        without=(f'kaiming_uniform_({EMPTY}, nonlinearity="relu")',),
        difference="D062",
    ),
    Row(
        "initial kernels of a dense layer",
        tf="""
            layer = keras.layers.Dense(300)
            layer.build((None, 200))
            tf.reduce_max(tf.abs(layer.kernel))
        """,
        torch="""
            layer = torch.nn.Linear(200, 300)
            torch.nn.init.xavier_uniform_(layer.weight)
            layer.weight.abs().max()
        """,
        note="xavier_uniform_: PyTorch's layers have other bounds",
        without="""
            layer = torch.nn.Linear(200, 300)
            layer.weight.abs().max()
        """,
        names=("keras.layers.Dense", "torch.nn.Linear", "torch.nn.init.xavier_uniform_"),
        within=STATISTICAL,
        difference="D051",
    ),
    Row(
        "initial biases of a dense layer",
        tf="""
            layer = keras.layers.Dense(300)
            layer.build((None, 200))
            layer.bias
        """,
        torch="""
            layer = torch.nn.Linear(200, 300)
            torch.nn.init.zeros_(layer.bias)
            layer.bias
        """,
        note="zeros_: PyTorch's are uniform",
        without="""
            layer = torch.nn.Linear(200, 300)
            layer.bias
        """,
        names=("keras.layers.Dense", "torch.nn.Linear", "torch.nn.init.zeros_"),
        within=EXACT,
        difference="D052",
    ),
    Row(
        "initial vectors of an embedding",
        tf="""
            layer = keras.layers.Embedding(300, 200)
            layer.build()
            tf.math.reduce_std(layer.embeddings)
        """,
        torch="""
            layer = torch.nn.Embedding(300, 200)
            torch.nn.init.uniform_(layer.weight, -0.05, 0.05)
            layer.weight.std()
        """,
        note="uniform_: PyTorch's deviation is 1",
        without="""
            layer = torch.nn.Embedding(300, 200)
            layer.weight.std()
        """,
        names=("keras.layers.Embedding", "torch.nn.Embedding", "torch.nn.init.uniform_"),
        within=STATISTICAL,
        difference="D053",
    ),
    Row(
        "initial bias of an LSTM's forget gate",
        tf="""
            layer = keras.layers.LSTM(3)
            layer.build((None, 5, 7))
            layer.cell.bias
        """,
        torch="""
            layer = torch.nn.LSTM(7, 3)
            with torch.no_grad():
                layer.bias_ih_l0.zero_()[3:6] = 1
                layer.bias_hh_l0.zero_()
            layer.bias_ih_l0 + layer.bias_hh_l0
        """,
        note="1 in Keras, uniform twice in PyTorch",
        without="""
            layer = torch.nn.LSTM(7, 3)
            layer.bias_ih_l0 + layer.bias_hh_l0
        """,
        names=("keras.layers.LSTM", "torch.nn.LSTM"),
        within=EXACT,
        difference="D055",
    ),
)
