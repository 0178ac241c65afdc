"""Dense layers, embeddings, normalization, and what puts layers together."""

from dualnet.rosetta.row import EXACT, Row

IMAGES = "NHWC NCHW"
AFFINE = {"gamma": "weight", "beta": "bias"}
RUNNING = {**AFFINE, "moving_mean": "running_mean", "moving_variance": "running_var"}
DENSE = {"kernel": "weight.T", "bias": "bias"}

ROWS = (
    Row(
        "dense layer",
        tf="""
            layer = keras.layers.Dense(3)
            layer(x)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            layer(x)
        """,
        note="the kernel is in, out in Keras, out, in in PyTorch",
        weights=DENSE,
        difference="D008",
    ),
    Row(
        "dense layer of sequences",
        tf="""
            layer = keras.layers.Dense(3)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            layer(sequence)
        """,
        note="the last axis on both sides",
        weights=DENSE,
        difference="D008",
    ),
    Row(
        "dense layer without bias",
        tf="""
            layer = keras.layers.Dense(3, use_bias=False)
            layer(x)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3, bias=False)
            layer(x)
        """,
        weights={"kernel": "weight.T"},
        difference="D008",
    ),
    Row(
        "dense layer with an activation",
        tf="""
            layer = keras.layers.Dense(3, activation="tanh")
            layer(x)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3)
            torch.tanh(layer(x))
        """,
        note="the activation is a step of its own in PyTorch",
        without="""
            layer = torch.nn.Linear(7, 3)
            layer(x)
        """,
        weights=DENSE,
        names=("keras.layers.Dense", "torch.nn.Linear"),
    ),
    Row(
        "dense layer over two axes",
        tf="""
            layer = keras.layers.EinsumDense("btc,tcd->bd", output_shape=3)
            layer(cube)
        """,
        torch="""
            layer = torch.nn.Linear(35, 3, bias=False)
            layer(cube.flatten(1))
        """,
        weights={"kernel": "weight.T.reshape(5, 7, 3)"},
    ),
    Row(
        "bilinear layer",
        tf='tf.einsum("ni,oij,nj->no", points, tf.reshape(table[:9], (3, 3, 3)), others)',
        torch="torch.nn.functional.bilinear(points, others, table[:9].reshape(3, 3, 3))",
        names="torch.nn.functional.bilinear",
    ),
    Row(
        "affine map, as a function",
        tf=("tf.linalg.matmul(x, weight) + bias", "tf.nn.bias_add(tf.linalg.matmul(x, weight), bias)"),
        torch="torch.nn.functional.linear(x, weight.T, bias)",
        note="weight.T: out, in",
        without="torch.nn.functional.linear(x, weight, bias)",
        names=("tf.linalg.matmul", "tf.nn.bias_add", "torch.nn.functional.linear"),
        difference="D008",
    ),
    Row(
        "embedding",
        tf="""
            layer = keras.layers.Embedding(11, 3)
            layer(tokens)
        """,
        torch="""
            layer = torch.nn.Embedding(11, 3)
            layer(tokens)
        """,
        weights={"embeddings": "weight"},
        difference="D053",
    ),
    Row(
        "embedding, as a function",
        tf=(
            "tf.nn.embedding_lookup(table, tokens)",
            "tf.gather(table, tokens)",
            "keras.ops.take(table, tokens, axis=0)",
        ),
        torch=("torch.nn.functional.embedding(tokens, table)", "table[tokens]"),
        note="Keras takes the last row for -1, the others raise",
        names=("tf.nn.embedding_lookup", "torch.nn.functional.embedding"),
        within=EXACT,
        difference="D085",
    ),
    Row(
        "embedding of bounded length",
        tf="tf.nn.embedding_lookup(table, tokens, max_norm=1.0)",
        torch="torch.renorm(table[tokens].flatten(0, 1), 2, 0, 1.0).reshape(2, 5, 3)",
        note="torch.nn.Embedding(max_norm=) changes the table itself",
        names=("tf.nn.embedding_lookup", "torch.renorm"),
        within=1e-6,
        difference="D084",
    ),
    Row(
        "means of embeddings",
        tf="tf.reduce_mean(tf.gather(table, tokens), 1)",
        torch='torch.nn.functional.embedding_bag(tokens, table, mode="mean")',
        names=("tf.gather", "torch.nn.functional.embedding_bag"),
    ),
    Row(
        "batch normalization, in training",
        tf="""
            layer = keras.layers.BatchNormalization(momentum=0.75, epsilon=1e-5)
            layer(images, training=True)
        """,
        torch="""
            layer = torch.nn.BatchNorm2d(4, eps=1e-5, momentum=0.25)
            layer(images)
        """,
        note="epsilon=1e-5, Keras' default is 1e-3; training=True",
        without=(
            """
                layer = keras.layers.BatchNormalization(momentum=0.75)
                layer(images, training=True)
            """,
            """
                layer = keras.layers.BatchNormalization(momentum=0.75, epsilon=1e-5)
                layer(images)
            """,
        ),
        weights=RUNNING,
        result=IMAGES,
        difference="D030",
    ),
    Row(
        "batch normalization, in evaluation",
        tf="""
            layer = keras.layers.BatchNormalization(epsilon=1e-5)
            layer(images, training=False)
        """,
        torch="""
            layer = torch.nn.BatchNorm2d(4, eps=1e-5).eval()
            layer(images)
        """,
        note="eval: PyTorch's modules train unless they are told",
        without="""
            layer = torch.nn.BatchNorm2d(4, eps=1e-5)
            layer(images)
        """,
        weights=RUNNING,
        result=IMAGES,
        difference="D275",
    ),
    Row(
        "batch normalization: the running mean",
        tf="""
            layer = keras.layers.BatchNormalization(momentum=0.75)
            (layer(images, training=True), layer.moving_mean)[1]
        """,
        torch="""
            layer = torch.nn.BatchNorm2d(4, momentum=0.25)
            (layer(images), layer.running_mean)[1]
        """,
        note="momentum is what is kept in Keras, what is new in PyTorch",
        without="""
            layer = torch.nn.BatchNorm2d(4, momentum=0.75)
            (layer(images), layer.running_mean)[1]
        """,
        weights=RUNNING,
        gradients=False,
        difference="D031",
    ),
    Row(
        "batch normalization: the running variance",
        tf="""
            layer = keras.layers.BatchNormalization(momentum=0.75)
            (layer(images, training=True), layer.moving_variance)[1]
        """,
        torch="""
            layer = torch.nn.BatchNorm2d(4, momentum=0.25)
            kept = 0.75 * layer.running_var
            (layer(images), kept + (layer.running_var - kept) * 259 / 260)[1]
        """,
        note="* (n - 1) / n: PyTorch keeps the unbiased variance, here of 260 numbers",
        without="""
            layer = torch.nn.BatchNorm2d(4, momentum=0.25)
            (layer(images), layer.running_var)[1]
        """,
        weights=RUNNING,
        gradients=False,
        difference="D033",
    ),
    Row(
        "batch normalization of features",
        tf="""
            layer = keras.layers.BatchNormalization(epsilon=1e-5)
            layer(x, training=True)
        """,
        torch="""
            layer = torch.nn.BatchNorm1d(7)
            layer(x)
        """,
        note="epsilon=1e-5, Keras' default is 1e-3",
        without="""
            layer = keras.layers.BatchNormalization()
            layer(x, training=True)
        """,
        weights=RUNNING,
        difference="D030",
    ),
    Row(
        "batch normalization, as a function",
        tf="tf.nn.batch_normalization(x, u, tf.square(v), v, u, 1e-5)",
        torch="torch.nn.functional.batch_norm(x, u, torch.square(v), u, v, eps=1e-5)",
        note="TensorFlow: mean, variance, offset, scale; PyTorch: mean, variance, weight, bias",
        without="torch.nn.functional.batch_norm(x, u, torch.square(v), v, u, eps=1e-5)",
        gradients=False,
    ),
    Row(
        "layer normalization",
        tf="""
            layer = keras.layers.LayerNormalization(epsilon=1e-5)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LayerNorm(7)
            layer(sequence)
        """,
        note="epsilon=1e-5, Keras' default is 1e-3",
        without="""
            layer = keras.layers.LayerNormalization()
            layer(sequence)
        """,
        weights=AFFINE,
        difference="D041",
    ),
    Row(
        "layer normalization of whole samples",
        tf="""
            layer = keras.layers.LayerNormalization(axis=[1, 2], epsilon=1e-5)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.LayerNorm((5, 7))
            layer(sequence)
        """,
        note="axis=[1, 2]: Keras normalizes the last axis by default",
        without="""
            layer = keras.layers.LayerNormalization(epsilon=1e-5)
            layer(sequence)
        """,
        weights=AFFINE,
        difference="D042",
    ),
    Row(
        "layer normalization, as a function",
        tf="keras.ops.layer_normalization(x, gamma=v, beta=u, epsilon=1e-5)",
        torch="torch.nn.functional.layer_norm(x, (7,), v, u)",
        note="epsilon=1e-5, Keras' default is 1e-3",
        without="keras.ops.layer_normalization(x, gamma=v, beta=u)",
        difference="D041",
    ),
    Row(
        "group normalization",
        tf="""
            layer = keras.layers.GroupNormalization(groups=2, epsilon=1e-5)
            layer(images)
        """,
        torch="""
            layer = torch.nn.GroupNorm(2, 4)
            layer(images)
        """,
        note="epsilon=1e-5, Keras' default is 1e-3; 32 groups by default",
        without="""
            layer = keras.layers.GroupNormalization(groups=2)
            layer(images)
        """,
        weights=AFFINE,
        result=IMAGES,
        difference="D043",
    ),
    Row(
        "instance normalization",
        tf="""
            layer = keras.layers.GroupNormalization(groups=-1, epsilon=1e-5)
            layer(images)
        """,
        torch="""
            layer = torch.nn.InstanceNorm2d(4, affine=True)
            layer(images)
        """,
        note="groups=-1, epsilon=1e-5 in Keras; affine=True in PyTorch",
        without="""
            layer = keras.layers.GroupNormalization(groups=-1)
            layer(images)
        """,
        weights=AFFINE,
        result=IMAGES,
        difference="D044",
    ),
    Row(
        "root mean square normalization",
        tf="""
            layer = keras.layers.RMSNormalization(epsilon=1e-6)
            layer(sequence)
        """,
        torch="""
            layer = torch.nn.RMSNorm(7, eps=1e-6)
            layer(sequence)
        """,
        note="eps=1e-6: PyTorch's default is that of the type",
        without="""
            layer = torch.nn.RMSNorm(7)
            layer(sequence)
        """,
        weights={"scale": "weight"},
        difference="D045",
    ),
    Row(
        "features to mean 0 and variance 1",
        tf="keras.layers.Normalization(mean=0.5, variance=4.0)(x)",
        torch="(x - 0.5) / 2.0",
    ),
    Row("numbers rescaled", tf="keras.layers.Rescaling(0.5, offset=-1.0)(x)", torch="0.5 * x - 1.0"),
    Row("flattened, layer", tf="keras.layers.Flatten()(cube)", torch="torch.nn.Flatten()(cube)", within=EXACT),
    Row(
        "reshaped, layer",
        tf="keras.layers.Reshape((7, 5))(cube)",
        torch="torch.nn.Unflatten(1, (7, 5))(cube.flatten(1))",
        within=EXACT,
    ),
    Row(
        "features reshaped to images",
        tf="keras.layers.Reshape((2, 2, 3))(tf.reshape(cube[:, :4, :6], (2, 24))[:, :12])",
        torch="cube[:, :4, :6].reshape(2, 24)[:, :12].reshape(2, 2, 2, 3).permute(0, 3, 1, 2)",
        note="permute: channels vary fastest in Keras",
        without="cube[:, :4, :6].reshape(2, 24)[:, :12].reshape(2, 3, 2, 2)",
        names="keras.layers.Reshape",
        result=IMAGES,
        within=EXACT,
        difference="D020",
    ),
    Row("axes permuted, layer", tf="keras.layers.Permute((2, 1))(cube)", torch="cube.permute(0, 2, 1)", within=EXACT),
    Row(
        "repeated, layer",
        tf="keras.layers.RepeatVector(3)(x)",
        torch="x.unsqueeze(1).expand(5, 3, 7)",
        within=EXACT,
    ),
    Row("sum, layer", tf="keras.layers.Add()([x, y])", torch="x + y", within=EXACT),
    Row(
        "concatenation, layer",
        tf="keras.layers.Concatenate(axis=-1)([x, y])",
        torch="torch.cat((x, y), -1)",
        within=EXACT,
    ),
    Row(
        "products of pairs of vectors, layer",
        tf="keras.layers.Dot(axes=-1)([x, y])",
        torch="(x * y).sum(-1, keepdim=True)",
    ),
    Row(
        "layers one after the other",
        tf="""
            first, second = keras.layers.Dense(5, name="first"), keras.layers.Dense(3, name="second")
            layer = keras.Sequential([first, keras.layers.ReLU(), second])
            layer(x)
        """,
        torch="""
            layer = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
            layer(x)
        """,
        weights={
            "first/kernel": "layer[0].weight.T",
            "first/bias": "layer[0].bias",
            "second/kernel": "layer[2].weight.T",
            "second/bias": "layer[2].bias",
        },
        names=("keras.Sequential", "torch.nn.Sequential"),
    ),
    Row(
        "weights divided by their largest singular value",
        tf="""
            layer = keras.layers.SpectralNormalization(keras.layers.Dense(3, use_bias=False), power_iterations=1)
            layer(x, training=False)
        """,
        torch="""
            layer = torch.nn.Linear(7, 3, bias=False)
            layer(x)
        """,
        note="not in training; in training Keras divides the stored kernel, PyTorch's spectral_norm what it computes",
        weights={"kernel": "weight.T", "vector_u": "weight.new_ones(1, 3)"},
        names=("keras.layers.SpectralNormalization", "torch.nn.Linear"),
        difference="D048",
    ),
)
