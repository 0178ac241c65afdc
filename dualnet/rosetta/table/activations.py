"""Activation functions, softmax, dropout."""

from dualnet.rosetta.row import CLOSE, EXACT, FLOAT32, Row


def activation(
    name: str,
    *,
    tf: str = "",
    keras: str = "",
    torch: str = "",
    layer: str = "",
    inputs: str = "x",
    within: float = CLOSE,
    note: str = "",
    difference: str = "",
) -> Row:
    """An activation function of one name, as functions and as layers, without settings that must agree."""
    tf_texts = [f"tf.nn.{tf}({inputs})"] if tf else []
    tf_texts += [f"keras.activations.{keras or name}({inputs})", f"keras.ops.{keras or name}({inputs})"]
    torch_texts = [f"torch.{torch or 'nn.functional.' + name}({inputs})"]
    torch_texts += [f"torch.nn.{layer}()({inputs})"] if layer else []
    title = name.replace("_", " ")
    return Row(title, tuple(tf_texts), tuple(torch_texts), note, within=within, difference=difference)


ROWS = (
    activation("relu", tf="relu", layer="ReLU", within=EXACT),
    activation("relu6", tf="relu6", layer="ReLU6", inputs="3 * x"),
    activation("sigmoid", tf="sigmoid", torch="sigmoid", layer="Sigmoid"),
    activation("tanh", tf="tanh", torch="tanh", layer="Tanh"),
    activation("elu", tf="elu", layer="ELU"),
    activation("selu", tf="selu", layer="SELU", difference="D192", note="at exactly 0 the gradients differ"),
    activation("celu", layer="CELU", difference="D193", note="at exactly 0 Keras' gradient is 2"),
    activation("silu", tf="silu", layer="SiLU"),
    Row("mish", tf="keras.activations.mish(x)", torch=("torch.nn.functional.mish(x)", "torch.nn.Mish()(x)")),
    activation("softsign", tf="softsign", layer="Softsign"),
    activation("log_sigmoid", torch="nn.functional.logsigmoid", layer="LogSigmoid"),
    activation(
        "hard_tanh",
        torch="nn.functional.hardtanh",
        layer="Hardtanh",
        difference="D195",
        note="at exactly -1 and 1 the gradients differ",
    ),
    activation("hard_silu", torch="nn.functional.hardswish", layer="Hardswish", inputs="3 * x"),
    activation("tanh_shrink", torch="nn.functional.tanhshrink", layer="Tanhshrink"),
    activation("glu", layer="GLU", inputs="x[:, :6]"),
    Row(
        "selu with its gradient at zero",
        tf="tf.nn.selu(ties)",
        torch="torch.where(ties < 0, torch.nn.functional.selu(ties), 1.0507009873554805 * ties)",
        note="where: at exactly 0 TensorFlow has the slope of positive numbers, PyTorch that of negative ones",
        without="torch.nn.functional.selu(ties)",
        names=("tf.nn.selu", "torch.nn.functional.selu"),
        difference="D192",
    ),
    Row(
        "celu with its gradient at zero",
        tf="tf.where(ties > 0, ties, tf.math.expm1(ties))",
        torch="torch.nn.functional.celu(ties)",
        note="where: at exactly 0 the gradient of keras.ops.celu is 2",
        without="keras.ops.celu(ties)",
        difference="D193",
    ),
    Row(
        "hard tanh with its gradient at the bounds",
        tf="keras.ops.hard_tanh(ties)",
        torch="torch.where(ties < -1, -1.0, torch.where(ties > 1, 1.0, ties))",
        note="where: at exactly -1 and 1 the gradient is 1 in Keras, 0 in PyTorch",
        without="torch.nn.functional.hardtanh(ties)",
        within=EXACT,
        difference="D195",
    ),
    Row(
        "hard sigmoid",
        tf=("keras.activations.hard_sigmoid(3 * x)", "keras.ops.hard_sigmoid(3 * x)"),
        torch=("torch.nn.functional.hardsigmoid(3 * x)", "torch.nn.Hardsigmoid()(3 * x)"),
        note="Keras 2 had another one, of slope 0.2; the gradient's constant is float32 in TensorFlow",
        within=FLOAT32,
        without="tf.clip_by_value(0.2 * (3 * x) + 0.5, 0.0, 1.0)",
        difference="D191",
    ),
    Row(
        "softplus",
        tf=("tf.math.softplus(30 * x)", "keras.activations.softplus(30 * x)", "keras.ops.softplus(30 * x)"),
        torch=("torch.nn.functional.softplus(30 * x, threshold=1e9)", "torch.nn.Softplus(threshold=1e9)(30 * x)"),
        note="threshold=1e9: PyTorch is the identity above 20 otherwise, which differs by 2e-9",
        difference="D190",
    ),
    Row(
        "leaky relu",
        tf=(
            "keras.layers.LeakyReLU(negative_slope=0.25)(x)",
            "keras.activations.leaky_relu(x, negative_slope=0.25)",
            "keras.ops.leaky_relu(x, negative_slope=0.25)",
            "tf.nn.leaky_relu(x, alpha=0.25)",
        ),
        torch=("torch.nn.functional.leaky_relu(x, 0.25)", "torch.nn.LeakyReLU(0.25)(x)"),
        note="the slope: 0.3, 0.2 and 0.2 by default in Keras, 0.2 in TensorFlow, 0.01 in PyTorch",
        without=("keras.layers.LeakyReLU()(x)", "tf.nn.leaky_relu(x)", "torch.nn.functional.leaky_relu(x)"),
        difference="D189",
    ),
    Row(
        "gelu",
        tf=("tf.nn.gelu(x)", "keras.activations.gelu(x)", "keras.ops.gelu(x, approximate=False)"),
        torch=("torch.nn.functional.gelu(x)", "torch.nn.GELU()(x)"),
        note="approximate=False for keras.ops.gelu, whose default is tanh's; TensorFlow's constants are float32",
        without="keras.ops.gelu(x)",
        within=FLOAT32,
        difference="D188",
    ),
    Row(
        "gelu, by tanh",
        tf=("tf.nn.gelu(x, approximate=True)", "keras.activations.gelu(x, approximate=True)"),
        torch='torch.nn.functional.gelu(x, approximate="tanh")',
        note='approximate="tanh"; TensorFlow\'s constants are float32',
        without="torch.nn.functional.gelu(x)",
        within=FLOAT32,
        difference="D188",
    ),
    Row(
        "swish with a slope",
        tf="tf.nn.silu(x, beta=0.5)",
        torch="x * torch.sigmoid(0.5 * x)",
        note="PyTorch's has no slope",
        without="torch.nn.functional.silu(x)",
    ),
    Row(
        "relu with a bound",
        tf="keras.layers.ReLU(max_value=1.5)(x)",
        torch="torch.nn.functional.hardtanh(x, 0.0, 1.5)",
        difference="D195",
    ),
    Row(
        "relu above a threshold",
        tf=("keras.ops.threshold(x, 0.5, 0.25)", "keras.activations.threshold(x, 0.5, 0.25)"),
        torch="torch.nn.functional.threshold(x, 0.5, 0.25)",
    ),
    Row(
        "relu with a learned slope",
        tf="""
            layer = keras.layers.PReLU(shared_axes=[1, 2])
            layer(images)
        """,
        torch="""
            layer = torch.nn.PReLU(4)
            layer(images)
        """,
        note="shared_axes=[1, 2] for a slope for each channel; Keras starts with 0, PyTorch with 0.25",
        without="""
            layer = keras.layers.PReLU()
            layer(images)
        """,
        weights={"alpha": "weight.reshape(1, 1, 4)"},
        result="NHWC NCHW",
        difference="D061",
    ),
    Row("hard shrink", tf="keras.ops.hard_shrink(x, 0.25)", torch="torch.nn.functional.hardshrink(x, 0.25)"),
    Row("soft shrink", tf="keras.ops.soft_shrink(x, 0.25)", torch="torch.nn.functional.softshrink(x, 0.25)"),
    Row("concatenated relu", tf="tf.nn.crelu(x)", torch="torch.nn.functional.relu(torch.cat((x, -x), 1))"),
    Row(
        "softmax",
        tf=(
            "tf.nn.softmax(cube)",
            "keras.activations.softmax(cube)",
            "keras.layers.Softmax()(cube)",
            "keras.ops.softmax(cube)",
        ),
        torch=(
            "torch.softmax(cube, dim=-1)",
            "torch.nn.functional.softmax(cube, dim=-1)",
            "torch.nn.Softmax(dim=-1)(cube)",
        ),
        note="dim=-1: without it PyTorch takes another axis of three",
        without="torch.nn.functional.softmax(cube)",
        difference="D196",
    ),
    Row(
        "logarithm of softmax",
        tf=("tf.nn.log_softmax(x)", "keras.activations.log_softmax(x)", "keras.ops.log_softmax(x)"),
        torch=("torch.log_softmax(x, dim=-1)", "torch.nn.LogSoftmax(dim=-1)(x)"),
    ),
    Row(
        "softmax under a mask",
        tf="keras.layers.Softmax()(x, mask=mask)",
        torch="torch.softmax(x.masked_fill(~mask, -torch.inf), -1)",
        note="a row that is masked altogether is 0 in Keras, NaN in PyTorch",
        difference="D197",
    ),
    Row(
        "dropout that drops nothing",
        tf=("tf.nn.dropout(x, rate=0.0)", "keras.layers.Dropout(0.5)(x, training=False)"),
        torch=("torch.nn.functional.dropout(x, 0.5, training=False)", "torch.nn.Dropout(0.5).eval()(x)"),
        note="eval: PyTorch's modules train, Keras' layers do not unless they are told",
        without="torch.nn.Dropout(0.5)(x)",
        within=EXACT,
        difference="D275",
    ),
    Row(
        "dropout, by its mean and its zeros",
        tf="""
            kept = keras.layers.Dropout(0.25)(tf.ones((300, 300), tf.float64), training=True)
            tf.reduce_mean(kept), tf.reduce_max(kept), tf.reduce_mean(tf.cast(kept == 0, tf.float64))
        """,
        torch="""
            kept = torch.nn.Dropout(0.25)(torch.ones(300, 300))
            kept.mean(), kept.max(), (kept == 0).double().mean()
        """,
        note="the rate is of what is dropped; what is kept grows on both sides",
        names=("keras.layers.Dropout", "torch.nn.Dropout"),
        within=0.01,
        difference="D276",
    ),
    Row(
        "dropout of whole channels",
        tf="""
            kept = keras.layers.SpatialDropout2D(0.5)(tf.ones((64, 5, 6, 32), tf.float64), training=True)
            tf.reduce_max(tf.math.reduce_variance(kept, (1, 2)))
        """,
        torch="""
            kept = torch.nn.Dropout2d(0.5)(torch.ones(64, 32, 5, 6))
            kept.var((2, 3), correction=0).max()
        """,
        note="the last axis in Keras, the second in PyTorch: within each channel the variance is 0",
        without="""
            kept = torch.nn.Dropout2d(0.5)(torch.ones(64, 5, 6, 32))
            kept.var((1, 2), correction=0).max()
        """,
        names=("keras.layers.SpatialDropout2D", "torch.nn.Dropout2d"),
        within=EXACT,
        difference="D277",
    ),
    Row(
        "alpha dropout",
        tf="""
            values = keras.layers.AlphaDropout(0.25, seed=0)(tf.ones((9, 9), tf.float64), training=True)
            tf.reduce_min(values), tf.reduce_max(values)
        """,
        torch="""
            values = torch.nn.AlphaDropout(0.25)(torch.ones(9, 9))
            values.min(), values.max()
        """,
        note="the two values are the same, where they stand is not",
        names=("keras.layers.AlphaDropout", "torch.nn.AlphaDropout"),
        difference="D278",
    ),
    Row(
        "noise of a layer, off",
        tf="keras.layers.GaussianNoise(0.5)(x, training=False)",
        torch="torch.nn.Identity()(x)",
        note="PyTorch has none: x + 0.5 * torch.randn_like(x) in training",
        names="keras.layers.GaussianNoise",
        within=EXACT,
    ),
    Row(
        "normalized to length one",
        tf=(
            "tf.math.l2_normalize(x, axis=1)",
            "keras.layers.UnitNormalization(axis=1)(x)",
            "keras.ops.normalize(x, axis=1)",
        ),
        torch="torch.nn.functional.normalize(x, dim=1, eps=1e-6)",
        note="axis=1: else tf.math.l2_normalize takes the whole tensor; eps=1e-6: TensorFlow's 1e-12 is of the square",
        without="tf.math.l2_normalize(x)",
        difference="D046",
    ),
    Row(
        "tiny vectors normalized to length one",
        tf="tf.math.l2_normalize(1e-8 * x, axis=1)",
        torch="torch.nn.functional.normalize(1e-8 * x, dim=1, eps=1e-6)",
        note="eps=1e-6: TensorFlow's 1e-12 is of the square",
        without="torch.nn.functional.normalize(1e-8 * x, dim=1)",
        difference="D046",
    ),
    Row(
        "response normalized locally",
        tf="""
            x = tf.cast(images, tf.float32)
            tf.nn.local_response_normalization(x, depth_radius=1, bias=2.0, alpha=0.25, beta=0.75)
        """,
        torch="torch.nn.functional.local_response_norm(images.float(), 3, alpha=0.75, beta=0.75, k=2.0)",
        note="size = 2 * depth_radius + 1, alpha times size; TensorFlow's is of float32",
        without="torch.nn.functional.local_response_norm(images.float(), 3, alpha=0.25, beta=0.75, k=2.0)",
        names=("tf.nn.local_response_normalization", "torch.nn.functional.local_response_norm"),
        result="NHWC NCHW",
        within=FLOAT32,
        difference="D101",
    ),
)
